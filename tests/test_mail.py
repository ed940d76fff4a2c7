"""Letters: two alternatives, one address, no header that somebody slipped in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.mail import Letter, MailFailed, SmtpMailer, compose

SENDER = "Mode <no-reply@mode.example>"


def letter(to: str = "jane@acme.com", subject: str = "Sign in to Mode") -> Letter:
    return Letter(to, subject, "Hello, Jane.\n123456\n", "<p>Hello, <b>Jané</b>.</p>\n")


def test_a_letter_has_a_text_and_an_html_part_in_that_order() -> None:
    message = compose(letter(), SENDER)
    assert message.get_content_type() == "multipart/alternative"
    parts = [p for p in message.iter_parts() if isinstance(p, EmailMessage)]
    assert [p.get_content_type() for p in parts] == ["text/plain", "text/html"]
    assert parts[0].get_content() == "Hello, Jane.\n123456\n"
    assert parts[1].get_content() == "<p>Hello, <b>Jané</b>.</p>\n"


def test_a_letter_says_who_to_whom_and_that_a_machine_wrote_it() -> None:
    message = compose(letter(), SENDER)
    assert (message["From"], message["To"]) == (SENDER, "jane@acme.com")
    assert message["Subject"] == "Sign in to Mode"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"]
    assert message["Message-ID"].endswith("@mode.example>")
    assert compose(letter(), SENDER)["Message-ID"] != message["Message-ID"]


def test_names_outside_ascii_are_encoded() -> None:
    message = compose(letter(subject="Zażółć"), "Möde <no-reply@mode.example>")
    raw = message.as_bytes()
    assert raw.partition(b"\r\n\r\n")[0].isascii()
    read = message_from_bytes(raw, policy=SMTPUTF8)
    assert (read["Subject"], read["From"]) == ("Zażółć", "Möde <no-reply@mode.example>")


def test_a_domain_outside_ascii_goes_in_the_form_that_mail_servers_know() -> None:
    assert compose(letter("jane@bücher.example"), SENDER)["To"] == "jane@xn--bcher-kva.example"


def test_spaces_around_an_address_of_the_crm_do_not_matter() -> None:
    assert compose(letter(" jane@acme.com "), SENDER)["To"] == "jane@acme.com"


@pytest.mark.parametrize(
    "to",
    [
        "",
        "jane",
        "jane@",
        "@acme.com",
        "jane@acme.com\r\nBcc: x@evil.example",
        "jane@acme.com\nBcc: x@evil.example",
        "jane@acme.com, x@evil.example",
        "Jane <jane@acme.com>",
        '"jane smith"@acme.com',
        "jane smith@acme.com",
    ],
)
def test_an_address_that_is_not_exactly_one_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compose(letter(to), SENDER)


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: x@evil.example", "Hi\nX: y", "Hi\rX: y"])
def test_a_subject_cannot_bring_headers_along(subject: str) -> None:
    with pytest.raises(ValueError, match="linefeed or carriage return"):
        compose(letter(subject=subject), SENDER)


@given(st.text(max_size=40) | st.emails(), st.text(max_size=40))
@settings(deadline=None)
def test_whatever_is_put_in_one_recipient_or_none_comes_out(to: str, subject: str) -> None:
    try:
        message = compose(letter(to, subject), SENDER)
    except ValueError:
        return
    read = message_from_bytes(message.as_bytes(), policy=SMTPUTF8)
    allowed = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]
    assert read.keys()[:6] == allowed
    assert set(read.keys()[6:]) <= {"MIME-Version", "Content-Type"}
    assert len(read["To"].addresses) == 1


# How the server is spoken to


def options(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Catches what aiosmtplib is told, in place of sending."""
    told: dict[str, Any] = {}

    async def send(_message: EmailMessage, **given: Any) -> None:
        told.update(given)

    monkeypatch.setattr(aiosmtplib, "send", send)
    return told


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, None, None, False, False)),
        ("smtp://127.0.0.1:8725", ("127.0.0.1", 8725, None, None, False, False)),
        ("smtp://[::1]:8725", ("::1", 8725, None, None, False, False)),
        ("smtps://me:p%40%2F@mail.example", ("mail.example", 465, "me", "p@/", True, False)),
        ("smtp+starttls://a%40b:x@mail.example", ("mail.example", 587, "a@b", "x", False, True)),
        ("smtp+starttls://mail.example:25", ("mail.example", 25, None, None, False, True)),
    ],
)
async def test_the_address_of_the_server_says_how_to_speak_to_it(
    monkeypatch: pytest.MonkeyPatch, url: str, expected: tuple[Any, ...]
) -> None:
    told = options(monkeypatch)
    await SmtpMailer(url, SENDER).send(letter())
    names = ("hostname", "port", "username", "password", "use_tls", "start_tls")
    assert tuple(told[name] for name in names) == expected
    assert told["timeout"] > 0


@dataclass
class Mailbox:
    """A mail server's end: keeps what comes, unless told to refuse it."""

    refuse: bool = False
    envelopes: list[Any] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Called by aiosmtpd for each letter."""
        if self.refuse:
            return "554 not wanted"
        self.envelopes.append(envelope)
        return "250 kept"


@asynccontextmanager
async def mail_server(mailbox: Mailbox, **options: Any) -> AsyncIterator[str]:
    """A real listener on a free port; gives its `smtp://` address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="mail.example", loop=loop, **options), "127.0.0.1", 0
    )
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_letter_arrives_whole() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as url:
        mailer = SmtpMailer(url, SENDER)
        assert "answers" in await mailer.check()
        await mailer.send(letter())
    [envelope] = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@mode.example", ["jane@acme.com"])
    read = message_from_bytes(envelope.content, policy=SMTPUTF8)
    assert read.is_multipart()
    assert "123456" in str(read)


def test_a_name_outside_ascii_is_written_as_it_is() -> None:
    assert "To: zoë@acme.com\r\n".encode() in compose(letter("zoë@acme.com"), SENDER).as_bytes()


async def test_a_name_outside_ascii_needs_a_server_that_knows_such() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox, enable_SMTPUTF8=True) as url:
        await SmtpMailer(url, SENDER).send(letter("zoë@acme.com"))
    assert [e.rcpt_tos for e in mailbox.envelopes] == [["zoë@acme.com"]]
    async with mail_server(mailbox) as url:
        with pytest.raises(MailFailed, match="UTF8"):
            await SmtpMailer(url, SENDER).send(letter("zoë@acme.com"))


async def test_a_refused_letter_and_an_absent_server_are_told_alike() -> None:
    async with mail_server(Mailbox(refuse=True)) as url:
        with pytest.raises(MailFailed, match="554"):
            await SmtpMailer(url, SENDER).send(letter())
    mailer = SmtpMailer(url, SENDER)
    with pytest.raises(MailFailed):
        await mailer.send(letter())
    with pytest.raises(MailFailed, match=r"127\.0\.0\.1"):
        await mailer.check()


async def test_a_letter_to_nowhere_is_a_failed_one() -> None:
    with pytest.raises(MailFailed):
        await SmtpMailer("smtp://127.0.0.1:1", SENDER).send(letter("not an address"))


# What only some letters have


def test_a_letter_that_may_be_sent_again_keeps_its_message_id() -> None:
    once, again = (
        compose(replace(letter(), reference="notice.0123456789abcdef"), SENDER) for _ in range(2)
    )
    assert once["Message-ID"] == again["Message-ID"] == "<notice.0123456789abcdef@mode.example>"


def test_a_letter_can_say_how_to_be_spared_the_next_one() -> None:
    link = f"https://mode.example/notices/unsubscribe?token={'x' * 120}"
    ways = f"<{link}>, <mailto:support@mode.example?subject=unsubscribe>"
    headers = {"List-Unsubscribe": ways, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    raw = compose(replace(letter(), headers=headers), SENDER).as_bytes()
    # Whole on the wire: an encoded word would be no address, and no line is over its limit.
    assert f"List-Unsubscribe: <{link}>,\r\n <mailto:".encode() in raw
    assert max(len(line) for line in raw.split(b"\r\n")) < 998
    read = message_from_bytes(raw, policy=SMTPUTF8)
    assert {name: read[name] for name in headers} == headers


@pytest.mark.parametrize("name", ["To", "subject", "Message-ID", "Auto-Submitted", "FROM"])
def test_no_header_of_a_letter_can_be_given_again(name: str) -> None:
    with pytest.raises(ValueError, match="already"):
        compose(replace(letter(), headers={name: "x"}), SENDER)


@pytest.mark.parametrize("value", ["a\r\nBcc: x@evil.example", "a\nB: c"])
def test_a_header_cannot_bring_others_along(value: str) -> None:
    for name in ("List-Unsubscribe", "X-Other"):
        with pytest.raises(ValueError, match="linefeed or carriage return"):
            compose(replace(letter(), headers={name: value}), SENDER)
