"""Ending the mails from a mail: a button for people, one click for mail providers (RFC 8058)."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2 as httpx
import pytest
from itsdangerous import URLSafeSerializer

from portal.errors import UnsubscribeRefused
from portal.notices.unsubscribe import contact_of, unsubscribe_link
from tests.notices.subscribers import JANE, is_subscribed, run, subscribed
from tests.pages.billing import bill, text_of
from tests.staff.stand import previewing
from tests.stage import ORIGIN, SECRET, SECRETS_USED, Stage

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with subscribed() as made:
        yield made


@pytest.fixture
async def provider(on: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A mail provider: no cookies, no Origin, no Sec-Fetch-Site."""
    transport = httpx.ASGITransport(app=on.app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


def path_of(on: Stage, contact_id: str = JANE) -> str:
    link = unsubscribe_link(on.settings, contact_id)
    SECRETS_USED.add(link.partition("token=")[2])
    return link.removeprefix(ORIGIN)


@pytest.mark.parametrize("multipart", [False, True])
async def test_one_click_of_a_mail_provider_ends_the_mails(
    on: Stage, provider: httpx.AsyncClient, multipart: bool
) -> None:
    await bill(on, invoice_number="INV-1", issued_date="2026-11-24")
    await run(on)
    link = re.search(r"<(http[^>]+)>", on.post.letters[0].headers["List-Unsubscribe"])
    assert link
    body = (
        {"files": {"List-Unsubscribe": (None, "One-Click")}} if multipart else {"data": ONE_CLICK}
    )
    answer = await provider.post(link[1], **body)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert not await is_subscribed(on)
    on.post.letters.clear()
    await bill(on, invoice_number="INV-2", issued_date="2026-11-24")
    await run(on)
    assert on.post.letters == []


async def test_it_is_done_as_often_as_it_is_asked(on: Stage, provider: httpx.AsyncClient) -> None:
    path = path_of(on)
    for _ in range(3):
        assert (await provider.post(path, data=ONE_CLICK)).status_code == 200
    assert not await is_subscribed(on)


async def test_looking_at_the_link_ends_nothing(on: Stage) -> None:
    browser = on.browser()
    for method in ("GET", "HEAD"):
        answer = await browser.request(method, path_of(on))
        assert answer.status_code == 200
    assert await is_subscribed(on)


async def test_a_person_presses_the_button_of_the_page(on: Stage) -> None:
    browser = on.browser()
    page = await browser.get(path_of(on))
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "Stop the mails?" in text_of(page.text)
    action = re.search(r'<form class="stack" method="post" action="([^"]+)"', page.text)
    assert action
    done = await browser.post(action[1], data=ONE_CLICK)
    assert done.status_code == 200
    assert "You get no more mails about invoices." in text_of(done.text)
    assert done.headers["referrer-policy"] == "no-referrer"
    assert not await is_subscribed(on)


async def test_the_page_tells_nothing_about_the_person(on: Stage) -> None:
    page = (await on.browser().get(path_of(on))).text
    for private in ("Jane", "jane@acme.com", "Acme", "INV-"):
        assert private not in page


@pytest.mark.parametrize("body", [{}, {"List-Unsubscribe": ""}, {"List-Unsubscribe": "Two-Click"}])
async def test_another_body_ends_nothing(
    on: Stage, provider: httpx.AsyncClient, body: dict[str, str]
) -> None:
    assert (await provider.post(path_of(on), data=body)).status_code == 422
    assert await is_subscribed(on)


async def test_another_sites_page_cannot_press_the_button(on: Stage) -> None:
    browser = on.browser(**{"Sec-Fetch-Site": "cross-site"})
    assert (await browser.post(path_of(on), data=ONE_CLICK)).status_code == 403
    assert await is_subscribed(on)


def forged(on: Stage) -> dict[str, str]:
    """Tokens that are not, or no more, one of ours for this."""
    whole = path_of(on).partition("token=")[2]
    payload, _, signature = whole.rpartition(".")
    other = path_of(on, "ct_globex1").partition("token=")[2]
    return {
        "none": "",
        "cut": whole[:-1],
        "altered": f"{payload[:-1]}{'A' if payload[-1] != 'A' else 'B'}.{signature}",
        "of another": f"{other.rpartition('.')[0]}.{signature}",
        "of another purpose": str(URLSafeSerializer(SECRET, salt="portal.prelogin").dumps(JANE)),
        "without purpose": str(URLSafeSerializer(SECRET).dumps(JANE)),
        "of another secret": str(
            URLSafeSerializer("x" * 40, salt="portal.notices-unsubscribe").dumps(JANE)
        ),
        "nonsense": "\x00%ff..",
        "long": "a" * 5000,
    }


async def test_a_token_that_is_not_ours_is_refused_and_ends_nothing(
    on: Stage, provider: httpx.AsyncClient
) -> None:
    for name, token in forged(on).items():
        for method, body in (("GET", None), ("POST", ONE_CLICK)):
            answer = await provider.request(
                method, "/notices/unsubscribe", params={"token": token}, data=body
            )
            assert answer.status_code == 400, name
            assert "This link cannot be used" in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
    assert await is_subscribed(on)


async def test_a_token_is_good_for_nothing_else(on: Stage, provider: httpx.AsyncClient) -> None:
    token = path_of(on).partition("token=")[2]
    for cookie in ("sm_client", "sm_session_mode", "portal_prelogin"):
        answer = await provider.get("/", headers={"Cookie": f"{cookie}={token}"})
        assert answer.status_code == 302
    assert (await provider.get("/auth/magic/verify", params={"token": token})).status_code == 410


async def test_a_token_counts_for_as_long_as_its_secret_does(on: Stage) -> None:
    token = path_of(on).partition("token=")[2]
    on.clock.forward(days=5000)
    assert contact_of(on.settings, token) == JANE
    newer = replace(on.settings, session_secrets=("n" * 40, SECRET))
    assert contact_of(newer, token) == JANE
    assert unsubscribe_link(newer, JANE) != unsubscribe_link(on.settings, JANE)
    with pytest.raises(UnsubscribeRefused):
        contact_of(replace(newer, session_secrets=("n" * 40,)), token)


async def test_a_preview_changes_the_client_nothing_but_by_the_mails_own_link(on: Stage) -> None:
    lens = await previewing(on)
    page = (await lens.get("/account")).text
    assert "unsubscribe" not in page
    assert await is_subscribed(on)


async def test_no_token_is_in_the_log(
    on: Stage, provider: httpx.AsyncClient, log_lines: io.StringIO
) -> None:
    path = path_of(on)
    await provider.get(path)
    await provider.post(path, data=ONE_CLICK)
    logged = log_lines.getvalue()
    assert '"path":"/notices/unsubscribe"' in logged
    assert f'"contact_id":"{JANE}"' in logged
    assert "token" not in logged
