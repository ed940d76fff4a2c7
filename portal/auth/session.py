"""The platform's session: an HS256 JWT that any Sprint Mode portal signs and reads (sm-api §4)."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from portal.errors import SignInNeeded

ALGORITHM: Final = "HS256"
MOST_READ: Final = 4096
"""Tokens whose claims are kept as they were read."""

LONGEST_TOKEN: Final = 4096
"""Browsers keep no longer cookie, so nothing longer can be one of ours."""

END_OF_TIME: Final = 253_402_300_800
"""The second after the year 9999: nothing that counts seconds can be trusted with more."""

CLOCK_SKEW: Final = 60
"""Seconds that another portal's clock may be ahead of ours."""

KNOWN_HEADERS: Final = frozenset({"alg", "typ", "kid"})


class Claims(Struct, frozen=True, kw_only=True):
    """The payload: the docs' claims, our `jti`, and `viewing_as` in a staff preview (sm-api §10).

    Times are seconds since the epoch. `products` counts only when it is a list. Whatever else
    another portal put in (role, company, permissions) is not read: the CRM decides those.
    """

    id: str
    email: str
    exp: int | float
    iat: int | float = 0
    name: str | None = None
    avatar: str | None = None
    products: Any = ()
    jti: str | None = None
    viewing_as: Any = None

    def holds(self, product: str) -> bool:
        """Whether `products` is a real list that names this product."""
        return isinstance(self.products, list | tuple) and product in self.products


@dataclass(frozen=True)
class Session:
    """A token that verified. `id` names it in the revocation list; copies share it."""

    id: str
    claims: Claims


def new_claims(
    *,
    subject: str,
    email: str,
    name: str,
    avatar: str | None,
    products: Sequence[str],
    now: datetime,
    lifetime: timedelta,
    not_before: int = 0,
) -> Claims:
    """Claims of a fresh session. `not_before` moves `iat` past a sign-out in the same second."""
    return Claims(
        id=subject,
        email=email,
        name=name,
        avatar=avatar,
        products=list(products),
        iat=max(int(now.timestamp()), not_before),
        exp=int((now + lifetime).timestamp()),
        jti=secrets.token_hex(16),
    )


def sign(claims: Claims, secret: str) -> str:
    """The token. JSON is ASCII-escaped, so that verifiers that read bytes as characters agree."""
    fields = msgspec.to_builtins(claims)
    if claims.viewing_as is None:
        del fields["viewing_as"]
    payload = json.dumps(fields, ensure_ascii=True, separators=(",", ":"))
    header = {"alg": ALGORITHM, "typ": "JWT"}
    return jws.serialize_compact(
        header, payload.encode("ascii"), OctKey.import_key(secret), algorithms=[ALGORITHM]
    )


def verify(token: str, keys: Sequence[str], now: datetime) -> Session:
    """The session of a token that one of `keys` signed and that counts at `now`.

    Raises SignInNeeded for everything else: whatever `read` refuses, an `exp` in the past, and an
    `iat` ahead of us, which would outlive signing out everywhere.
    """
    session = read(token, keys)
    claims, seconds = session.claims, now.timestamp()
    if not seconds < claims.exp < END_OF_TIME or claims.iat > seconds + CLOCK_SKEW:
        raise SignInNeeded
    return session


def read(token: str, keys: Sequence[str]) -> Session:
    """The session of a token that one of `keys` signed, whether its time has passed or not.

    Raises SignInNeeded for another algorithm, a header that brings its own key, no `exp`, or bytes
    that are no token at all.
    """
    if len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:
        raise SignInNeeded
    return _read(token, tuple(keys))


# Checking a signature takes a tenth of what showing a kept page does, and what was read from a
# token under a key never changes. Whether it still counts is asked each time.
@lru_cache(maxsize=MOST_READ)
def _read(token: str, keys: tuple[str, ...]) -> Session:
    payload = _checked_payload(token, keys)
    try:
        claims = msgspec.json.decode(payload, type=Claims)
    except (ValueError, RecursionError) as error:
        raise SignInNeeded from error
    return Session(session_id(token), claims)


def session_id(token: str) -> str:
    """A name for the token that does not reveal it: the digest of what its signature covers.

    The signature itself is left out, because base64 lets the same one be written several ways.
    """
    signed_part = token.rpartition(".")[0]
    return hashlib.sha256(signed_part.encode("ascii", "replace")).hexdigest()


def _checked_payload(token: str, keys: Sequence[str]) -> bytes:
    for key in keys:
        try:
            read = jws.deserialize_compact(token, OctKey.import_key(key), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        if set(read.headers()) <= KNOWN_HEADERS:
            return read.payload
    raise SignInNeeded
