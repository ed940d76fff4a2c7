"""The mail that arrived: one copy for each recipient, as in real mailboxes."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import delete, func, insert, select

from portal.sandbox.schema import MAIL, folded
from portal.sandbox.store import Store, new_id

MOST_KEPT: Final = 1000

_SHOWN: Final = (
    MAIL.c.id,
    MAIL.c.recipient.label("to"),
    MAIL.c.sender.label("from"),
    MAIL.c.subject,
    MAIL.c.text,
    MAIL.c.html,
    MAIL.c.received_at,
)


@dataclass(frozen=True)
class Letter:
    """A parsed message; a part that it does not have is empty."""

    sender: str
    subject: str
    text: str
    html: str


def parse_letter(content: bytes, envelope_sender: str) -> Letter:
    """The readable parts of an RFC 5322 message, however broken it is."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return Letter(
        sender=_header(message, "From") or envelope_sender,
        subject=_header(message, "Subject"),
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def keep_letter(store: Store, letter: Letter, recipients: list[str]) -> None:
    """Store a copy for each recipient; only the newest thousand letters stay."""
    rows = [
        {
            "id": new_id("mail"),
            "recipient": recipient,
            "address": folded(recipient),
            "sender": letter.sender,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "received_at": store.now(),
        }
        for recipient in dict.fromkeys(recipients)
    ]
    with store.writing() as connection:
        connection.execute(insert(MAIL), rows)
        newest = connection.scalar(select(func.max(MAIL.c.number))) or 0
        connection.execute(delete(MAIL).where(MAIL.c.number <= newest - MOST_KEPT))


def list_letters(store: Store, to: str | None = None) -> list[dict[str, Any]]:
    """Letters, newest first; those to the whole address `to` when given, whatever its case."""
    statement = select(*_SHOWN).order_by(MAIL.c.number.desc())
    if to is not None:
        statement = statement.where(MAIL.c.address == folded(to.strip()))
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def find_letter(store: Store, letter_id: str) -> dict[str, Any] | None:
    """One letter, or None."""
    with store.reading() as connection:
        row = connection.execute(select(*_SHOWN).where(MAIL.c.id == letter_id)).mappings().first()
    return None if row is None else dict(row)


def delete_letters(store: Store) -> None:
    """Empty the mailbox."""
    with store.writing() as connection:
        connection.execute(delete(MAIL))


def _header(message: EmailMessage, name: str) -> str:
    try:
        return _storable(str(message.get(name, "")))
    except (ValueError, IndexError, AttributeError, TypeError):
        # The header parser of the standard library fails on some malformed headers.
        return ""


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        return _storable(content.decode(part.get_content_charset("utf-8"), "replace"))
    except LookupError:
        return _storable(content.decode("utf-8", "replace"))


def _storable(text: str) -> str:
    """Text that UTF-8 can carry: undecodable bytes of a mail arrive as lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\x00", "")
