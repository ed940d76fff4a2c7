"""What an ID token must say before the hub believes it (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from portal.sandbox.validation import EMAIL

ALGORITHMS: Final = ["RS256"]
LEEWAY: Final = 60
"""Seconds that two clocks may differ."""


class NotBelieved(Exception):
    """An answer of the provider that signs nobody in; the text says why. `said`: its own words."""

    def __init__(self, why: str, said: str | None = None) -> None:
        super().__init__(why)
        self.said = said


@dataclass(frozen=True)
class Expected:
    """What the token of one sign-in has to match; `now` in seconds since the epoch."""

    issuer: str
    client_id: str
    nonce: str
    now: float


@dataclass(frozen=True)
class Identity:
    """Whom the provider vouches for."""

    email: str
    name: str | None


def read_identity(token: object, keys: Mapping[str, Any], expected: Expected) -> Identity:
    """The identity in a token that one of `keys` (a JWK set) signed. Raises NotBelieved."""
    claims = _signed_claims(token, keys)
    if claims.get("iss") != expected.issuer:
        raise NotBelieved("The issuer is another.")
    # `azp` is not enough: a token whose audience is somebody else was made for them.
    if claims.get("aud") != expected.client_id:
        raise NotBelieved("The token was made for another application.")
    if claims.get("nonce") != expected.nonce:
        raise NotBelieved("The token belongs to another sign-in.")
    _check_times(claims, expected.now)
    email, name = claims.get("email"), claims.get("name")
    if not isinstance(email, str) or not EMAIL.fullmatch(email):
        raise NotBelieved("The account has no e-mail address.")
    if claims.get("email_verified") is not True:
        raise NotBelieved("The account's e-mail address is not verified.")
    return Identity(email, name if isinstance(name, str) and name.strip() else None)


def _signed_claims(token: object, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(token, str):
        raise NotBelieved("There is no ID token.")
    try:
        key_set = KeySet.import_key_set({"keys": keys["keys"]})
        return jwt.decode(token, key_set, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotBelieved("The token's signature is not the provider's.") from error


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires = _number(claims.get("exp"))
    if expires is None or expires + LEEWAY <= now:
        raise NotBelieved("The token has expired.")
    for name in ("iat", "nbf"):
        starts = _number(claims.get(name, now))
        if starts is None or starts - LEEWAY > now:
            raise NotBelieved("The token is not valid yet.")


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
