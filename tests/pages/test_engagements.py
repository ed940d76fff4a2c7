"""Engagements: cards and pages with state, journey, time, team, and no amount for viewers."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final

import httpx2 as httpx
import pytest

from portal.domain.journey import Journey
from portal.format import locale_of, money, number
from tests.pages.test_home import engage, words
from tests.stage import Stage, stage

RETAINER: Final = "/engagements/eng_abc123"
AUDIT: Final = "/engagements/eng_acmeaudit1"
STEP: Final = re.compile(r'<li class="steps__step steps__step--(\w+)"( aria-current="step")?>')


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def page(on: Stage, path: str, email: str = "jane@acme.com") -> str:
    """A page as somebody sees it."""
    browser = await on.signed_in(email)
    answer = await browser.get(path)
    assert answer.status_code == 200
    return answer.text


def card(listing: str, engagement_id: str) -> str:
    """What the card of an engagement says."""
    cards = re.findall(r'<li class="card tile">.*?\n</li>', listing, re.DOTALL)
    (own,) = [one for one in cards if f'href="/engagements/{engagement_id}"' in one]
    return words(own)


async def log(on: Stage, engagement_id: str, activity_type: str, title: str = "x") -> None:
    """An activity of an engagement of Acme's in the CRM."""
    body = {
        "company_id": "co_abc123",
        "engagement_id": engagement_id,
        "activity_type": activity_type,
        "title": title,
        "source": "mode",
    }
    answer = await on.sandbox.post("/api/activities", json=body)
    assert answer.status_code == 201, answer.text


# The list


async def test_a_card_says_what_kind_how_it_stands_when_and_how_far(on: Stage) -> None:
    listing = await page(on, "/engagements")
    said = card(listing, "eng_abc123")
    for part in (
        *("In progress", "Retainer", "Mode implementation retainer", "We are in the Build phase"),
        *("Stage 4 of 7: Build", "4 of 7 deliverables done", "Jun 27, 2026 \u2013 Jun 27, 2027"),
        *("215 days left", "41% of the time"),
    ):
        assert part in said
    assert "Completed" in card(listing, "eng_acmeaudit1")
    assert "Ended after stage 3 of 7: Results" in card(listing, "eng_acmeaudit1")
    assert "Paused" in card(listing, "eng_acmedesk01")
    cancelled = card(listing, "eng_acmechat01")
    assert "Cancelled" in cancelled
    # Nothing of the journey was made before it was called off.
    assert "tage" not in cancelled


async def test_work_that_starts_later_is_planned_wherever_it_shows(on: Stage) -> None:
    later = await engage(on, name="Later work", start_date="2026-12-24", end_date="2027-03-31")
    listing = await page(on, "/engagements")
    headings = re.findall(r'<h2 class="label" id="\w+">(\w+)</h2>', listing)
    assert headings == ["Current", "Planned", "Earlier"]
    for said in (card(listing, later), words(await page(on, f"/engagements/{later}"))):
        assert "Planned" in said
        assert "In progress" not in said
        assert "Starts in 30 days" in said


async def test_active_work_past_its_last_day_says_so(on: Stage) -> None:
    late = await engage(on, name="Late", start_date="2026-01-01", end_date="2026-11-23")
    said = card(await page(on, "/engagements"), late)
    assert "Past its last day" in said
    assert "Ended 1 day ago" in said
    assert "In progress" not in said


async def test_a_client_without_engagements_is_told_what_will_be_here(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    own = (await browser.get("/api/engagements")).json()["data"]
    for one in own:
        await on.patch(f"/api/engagements/{one['id']}", product="signal")
    answer = await browser.get("/engagements")
    assert "No engagements yet" in answer.text


# One engagement


async def test_the_stepper_names_every_stage_and_its_state_in_words(on: Stage) -> None:
    shown = await page(on, RETAINER)
    states = STEP.findall(shown)
    assert [state for state, _ in states] == ["done"] * 3 + ["current"] + ["ahead"] * 3
    assert [bool(now) for _, now in states].index(True) == 3
    said = words(shown.partition('<ol class="steps"')[2].partition("</ol>")[0])
    assert "Discovery Done Scan Done Results Done 4 Build Now 5 Run Ahead" in said


async def test_the_stage_follows_from_what_is_logged_and_never_goes_back(on: Stage) -> None:
    await log(on, "eng_abc123", "phase_completed", "Build accepted")
    assert "Stage 5 of 7: Run" in await page(on, RETAINER)
    await log(on, "eng_abc123", "scan_completed", "Yearly scan")
    await log(on, "eng_abc123", "engagement_started", "Logged late")
    await log(on, "eng_abc123", "workshop_held", "Expand")
    await log(on, "eng_abc123", "note", "Expand")
    assert "Stage 5 of 7: Run" in await page(on, RETAINER)
    assert "Stage 3 of 7: Results" in await page(on, "/engagements/eng_acmedata01")


async def test_completed_work_stands_at_no_stage(on: Stage) -> None:
    shown = await page(on, AUDIT)
    assert [state for state, _ in STEP.findall(shown)] == ["done"] * 3 + ["ahead"] * 4
    assert 'aria-current="step"' not in shown
    assert "Not part of it" in shown


async def test_work_at_its_very_beginning_has_its_journey_ahead(on: Stage) -> None:
    fresh = await engage(on, name="Fresh", start_date="2026-11-24")
    shown = await page(on, f"/engagements/{fresh}")
    assert {state for state, _ in STEP.findall(shown)} == {"ahead"}
    assert "First stage: Discovery" in shown


async def test_another_products_stages_are_its_own() -> None:
    own = Journey.of((("50 % <off>", ("scan_completed",)), ("Watch", ("phase_started:Build",))))
    async with stage(journey=own) as on:
        shown = words(await page(on, RETAINER))
        assert "Stage 2 of 2: Watch" in shown
        assert "50 % <off> Done" in shown


async def test_a_product_without_a_journey_shows_no_stepper() -> None:
    async with stage(journey=Journey()) as on:
        shown = await page(on, RETAINER)
        assert "steps" not in shown
        assert "Journey" not in words(shown)
        assert "Stage" not in words(await page(on, "/engagements"))


async def test_a_long_history_does_not_take_the_journey_back(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    common = {"company_id": "co_abc123", "engagement_id": "eng_abc123", "source": "mode"}
    common["created_at"] = "2026-11-20T10:00:00Z"
    notes = [{**common, "id": f"act_{n}", "activity_type": "milestone"} for n in range(500)]
    built = {**common, "id": "act_old", "activity_type": "phase_started", "title": "Run"}

    def crowded(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/api/activities":
            return None
        asked = request.url.params
        found = [built] if asked.get("type") == "phase_started" else []
        first = int(asked.get("page", 1)) * 100 - 100
        if "type" not in asked:
            found = notes[first : first + int(asked["limit"])]
        return httpx.Response(200, json={"ok": True, "data": found})

    on.wire.fault = crowded
    assert "Stage 5 of 7: Run" in (await browser.get(RETAINER)).text


async def test_the_time_bar_marks_today_and_the_renewal_and_the_words_say_the_same(
    on: Stage,
) -> None:
    shown = await page(on, RETAINER)
    bar = shown.partition('<svg class="time-bar"')[2].partition("</dl>")[0]
    assert 'class="time-bar__run" y="5" width="41.26%"' in bar
    assert 'class="time-bar__today" x1="41.26%"' in bar
    assert 'class="time-bar__place" x="91.8%"' in bar
    said = words(bar.partition('<dl class="run__dates">')[2])
    assert said == (
        "Start Jun 27, 2026 Today Nov 24, 2026 Renewal May 28, 2027 Last day Jun 27, 2027"
    )


async def test_the_page_has_deliverables_team_and_tools_and_leads_on(on: Stage) -> None:
    seats = [{"role": role} for role in ("Engagement lead", "AI engineer", "AI engineer")]
    await on.patch("/api/engagements/eng_abc123", team_members=seats)
    shown = await page(on, RETAINER)
    said = words(shown)
    assert "4 of 7 deliverables done" in said
    assert "AI engineer · 2 people" in said
    assert "NetSuite" in said
    assert 'href="/activity?engagement=eng_abc123"' in shown
    assert 'href="/invoices?engagement=eng_abc123"' in shown
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", shown) == []


async def test_a_long_timeline_is_cut_and_tells_how_much_there_is(on: Stage) -> None:
    for number_ in range(20):
        await log(on, "eng_abc123", "status_change", f"Number {number_}")
    shown = await page(on, RETAINER)
    assert shown.count('<li class="timeline__entry">') == 15
    assert "All 32 entries in the activity" in words(shown)


# Viewers


def ways_to_write(amount: Decimal, currency: str) -> set[str]:
    """An amount as a page might say it."""
    locale = locale_of("en_US")
    plain = {format(amount, "f"), f"{amount:.2f}", f"{amount:,.2f}", number(amount, locale)}
    return {text for text in plain if len(text) > 3} | {money(amount, currency, locale)}


async def test_a_viewer_finds_no_amount_on_home_or_any_engagement(on: Stage) -> None:
    jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
    bills: list[dict[str, Any]] = (await jane.get("/api/invoices")).json()["data"]
    works = (await on.sandbox.get("/api/engagements", params={"limit": 500})).json()["data"]
    figures = [(Decimal(str(b["amount"])), b["currency"]) for b in bills]
    money_fields = ("monthly_revenue", "total_value", "cogs")
    figures += [(Decimal(str(w[f])), "USD") for w in works for f in money_fields if w.get(f)]
    forbidden = {way for amount, currency in figures for way in ways_to_write(amount, currency)}
    assert len(forbidden) > 60
    own = (await sam.get("/api/engagements")).json()["data"]
    paths = ["/", "/engagements", *(f"/engagements/{one['id']}" for one in own)]
    assert len(paths) > 6
    for path in paths:
        seen = html.unescape((await sam.get(path)).text)
        assert [way for way in forbidden if way in seen] == [], path
        assert re.search(r"[$€£¥]\s?\d|\d\s?[€£¥]|\b(?:USD|EUR)\b|INV-\d", seen) is None, path
        assert "/invoices" not in seen
        assert "chart" not in seen
    # The same search does find them where they may be seen.
    allowed = html.unescape((await jane.get("/")).text)
    assert [way for way in forbidden if way in allowed]


async def test_an_amount_in_the_free_text_of_an_activity_is_blotted_out_for_a_viewer(
    on: Stage,
) -> None:
    await log(on, "eng_abc123", "phase_started", "Run, for $18,500 a month")
    shown = await page(on, RETAINER, "sam@acme.com")
    assert "Run, for ••• a month" in shown
    assert "18,500" not in shown
    assert "Stage 5 of 7: Run" in shown
