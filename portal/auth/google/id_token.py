"""What an ID token must say before we believe it (OpenID Connect Core §3.1.3.7). Pure checks."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from portal.errors import GoogleRefused

ALGORITHMS: Final = ["RS256"]
LEEWAY_SECONDS: Final = 60
END_OF_TIME: Final = 253_402_300_800
"""The second after the year 9999; NaN and infinity are beyond it, too."""


@dataclass(frozen=True)
class Identity:
    """Who Google says it is. `hosted_domain` is the Workspace domain (`hd`), if any."""

    issuer: str
    subject: str
    email: str
    name: str | None = None
    hosted_domain: str | None = None


@dataclass(frozen=True)
class Expected:
    """What the token of one sign-in has to match."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime


def read_identity(token: str, keys: KeySet, expected: Expected) -> Identity:
    """The identity of a token that one of `keys` signed and whose every claim fits.

    Raises GoogleRefused with the cause, and joserfc's InvalidKeyIdError for a key that is not
    among `keys`: the caller may know newer ones.
    """
    claims = _claims(token, keys)
    _check_addressed(claims, expected)
    _check_times(claims, expected.now.timestamp())
    email, subject = claims.get("email"), claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise GoogleRefused("no_subject")
    if not isinstance(email, str) or not email:
        raise GoogleRefused("no_email")
    # Anything but a real true, such as the text "true", is not a verified address.
    if claims.get("email_verified") is not True:
        raise GoogleRefused("email_not_verified")
    name, domain = claims.get("name"), claims.get("hd")
    return Identity(
        issuer=expected.issuer,
        subject=subject,
        email=email,
        name=name if isinstance(name, str) else None,
        hosted_domain=domain.lower() if isinstance(domain, str) else None,
    )


def _claims(token: str, keys: KeySet) -> Mapping[str, Any]:
    from joserfc.errors import InvalidKeyIdError

    try:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        raise
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise GoogleRefused("bad_signature") from error
    return decoded.claims


def _check_addressed(claims: Mapping[str, Any], expected: Expected) -> None:
    """For us, from Google, in answer to this very request."""
    if claims.get("iss") != expected.issuer:
        raise GoogleRefused("wrong_issuer")
    # A list, or another audience with `azp` ours, is a token made for somebody else.
    if claims.get("aud") != expected.client_id:
        raise GoogleRefused("wrong_audience")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode("utf-8", "surrogatepass"), expected.nonce.encode()
    ):
        raise GoogleRefused("wrong_nonce")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires = _number(claims.get("exp"))
    if expires is None or expires + LEEWAY_SECONDS <= now:
        raise GoogleRefused("expired")
    for name in ("iat", "nbf"):
        starts = _number(claims.get(name)) if name in claims else now
        if starts is None or starts - LEEWAY_SECONDS > now:
            raise GoogleRefused("not_yet_valid")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < END_OF_TIME else None
