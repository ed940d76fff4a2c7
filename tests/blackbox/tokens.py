"""Session tokens made by hand, as another portal of the platform or a forger would make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Final

HS256: Final = {"alg": "HS256", "typ": "JWT"}
HOUR: Final = 3600


def encoded(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(segment: str) -> dict[str, Any]:
    """What a segment of a token says."""
    found: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    )
    return found


def signature(signed: str, secret: str, digest: str = "sha256") -> str:
    """The HMAC over the first two segments."""
    return encoded(hmac.new(secret.encode(), signed.encode(), digest).digest())


def forged(header: Any, payload: Any, secret: str, digest: str = "sha256") -> str:
    """A token with a good signature over whatever it says; `bytes` go in as they are."""
    parts = (p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, payload))
    signed = ".".join(encoded(part) for part in parts)
    return f"{signed}.{signature(signed, secret, digest)}"


def claims_of(contact_id: str, email: str, /, **changes: Any) -> dict[str, Any]:
    """The payload that the platform documents (sm-api §4): no `jti`, no role."""
    now = int(time.time())
    payload: dict[str, Any] = {
        "id": contact_id,
        "email": email,
        "name": "Somebody Else's Words",
        "avatar": None,
        "products": ["mode"],
        "iat": now,
        "exp": now + HOUR,
    }
    return payload | changes


def sha256(text: str) -> str:
    """The form in which a magic link's token is kept."""
    return hashlib.sha256(text.encode()).hexdigest()
