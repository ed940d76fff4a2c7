"""Choosing on the account page: off until chosen, client admins alone, kept for the task."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from portal.domain.notices import Kind
from portal.notices.choices import Choices
from tests.notices.subscribers import EVERYTHING, JANE, is_subscribed
from tests.pages.billing import text_of
from tests.staff.stand import by_google, previewing
from tests.stage import Stage, stage

SECTION = re.compile(r'<section class="card" aria-labelledby="notices">.*?</section>', re.DOTALL)
BOX = re.compile(r'<input type="checkbox" name="(\w+)" value="1"( checked)?>')
SELECTED = re.compile(r'<option value="(\d+)" selected>')


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def section(browser: httpx.AsyncClient, path: str = "/account") -> str:
    found = SECTION.search((await browser.get(path)).text)
    assert found
    return found[0]


async def boxes(browser: httpx.AsyncClient) -> dict[str, bool]:
    return {name: bool(on) for name, on in BOX.findall(await section(browser))}


async def test_nothing_is_on_until_it_is_chosen(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    assert await boxes(jane) == {"new": False, "due_soon": False, "overdue": False}
    assert SELECTED.findall(await section(jane)) == ["7"]
    assert not await is_subscribed(on)


async def test_a_choice_is_kept_shown_and_found_by_the_task(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    answer = await jane.post(
        "/account/notices", data={"due_soon": "1", "days_ahead": "14", "overdue": "1"}
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/account?notices=saved#notices"
    assert await boxes(jane) == {"new": False, "due_soon": True, "overdue": True}
    shown = await section(jane, "/account?notices=saved")
    assert "Saved." in text_of(shown)
    assert SELECTED.findall(shown) == ["14"]
    assert "Saved." not in text_of(await section(jane))
    assert await is_subscribed(on)
    choice = await Choices(on.env.state).of(JANE)
    assert choice.kinds == {Kind.DUE_SOON, Kind.OVERDUE}


async def test_choosing_nothing_ends_it(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await jane.post("/account/notices", data=EVERYTHING)
    assert await is_subscribed(on)
    await jane.post("/account/notices", data={"days_ahead": "7"})
    assert not await is_subscribed(on)
    assert not any((await boxes(jane)).values())


async def test_one_persons_choice_is_nobody_elses(on: Stage) -> None:
    await (await on.signed_in("jane@acme.com")).post("/account/notices", data=EVERYTHING)
    hank = await on.signed_in("hank@globex.com")
    assert not any((await boxes(hank)).values())


async def test_a_viewer_is_not_asked_and_cannot_choose(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    assert SECTION.search((await sam.get("/account")).text) is None
    answer = await sam.post("/account/notices", data=EVERYTHING)
    assert answer.status_code == 403
    assert "account administrators" in answer.text
    assert await Choices(on.env.state).subscribers() == []


async def test_a_preview_sees_the_clients_choice_and_cannot_change_it(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await jane.post("/account/notices", data={"new": "1"})
    lens = await previewing(on)
    assert await boxes(lens) == {"new": True, "due_soon": False, "overdue": False}
    answer = await lens.post("/account/notices", data=EVERYTHING)
    assert answer.status_code == 403
    assert "A preview changes nothing" in answer.text
    assert (await Choices(on.env.state).of(JANE)).kinds == {Kind.NEW}


async def test_staff_have_no_choice_of_their_own(on: Stage) -> None:
    ava = await by_google(on)
    assert (await ava.post("/account/notices", data=EVERYTHING)).status_code == 403
    assert await Choices(on.env.state).subscribers() == []


async def test_another_sites_form_changes_nothing(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    answer = await jane.post(
        "/account/notices", data=EVERYTHING, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert not await is_subscribed(on)


async def test_days_that_are_not_offered_are_refused_and_change_nothing(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    answer = await jane.post("/account/notices", data={"due_soon": "1", "days_ahead": "400"})
    assert answer.status_code == 422
    assert "Please choose a number of days from the list." in answer.text
    assert not await is_subscribed(on)


async def test_while_the_crm_is_away_nothing_is_chosen_by_halves(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda request: (
        httpx.Response(500) if request.url.path == "/api/invoices" else None
    )
    assert (await jane.post("/account/notices", data=EVERYTHING)).status_code == 503
    assert not await is_subscribed(on)


async def test_looking_changes_nothing(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    before = await on.env.state.list("notices:")
    await jane.get("/account?notices=saved")
    assert await on.env.state.list("notices:") == before == []
