"""The platform's session: an HS256 JWT that any Sprint Mode portal signs and reads (sm-api §4).

Of RFC 7515 only that: itsdangerous signs `header.payload` exactly so. A library for all of JOSE
brings cryptography with it, 50 ms of a start and 9 MB of each process; Google's tokens need it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from msgspec import Struct

from portal.errors import SignInNeeded

HEADER: Final = base64_encode(b'{"alg":"HS256","typ":"JWT"}').decode()
"""Of every token that we sign."""

MOST_READ: Final = 4096
"""Tokens whose claims are kept as they were read."""

LONGEST_TOKEN: Final = 4096
"""Browsers keep no longer cookie, so nothing longer can be one of ours."""

END_OF_TIME: Final = 253_402_300_800
"""The second after the year 9999: nothing that counts seconds can be trusted with more."""

CLOCK_SKEW: Final = 60
"""Seconds that another portal's clock may be ahead of ours."""


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    """The header of a token that may be believed: no other algorithm, no key, nothing critical."""

    alg: Literal["HS256"]
    typ: str = ""
    kid: str = ""


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
    return _signer(secret).sign(f"{HEADER}.{base64_encode(payload).decode()}").decode()


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

    Raises SignInNeeded for another algorithm, a header that brings its own key, no `exp`, base64
    that nobody writes so, or bytes that are no token at all.
    """
    if len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:
        raise SignInNeeded
    return _read(token, tuple(keys))


# Checking a signature takes a tenth of what showing a kept page does, and what was read from a
# token under a key never changes. Whether it still counts is asked each time.
@lru_cache(maxsize=MOST_READ)
def _read(token: str, keys: tuple[str, ...]) -> Session:
    signed, _, signature = token.rpartition(".")
    if not any(hmac.compare_digest(_signature(signed, key), signature) for key in keys if key):
        raise SignInNeeded
    header, _, payload = signed.partition(".")
    try:
        msgspec.json.decode(_decoded(header), type=_Header)
        claims = msgspec.json.decode(_decoded(payload), type=Claims)
    except (ValueError, RecursionError, BadData) as error:
        raise SignInNeeded from error
    return Session(session_id(token), claims)


def session_id(token: str) -> str:
    """A name for the token that does not reveal it: the digest of what its signature covers."""
    signed_part = token.rpartition(".")[0]
    return hashlib.sha256(signed_part.encode("ascii", "replace")).hexdigest()


def _signer(secret: str) -> Signer:
    """Of `header.payload`, with the secret as it is. Raises ValueError for an empty one."""
    if not secret:
        raise ValueError("no secret to sign sessions with")
    return Signer(secret, sep=b".", key_derivation="none", digest_method=hashlib.sha256)


def _signature(signed: str, secret: str) -> str:
    """How the one right signature is written, which is what a token has to end with."""
    return _signer(secret).get_signature(signed).decode()


def _decoded(part: str) -> bytes:
    """The bytes of base64url in its one spelling: no padding, no other letter, no bit left over.

    Raises ValueError for any other, and BadData.
    """
    raw = base64_decode(part)
    if base64_encode(raw).decode() != part:
        raise ValueError("base64 that nobody writes so")
    return raw
