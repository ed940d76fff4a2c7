"""A hub to sign in at: its configuration, tokens of the platform, the way through Google."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
from joserfc.jwk import RSAKey
from starlette.applications import Starlette

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.auth.session import issue
from portal.sandbox.google.keys import SigningKeys, new_key
from portal.sandbox.google.provider import GoogleStandIn
from portal.sandbox.store import Store
from tests.sandbox.setup import API_KEY, CLIENT_ID, CLIENT_SECRET, Clock

SECRET: Final = "the-secret-that-every-portal-of-the-platform-shares"
ORIGIN: Final = "http://sandbox.test"
PORTAL: Final = "http://portal.test"
SIBLING: Final = "http://signal.test"
KEY: Final[RSAKey] = new_key()
"""Making one takes long; tests that do not care which key signs share this one."""

HUB: Final = SandboxConfig(
    CLIENT_ID,
    CLIENT_SECRET,
    API_KEY,
    origin=ORIGIN,
    portal_origin=PORTAL,
    portal_origins=(SIBLING,),
    session_secret=SECRET,
    google_client_id="portal-client",
    google_client_secret="portal-client-secret",
)

JANE: Final = ("ct_abc123", "jane@acme.com")
SAM: Final = ("ct_def456", "sam@acme.com")
AVA: Final = ("ct_avator1", "ava@sprintmode.ai")
PAT: Final = ("ct_patdoy1", "pat@acme.com")
NADIA: Final = ("ct_nadiar1", "nadia@wayne.example")


def hub_app(store: Store, clock: Clock, config: SandboxConfig = HUB) -> Starlette:
    """The hub, signing ID tokens with the shared key."""
    app = create_sandbox(config, store, clock)
    google_of(app).keys = SigningKeys(store, lambda: KEY)
    return app


def google_of(app: Starlette) -> GoogleStandIn:
    google = app.state.google
    assert isinstance(google, GoogleStandIn)
    return google


def token_for(
    person: tuple[str, str],
    now: datetime,
    products: tuple[str, ...] = ("mode",),
    **further: Any,
) -> str:
    """A token of this person; `further` are claims that another portal adds."""
    contact_id, email = person
    claims = {
        "id": contact_id,
        "email": email,
        "name": None,
        "avatar": None,
        "products": list(products),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(days=7)).timestamp()),
        **further,
    }
    return signed(claims)


def signed(claims: dict[str, Any], secret: str = SECRET, alg: str = "HS256", **header: Any) -> str:
    """A compact JWS made by hand, so that it may be as wrong as a test wants."""

    digests = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
    content = f"{segment({'alg': alg, 'typ': 'JWT', **header})}.{segment(claims)}"
    if alg not in digests:
        return f"{content}."
    digest = hmac.digest(secret.encode(), content.encode(), digests[alg])
    return f"{content}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def segment(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def cookie(token: str, name: str = "sm_client") -> dict[str, str]:
    return {"Cookie": f"{name}={token}"}


def signed_in(
    person: tuple[str, str], clock: Clock, *products: str, **claims: Any
) -> dict[str, str]:
    """The headers of a browser in which this person is signed in."""
    return cookie(token_for(person, clock(), products or ("mode",), **claims))


def own_token(person: tuple[str, str], now: datetime) -> str:
    """A token that the hub itself made."""
    return issue(
        subject=person[0],
        email=person[1],
        name="Zoë",
        avatar=None,
        products=("mode",),
        now=now,
        secret=SECRET,
    )


async def through_google(
    browser: httpx.AsyncClient, email: str, redirect: str = f"{PORTAL}/", product: str = "mode"
) -> httpx.Response:
    """Start at the hub, choose the account, come back: the callback's answer."""
    asked = {"redirect": redirect, "product": product}
    start = await browser.get("/auth/sso/google", params=asked)
    assert start.status_code == 302, start.text
    chosen = await browser.post(start.headers["Location"], data={"email": email})
    assert chosen.status_code == 303, chosen.text
    return await browser.get(chosen.headers["Location"])


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def cookies_of(response: httpx.Response) -> dict[str, str]:
    """The cookies that an answer sets, each with all its attributes."""
    lines = response.headers.get_list("set-cookie")
    return {line.partition("=")[0]: line.partition("=")[2] for line in lines}
