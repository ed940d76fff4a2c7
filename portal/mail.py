"""Sending mail: one message, text and HTML, over SMTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy, Policy
from email.utils import formatdate, make_msgid, parseaddr
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

TIMEOUT: Final = 10.0


@dataclass(frozen=True)
class Letter:
    """What is to be sent, to one address as the CRM stores it.

    `reference` is the part of the Message-ID before the `@`: a letter that may have to be sent
    again keeps the same, so that mailboxes can tell; empty is a new one each time. `headers` come
    on top of those that every letter has, and never take the place of one.
    """

    to: str
    subject: str
    text: str
    html: str
    reference: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Addresses(UnstructuredHeader, BaseHeader):
    """A header of addresses, broken after commas alone.

    What is too long for a line, the library would else write as an encoded word, which is no
    address to whoever reads it (RFC 2369).
    """

    def fold(self, *, policy: Policy) -> str:
        """The header as it is sent."""
        value = str(self).replace(", ", f",{policy.linesep} ")
        return f"{self.name}: {value}{policy.linesep}"


def _whole_addresses(policy: EmailPolicy[EmailMessage]) -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    registry.map_to_type("list-unsubscribe", _Addresses)
    return policy.clone(header_factory=registry)


_PLAIN: Final = _whole_addresses(SMTP)
_UTF8: Final = _whole_addresses(SMTPUTF8)


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
        # When first needed: loading it takes 7 ms of a start.
        import aiosmtplib

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
        import aiosmtplib

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
    that speaks SMTPUTF8 (RFC 6531). Raises ValueError for an unusable address, and for a header
    that is there already.
    """
    # When first needed: loading it takes 30 ms of a start.
    from email_validator import validate_email

    to = validate_email(letter.to.strip(), check_deliverability=False, test_environment=True)
    message = EmailMessage(policy=_PLAIN if to.local_part.isascii() else _UTF8)
    name, address = parseaddr(mail_from)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(username=to.local_part, domain=to.ascii_domain or to.domain)
    if not {"\r", "\n"}.isdisjoint(letter.subject):
        raise ValueError("a subject has no linefeed or carriage return")
    message["Subject"] = letter.subject
    message["Date"] = formatdate(usegmt=True)
    domain = address.rpartition("@")[2] or "localhost"
    message["Message-ID"] = (
        f"<{letter.reference}@{domain}>" if letter.reference else make_msgid(domain=domain)
    )
    # Neither replies from robots nor a place in "focused" lists: this is a reply to a request.
    message["Auto-Submitted"] = "auto-generated"
    for name, value in letter.headers.items():
        if name in message:
            raise ValueError(f"a letter has a {name} already")
        message[name] = value
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message
