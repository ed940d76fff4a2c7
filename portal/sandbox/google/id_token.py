"""ID tokens (OpenID Connect Core §2), and every way in which one can be wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.sandbox.google.accounts import Account, subject_of
from portal.sandbox.google.codes import Grant
from portal.sandbox.google.keys import SigningKeys, new_key
from portal.sandbox.google.misbehaviour import Misbehaviour

LIFETIME: Final = 3600
HOUR: Final = 3600

Claims = dict[str, Any]


def true_claims(issuer: str, grant: Grant, now: datetime) -> Claims:
    """The claims as they should be; `hd` for Workspace accounts only, `nonce` if one was sent."""
    account, issued = Account.of(grant.email), int(now.timestamp())
    claims: Claims = {
        "iss": issuer,
        "azp": grant.client_id,
        "aud": grant.client_id,
        "sub": account.subject,
        "email": account.email,
        "email_verified": True,
        "name": account.name,
        "iat": issued,
        "exp": issued + LIFETIME,
    }
    if account.hosted_domain is not None:
        claims["hd"] = account.hosted_domain
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    return claims


def _without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(**wrong: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **wrong}


def _expired(claims: Claims) -> Claims:
    return {**claims, "iat": claims["iat"] - 3 * HOUR, "exp": claims["exp"] - 2 * HOUR}


def _not_yet(claims: Claims) -> Claims:
    start = claims["iat"] + HOUR
    return {**claims, "iat": start, "nbf": start, "exp": start + LIFETIME}


def _another_subject(claims: Claims) -> Claims:
    return {**claims, "sub": subject_of(f"heir of {claims['sub']}")}


WRONG_CLAIMS: Final[Mapping[Misbehaviour, Callable[[Claims], Claims]]] = MappingProxyType(
    {
        Misbehaviour.WRONG_ISSUER: _with(iss="https://accounts.evil.example"),
        Misbehaviour.WRONG_AUDIENCE: _with(aud="another-client.apps.example"),
        Misbehaviour.EXPIRED: _expired,
        Misbehaviour.NOT_YET_VALID: _not_yet,
        Misbehaviour.EMAIL_UNVERIFIED: _with(email_verified=False),
        Misbehaviour.EMAIL_VERIFIED_MISSING: _without("email_verified"),
        Misbehaviour.EMAIL_VERIFIED_TEXT: _with(email_verified="true"),
        Misbehaviour.WRONG_NONCE: _with(nonce="not-the-nonce-that-was-sent"),
        Misbehaviour.MISSING_NONCE: _without("nonce"),
        Misbehaviour.ANOTHER_SUBJECT: _another_subject,
        Misbehaviour.MISSING_EMAIL: _without("email"),
    }
)
"""What each misbehaviour of the claims makes of the true ones."""


def sign(claims: Claims, keys: SigningKeys, client_secret: str, mode: Misbehaviour) -> str:
    """The token, signed as `mode` wants it."""
    if mode is Misbehaviour.ALG_NONE:
        return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."
    if mode is Misbehaviour.HS256_CLIENT_SECRET:
        return _signed_with_secret(claims, client_secret)
    if mode is Misbehaviour.UNKNOWN_KEY:
        return _signed(claims, new_key())
    return _signed(claims, keys.rotate() if mode is Misbehaviour.ROTATED_KEY else keys.current())


def _signed(claims: Claims, key: RSAKey) -> str:
    header = {"alg": "RS256", "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, claims, key, algorithms=["RS256"])


def _signed_with_secret(claims: Claims, secret: str) -> str:
    signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(claims)}"
    digest = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{_base64url(digest)}"


def _segment(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
