"""The platform's session token, as SM API issues and reads it (sm-api §4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

ALGORITHM: Final = "HS256"
LIFETIME: Final = timedelta(days=7)
LONGEST_TOKEN: Final = 4096
"""Browsers keep no longer cookie."""

END_OF_TIME: Final = 253_402_300_800
"""The second after the year 9999."""

HEADERS: Final = frozenset({"alg", "typ", "kid"})


class Claims(Struct, frozen=True, kw_only=True):
    """The documented claims, and `viewing_as` where a portal has put it (sm-api §10).

    Times are seconds since the epoch. Other claims of other portals are not read: role, company
    and access are looked up in the CRM.
    """

    id: str
    email: str
    name: str | None = None
    avatar: str | None = None
    products: Any = ()
    iat: int | float = 0
    exp: int | float
    viewing_as: Any = None

    @property
    def tags(self) -> tuple[str, ...]:
        """The products, none when the token has anything but a list there."""
        listed = self.products if isinstance(self.products, list | tuple) else ()
        return tuple(tag for tag in listed if isinstance(tag, str))


def issue(
    *,
    subject: str,
    email: str,
    name: str | None,
    avatar: str | None,
    products: Sequence[str],
    now: datetime,
    secret: str,
) -> str:
    """A token for seven days with exactly the documented claims; there is no `jti` among them.

    The JSON is ASCII-escaped: some verifiers read a byte as a character (sm-api §4).
    """
    payload = {
        "id": subject,
        "email": email,
        "name": name,
        "avatar": avatar,
        "products": list(products),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"))
    header = {"alg": ALGORITHM, "typ": "JWT"}
    return jws.serialize_compact(
        header, text.encode("ascii"), OctKey.import_key(secret), algorithms=[ALGORITHM]
    )


def verify(token: str, secret: str, now: datetime) -> Claims | None:
    """The claims of a token that `secret` signed and that has not expired, else None.

    Any portal of the platform may have signed it. Another algorithm, a header that brings its own
    key, and a token without `exp` are refused.
    """
    if not secret or len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:
        return None
    try:
        read = jws.deserialize_compact(token, OctKey.import_key(secret), algorithms=[ALGORITHM])
        claims = msgspec.json.decode(read.payload, type=Claims)
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    if not set(read.headers()) <= HEADERS or not now.timestamp() < claims.exp < END_OF_TIME:
        return None
    return claims
