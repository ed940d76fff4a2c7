"""What the staff tests share: Ava signed in by Google, and a preview of somebody."""

from __future__ import annotations

import json
from typing import Any

import httpx2 as httpx
from joserfc import jws
from joserfc.jwk import OctKey

from tests.stage import SECRET, Stage

AVA = "ava@sprintmode.ai"
REASON = "Jane called about an invoice"


async def by_google(on: Stage, email: str = AVA) -> httpx.AsyncClient:
    """A browser in which somebody signed in by Google."""
    browser = on.browser()
    answer = await on.sign_in_with_google(browser, email)
    assert answer.status_code == 303, answer.text
    return browser


async def previewing(on: Stage, contact_id: str = "ct_abc123") -> httpx.AsyncClient:
    """Ava's browser, in a preview."""
    browser = await by_google(on)
    answer = await browser.post("/auth/view-as", data={"contact_id": contact_id, "reason": REASON})
    assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
    return browser


def hub_token(on: Stage, contact_id: str = "ct_avator1", email: str = AVA, **changes: Any) -> str:
    """A token as the platform's hub signs it: no `jti`; `changes` are further claims."""
    now = int(on.clock().timestamp())
    claims = {
        "id": contact_id,
        "email": email,
        "name": "Somebody",
        "products": ["mode"],
        "iat": now,
        "exp": now + 7 * 86_400,
        **changes,
    }
    return jws.serialize_compact(
        {"alg": "HS256", "typ": "JWT"},
        json.dumps(claims).encode(),
        OctKey.import_key(SECRET),
        algorithms=["HS256"],
    )


async def contact_of(on: Stage, email: str) -> dict[str, Any]:
    """The contact with exactly this address."""
    answer = await on.sandbox.get("/api/contacts", params={"search": email})
    found: dict[str, Any] = next(c for c in answer.json()["data"]["items"] if c["email"] == email)
    return found
