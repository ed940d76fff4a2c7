"""Sending mail: one message, text and HTML, over SMTP."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid, parseaddr
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
from email_validator import validate_email

TIMEOUT: Final = 10.0


@dataclass(frozen=True)
class Letter:
    """What is to be sent, to one address as the CRM stores it."""

    to: str
    subject: str
    text: str
    html: str


class Mailer(Protocol):
    """Something that delivers letters. Raises MailFailed when it could not."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over; returning means that it was accepted."""

    async def check(self) -> str:
        """Connect without sending; what to call the server. Raises MailFailed."""


class MailFailed(Exception):
    """The mail server did not take the letter."""


class SmtpMailer:
    """Sends through `smtp_url`: `smtp://host:port`, `smtp+starttls://user:pass@…`, `smtps://…`."""

    def __init__(self, smtp_url: str, mail_from: str) -> None:
        parts = urlsplit(smtp_url)
        self._tls = parts.scheme == "smtps"
        self._starttls = parts.scheme == "smtp+starttls"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (465 if self._tls else 587 if self._starttls else 25)
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._from = mail_from

    async def send(self, letter: Letter) -> None:
        """Deliver over SMTP. Raises MailFailed."""
        try:
            await aiosmtplib.send(
                compose(letter, self._from),
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._tls,
                start_tls=self._starttls,
                timeout=TIMEOUT,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailFailed(f"{type(error).__name__}: {error}") from error

    async def check(self) -> str:
        """Say hello to the mail server, signing in when there is a user. Raises MailFailed."""
        server = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            use_tls=self._tls,
            start_tls=self._starttls,
            timeout=TIMEOUT,
        )
        try:
            async with server:
                await server.noop()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailFailed(
                f"{self._host}:{self._port} {type(error).__name__}: {error}"
            ) from error
        return f"{self._host}:{self._port} answers"


def compose(letter: Letter, mail_from: str) -> EmailMessage:
    """The letter as a message of two alternatives.

    A domain outside ASCII is written in its IDNA form; a local part outside ASCII needs a server
    that speaks SMTPUTF8 (RFC 6531). Raises ValueError for an unusable address.
    """
    to = validate_email(letter.to.strip(), check_deliverability=False, test_environment=True)
    message = EmailMessage(policy=SMTP if to.local_part.isascii() else SMTPUTF8)
    name, address = parseaddr(mail_from)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(username=to.local_part, domain=to.ascii_domain or to.domain)
    message["Subject"] = letter.subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(domain=address.rpartition("@")[2] or "localhost")
    # Neither replies from robots nor a place in "focused" lists: this is a reply to a request.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message
