"""Authorization codes: good for a minute, once, for the client and address they were made for."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe
from typing import Final

from sqlalchemy import delete, insert

from portal.sandbox.google.tables import CODES
from portal.sandbox.store import Store, stamp

LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Grant:
    """What a code stands for. `challenge` is the S256 one of RFC 7636, if one was sent."""

    client_id: str
    redirect_uri: str
    email: str
    nonce: str | None
    challenge: str | None

    def is_proved_by(self, verifier: str | None) -> bool:
        """Whether the verifier fits; one without a challenge before it does not (RFC 9700 §2.1)."""
        if self.challenge is None or verifier is None:
            return self.challenge is None and verifier is None
        return s256(verifier) == self.challenge


def s256(verifier: str) -> str:
    """The challenge of a verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def keep_grant(store: Store, grant: Grant) -> str:
    """The code for a grant; only its hash is kept."""
    code = f"4/{token_urlsafe(48)}"
    row = {
        "code_hash": _hash(code),
        "client_id": grant.client_id,
        "redirect_uri": grant.redirect_uri,
        "email": grant.email,
        "nonce": grant.nonce,
        "challenge": grant.challenge,
        "expires_at": stamp(store.clock() + LIFETIME),
    }
    with store.writing() as connection:
        connection.execute(delete(CODES).where(CODES.c.expires_at <= store.now()))
        connection.execute(insert(CODES).values(row))
    return code


def take_grant(store: Store, code: str) -> Grant | None:
    """What the code stands for, the first time within its minute; else None."""
    columns = (CODES.c.client_id, CODES.c.redirect_uri, CODES.c.email, CODES.c.nonce)
    with store.writing() as connection:
        row = connection.execute(
            delete(CODES)
            .where(CODES.c.code_hash == _hash(code), CODES.c.expires_at > store.now())
            .returning(*columns, CODES.c.challenge)
        ).first()
    return None if row is None else Grant(*row)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
