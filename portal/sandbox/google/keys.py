"""The RS256 keys that sign ID tokens. They outlive a restart; the last two are published."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from joserfc.jwk import RSAKey
from sqlalchemy import delete, insert, select

from portal.sandbox.google.tables import KEYS
from portal.sandbox.store import Store

BITS: Final = 2048
PUBLISHED: Final = 2


def new_key() -> RSAKey:
    """A fresh key whose `kid` is its thumbprint (RFC 7638)."""
    return RSAKey.generate_key(BITS, {"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)


class SigningKeys:
    """The keys of one store. The first is made when it is first needed."""

    def __init__(self, store: Store, make: Callable[[], RSAKey] = new_key) -> None:
        self._store = store
        self._make = make

    def current(self) -> RSAKey:
        """The key that signs."""
        kept = self._newest()
        return kept[0] if kept else self.rotate()

    def rotate(self) -> RSAKey:
        """A new key signs from now on; the one before stays published, older ones do not."""
        key = self._make()
        row = {"kid": key.kid, "private": json.dumps(key.as_dict(private=True))}
        newest = select(KEYS.c.number).order_by(KEYS.c.number.desc()).limit(PUBLISHED)
        with self._store.writing() as connection:
            connection.execute(insert(KEYS).values(row))
            connection.execute(delete(KEYS).where(KEYS.c.number.not_in(newest)))
        return key

    def published(self) -> dict[str, Any]:
        """The JWK set (RFC 7517 §5)."""
        self.current()
        return {"keys": [key.as_dict(private=False) for key in self._newest()]}

    def _newest(self) -> list[RSAKey]:
        statement = select(KEYS.c.private).order_by(KEYS.c.number.desc()).limit(PUBLISHED)
        with self._store.reading() as connection:
            kept = connection.scalars(statement).all()
        return [RSAKey.import_key(json.loads(private)) for private in kept]
