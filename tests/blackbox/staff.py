"""Staff at the portal: how they come in, start a preview, and what the platform's hub signs."""

from __future__ import annotations

import time
from secrets import token_hex
from typing import Final

import httpx2 as httpx

from tests.blackbox.browser import Browser
from tests.blackbox.stand import SECRETS, Person, Stand
from tests.blackbox.tokens import HS256, claims_of, forged

AVA: Final = "ava@sprintmode.ai"
AVA_ID: Final = "ct_avator1"
REASON: Final = "The client called"
DOOR: Final = "sm_session_mode"
"""The cookie that a preview lives in (sm-api §4)."""


def staff(stand: Stand, email: str = AVA) -> Browser:
    """A browser in which somebody of Sprint Mode, else Ava, signed in by Google."""
    browser = stand.browser()
    answer = stand.by_google(browser, email)
    assert answer.status_code == 303, answer.text
    return browser


def colleague(stand: Stand) -> Person:
    """A new staff person in the CRM, so that no test has to change Ava."""
    return stand.person(
        f"colleague.{token_hex(6)}@sprintmode.ai",
        company_id="co_sprint1",
        product=None,
        portal_access=0,
        is_sm_team=1,
    )


def start(browser: Browser, contact_id: str, reason: str = REASON) -> httpx.Response:
    """Start a preview, as the form on the contact's page does."""
    return browser.post("/auth/view-as", {"contact_id": contact_id, "reason": reason})


def grant(browser: Browser, person: Person, role: str, **more: str) -> int:
    """Give or take access, as the confirmation page's button does; the answer's status."""
    return browser.post(f"/staff/contacts/{person.id}/access", {"role": role, **more}).status_code


def hub_lens(stand: Stand, person: Person, *, ago: int = 0, by: Person | None = None) -> str:
    """A token of the platform's hub, signed some seconds ago, in which staff look at `person`."""
    looking = by or Person(AVA_ID, AVA, "")
    signed = int(time.time()) - ago
    claims = claims_of(
        looking.id,
        looking.email,
        iat=signed,
        exp=signed + 7 * 86_400,
        viewing_as={"contact_id": person.id},
    )
    token = forged(HS256, claims, SECRETS["SESSION_SECRET"])
    stand.seen.note(token)
    return token
