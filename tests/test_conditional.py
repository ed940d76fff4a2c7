"""A page that has not changed is not sent again, and nothing else is tagged."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_the_same_page_is_a_304_without_a_body(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.get("/")
    page = await browser.get("/invoices")
    again = await browser.get("/invoices", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == page.headers["etag"]
    assert "content-security-policy" in again.headers
    listed = f'"other", {page.headers["etag"]}'
    assert (await browser.get("/invoices", headers={"If-None-Match": listed})).status_code == 304


async def test_a_page_that_changed_is_sent_whole(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = await browser.get("/account")
    await browser.post("/account", data={"full_name": "Jane Q. Smith"})
    again = await browser.get("/account", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 200
    assert "Jane Q. Smith" in again.text


async def test_the_page_of_somebody_else_is_another(on: Stage) -> None:
    jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
    tag = (await jane.get("/")).headers["etag"]
    assert (await sam.get("/", headers={"If-None-Match": tag})).status_code == 200


async def test_what_must_not_be_kept_has_no_tag(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for path in ("/nowhere", "/auth/me", "/api/engagements"):
        assert "etag" not in (await browser.get(path)).headers
    assert "etag" not in (await on.browser().get("/auth/login")).headers


async def test_pages_are_compressed(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = await browser.get("/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["etag"].startswith("W/")
    assert "</html>" in page.text


async def test_pages_name_the_rules_for_fetching_ahead_which_leave_the_ways_out_alone(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert (await browser.get("/")).headers["speculation-rules"] == '"/speculation-rules.json"'
    assert "speculation-rules" not in (await on.browser().get("/auth/login")).headers
    rules = await on.browser().get("/speculation-rules.json")
    assert rules.headers["content-type"].startswith("application/speculationrules+json")
    [rule] = rules.json()["prefetch"]
    assert "/auth/*" in rule["where"]["and"][1]["not"]["href_matches"]
