"""Sign-in links and codes: made for one contact, kept as hashes, good for ten minutes and once."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from secrets import randbelow, token_urlsafe
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from portal.sandbox.auth.people import Contact
from portal.sandbox.auth.tables import HUB_LINKS
from portal.sandbox.schema import folded
from portal.sandbox.store import Store, new_id, stamp

LIFETIME: Final = timedelta(minutes=10)
KEPT: Final = timedelta(hours=1)
MOST_TRIES: Final = 5
MOST_LINKS: Final = 5
"""For one address within a link's lifetime: bounds both the mail and the guessing of codes."""

TOKEN_BYTES: Final = 32

_C: Final = HUB_LINKS.c


@dataclass(frozen=True)
class Link:
    """A link that waits to be used."""

    id: str
    contact_id: str
    redirect: str


@dataclass(frozen=True)
class Secrets:
    """What goes into the mail and is kept nowhere."""

    token: str
    code: str


class Links:
    """The links of one store. `secret` keys the codes' hashes: six digits alone are soon tried."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store = store
        self._secret = secret

    def create(self, connection: Connection, contact: Contact, redirect: str) -> Secrets | None:
        """A new link for the contact; None when this address was sent too many just now."""
        now, address = self._store.clock(), folded(contact["email"])
        connection.execute(delete(HUB_LINKS).where(_C.expires_at < stamp(now - KEPT)))
        recent = select(func.count()).where(
            _C.address == address, _C.created_at > stamp(now - LIFETIME)
        )
        if (connection.scalar(recent) or 0) >= MOST_LINKS:
            return None
        link_id = new_id("link")
        made = Secrets(token_urlsafe(TOKEN_BYTES), f"{randbelow(10**6):06d}")
        connection.execute(
            insert(HUB_LINKS).values(
                id=link_id,
                contact_id=contact["id"],
                address=address,
                token_hash=_token_hash(made.token),
                code_hash=self._code_hash(link_id, made.code),
                redirect=redirect,
                tries=0,
                created_at=stamp(now),
                expires_at=stamp(now + LIFETIME),
            )
        )
        return made

    def find(self, connection: Connection, token: str) -> Link | None:
        """The link of a token that can still be used; it stays usable."""
        return _link(
            connection.execute(
                select(HUB_LINKS).where(_C.token_hash == _token_hash(token), *self._live())
            ).first()
        )

    def use_token(self, connection: Connection, token: str) -> Link | None:
        """Use the link up. One statement decides who was first."""
        used = connection.execute(
            update(HUB_LINKS)
            .where(_C.token_hash == _token_hash(token), *self._live())
            .values(ended_at=self._store.now())
            .returning(HUB_LINKS)
        ).first()
        return self._used(connection, used)

    def use_code(self, connection: Connection, address: str, code: str) -> Link | None:
        """Use up the newest link of the address, if the code is its; a wrong one is counted.

        The transaction must hold the write lock, so that tries at the same time are all counted.
        """
        newest = connection.execute(
            select(HUB_LINKS)
            .where(_C.address == folded(address.strip()), *self._live(), _C.tries < MOST_TRIES)
            .order_by(_C.created_at.desc(), _C.id.desc())
            .limit(1)
        ).first()
        if newest is None:
            return None
        if not hmac.compare_digest(newest.code_hash, self._code_hash(newest.id, code.strip())):
            wrong = update(HUB_LINKS).where(_C.id == newest.id).values(tries=_C.tries + 1)
            connection.execute(wrong)
            return None
        return self._used(connection, newest)

    def _used(self, connection: Connection, row: Row[Any] | None) -> Link | None:
        """With one link, all of its address are used up."""
        if row is not None:
            others = update(HUB_LINKS).where(_C.address == row.address, _C.ended_at.is_(None))
            connection.execute(others.values(ended_at=self._store.now()))
        return _link(row)

    def _live(self) -> tuple[Any, ...]:
        return (_C.ended_at.is_(None), _C.expires_at > self._store.now())

    def _code_hash(self, link_id: str, code: str) -> str:
        message = f"{link_id}:{code}".encode("utf-8", "replace")
        return hmac.digest(self._secret.encode(), message, hashlib.sha256).hex()


def _link(row: Row[Any] | None) -> Link | None:
    return None if row is None else Link(row.id, row.contact_id, row.redirect)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
