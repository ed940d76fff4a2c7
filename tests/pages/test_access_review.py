"""The access review, from the notice on the team page to the activities that staff find."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx2 as httpx
import pytest
from starlette.requests import Request

from portal.auth.gate import access_for
from portal.auth.who import viewer_for
from portal.crm.access import SIGN_INS
from portal.domain.access_review import Quarter
from portal.pages.access_review import review_due
from tests.staff.stand import by_google, previewing
from tests.stage import Stage, stage

PATH: Final = "/team/review"
HIDDEN: Final = re.compile(r'<input type="hidden" name="(key|shown)" value="([^"]*)">')
RADIO: Final = re.compile(
    r'<input type="radio" name="person\.(\w+)" value="(\w+)" required( checked)?'
)
DUE: Final = "Access review for Q4 2026 is due."


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def words(page: str) -> str:
    """The words of a page, without tags, on one line."""
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


def checked(page: str) -> dict[str, str]:
    """Which choice the page shows as made, by contact id."""
    return {person: value for person, value, mark in RADIO.findall(page) if mark}


async def form_of(browser: httpx.AsyncClient, **answers: str) -> dict[str, str]:
    """The form as the page shows it now, with these answers by contact id."""
    page = (await browser.get(PATH)).text
    return dict(HIDDEN.findall(page)) | {f"person.{one}": said for one, said in answers.items()}


async def reviews(on: Stage) -> list[dict[str, Any]]:
    return await on.activities("access_review")


async def requests(on: Stage) -> list[dict[str, Any]]:
    return await on.activities("access_request")


async def colleague(on: Stage, email: str, **values: Any) -> str:
    """Somebody more at Acme who may enter; their contact's id."""
    body = {
        "email": email,
        "full_name": "Kim Wu",
        "company_id": "co_abc123",
        "contact_type": "client",
        "portal_access": 1,
        "portal_role": "client_admin",
        "product": "mode",
    }
    answer = await on.sandbox.post("/api/contacts", json=body | values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def refused(on: Stage, browser: httpx.AsyncClient, data: dict[str, str]) -> str:
    """The page that shows the form again; nothing was recorded."""
    before = await on.env.state.list()
    answer = await browser.post(PATH, data=data)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert await on.env.state.list() == before
    assert await reviews(on) == []
    assert await requests(on) == []
    return answer.text


# The list


async def test_everybody_with_access_is_listed_and_nothing_is_chosen(on: Stage) -> None:
    await on.signed_in("sam@acme.com")
    await on.activities("portal_login")
    on.clock.forward(days=3)
    kim = await colleague(on, "kim@acme.com")
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get(PATH)).text
    text = words(page)
    assert "Access review for Q4 2026" in text
    assert re.search(r"Sam Lee ?sam@acme\.com Viewer ?3 days ago", text)
    assert re.search(r"Kim Wu ?kim@acme\.com Administrator ?Never", text)
    assert "You keep your own access." in text
    assert {person for person, _, _ in RADIO.findall(page)} == {"ct_def456", kim}
    assert checked(page) == {}
    # Whoever cannot sign in needs no review.
    assert "Pat Doyle" not in text
    assert "1 more person of your company is known to us and cannot sign in." in text
    for stranger in ("hank@globex.com", "Globex", "mary-jane@acme.com"):
        assert stranger not in page


async def test_since_when_somebody_has_access_shows_where_it_is_known(on: Stage) -> None:
    ava = await by_google(on)
    path = "/staff/contacts/ct_def456/access"
    assert (await ava.post(path, data={"role": "client_viewer"})).status_code == 303
    await on.activities("portal_access_granted")
    on.clock.forward(days=5)
    browser = await on.signed_in("jane@acme.com")
    assert "Viewersince Nov 24, 2026" in words((await browser.get(PATH)).text)


async def test_who_is_not_among_many_sign_ins_is_not_said_never_to_have_come(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on.signed_in("sam@acme.com")
    await on.activities("portal_login")
    on.clock.forward(days=1)
    browser = await on.signed_in("jane@acme.com")
    await on.activities("portal_login")
    monkeypatch.setattr("portal.crm.access.SIGN_INS", SIGN_INS._replace(most=1))
    text = words((await browser.get(PATH)).text)
    assert "sam@acme.com Viewer Not since Nov 25, 2026" in text
    assert "Never" not in text


async def test_looking_changes_nothing(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    before = await on.env.state.list()
    for path in (PATH, "/team?reviewed=1", PATH):
        assert (await browser.get(path)).status_code == 200
    assert await on.env.state.list() == before
    assert await reviews(on) == []


# Due, done, due again


async def test_a_review_is_due_until_it_is_recorded_and_then_says_when_and_by_whom(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert DUE in words((await browser.get("/team")).text)
    # The address alone does not make it done.
    assert "is recorded" not in (await browser.get("/team?reviewed=1")).text
    data = await form_of(browser, ct_def456="keep")
    answer = await browser.post(PATH, data=data | {"note": "All <well>"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/team?reviewed=1")
    # Nothing has reached the CRM yet, and the page knows it already.
    page = words((await browser.get("/team?reviewed=1")).text)
    assert "The access review is recorded." in page
    assert "Reviewed on Nov 24, 2026 by Jane Smith" in page
    assert "is due" not in page
    [activity] = await reviews(on)
    assert (activity["contact_id"], activity["company_id"]) == ("ct_abc123", "co_abc123")
    assert activity["source"] == "mode"
    assert activity["title"] == "Access review Q4 2026: 2 kept, 0 to be removed"
    assert "Removal asked for: nobody." in activity["description"]
    assert "Note: All <well>" in activity["description"]
    assert "Sam Lee (sam@acme.com, client_viewer)" in activity["description"]
    said = activity["metadata"]
    assert (said["quarter"], said["reviewer_name"]) == ("2026-Q4", "Jane Smith")
    assert {one["person_id"] for one in said["kept"]} == {"ct_abc123", "ct_def456"}
    assert said["removals"] == []
    assert await requests(on) == []
    assert "Reviewed on Nov 24, 2026 by Jane Smith" in words((await browser.get("/team")).text)


async def test_the_crm_alone_knows_it_once_the_portal_has_forgotten(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.post(PATH, data=await form_of(browser, ct_def456="keep"))
    await reviews(on)
    for key in await on.env.state.list("access-review:"):
        await on.env.state.delete(key)
    page = words((await browser.get("/team")).text)
    assert "Reviewed on Nov 24, 2026 by Jane Smith" in page
    assert "is due" not in page


async def test_a_removal_is_asked_of_staff_and_shows_as_requested(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    kim = await colleague(on, "kim@acme.com")
    data = await form_of(browser, ct_def456="remove", **{kim: "keep"})
    await browser.post(PATH, data=data | {"note": "Left in May"})
    [activity] = await reviews(on)
    assert activity["title"] == "Access review Q4 2026: 2 kept, 1 to be removed"
    assert activity["metadata"]["removals"] == [
        {
            "person_id": "ct_def456",
            "person_name": "Sam Lee",
            "email": "sam@acme.com",
            "role": "client_viewer",
        }
    ]
    [request] = await requests(on)
    said = dict(request["metadata"])
    said.pop("at")
    # The very shape of a request from the team page.
    assert request["title"] == "Access request: remove Sam Lee"
    assert request["description"] == "Left in May"
    assert (request["contact_id"], request["company_id"]) == ("ct_abc123", "co_abc123")
    assert said == {
        "action": "remove",
        "person_id": "ct_def456",
        "person_name": "Sam Lee",
        "note": "Left in May",
    }
    assert "Take access away from Sam Lee" in words((await browser.get("/team")).text)
    # Asking changes nothing: staff do.
    assert (await on.sandbox.get("/api/contacts/ct_def456")).json()["data"]["portal_access"] == 1


async def test_a_colleagues_review_counts_and_nobody_is_asked_twice(on: Stage) -> None:
    await colleague(on, "kim@acme.com")
    kim = await on.signed_in("kim@acme.com")
    assert DUE in words((await kim.get("/team")).text)
    data = await form_of(kim, ct_abc123="keep", ct_def456="keep")
    assert (await kim.post(PATH, data=data)).status_code == 303
    jane = await on.signed_in("jane@acme.com")
    for page in [words((await jane.get(path)).text) for path in ("/team", PATH)]:
        assert "Reviewed on Nov 24, 2026 by Kim Wu" in page
        assert "is due" not in page
    # Another client's is still due.
    hank = await on.signed_in("hank@globex.com")
    assert DUE in words((await hank.get("/team")).text)


async def test_the_next_quarter_is_due_again_where_the_viewer_is(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.post(PATH, data=await form_of(browser, ct_def456="keep"))
    await reviews(on)
    # Jane is in New York: 04:30 UTC on 1 January is still the old year there.
    on.clock.now = datetime(2027, 1, 1, 4, 30, tzinfo=UTC)
    browser = await on.signed_in("jane@acme.com")
    assert "is due" not in words((await browser.get("/team")).text)
    on.clock.now = datetime(2027, 1, 1, 5, 30, tzinfo=UTC)
    page = words((await browser.get("/team")).text)
    assert "Access review for Q1 2027 is due. Reviewed on Nov 24, 2026 by Jane Smith." in page
    await browser.post(PATH, data=await form_of(browser, ct_def456="keep"))
    assert [one["metadata"]["quarter"] for one in await reviews(on)] == ["2027-Q1", "2026-Q4"]
    assert "is due" not in words((await browser.get("/team")).text)


async def due_for(on: Stage, contact_id: str) -> Quarter | None:
    """What a page of this person's, such as home, learns of a review that is due."""
    contact = await on.env.contacts.by_id(contact_id)
    assert contact is not None
    request = Request({"type": "http", "app": on.app, "state": {}})
    request.state.access = access_for(on.env, viewer_for(on.env, contact))
    return await review_due(request)


async def test_other_pages_learn_that_a_review_is_due_and_only_for_admins(on: Stage) -> None:
    assert await due_for(on, "ct_abc123") == Quarter(2026, 4)
    calls = len(on.wire.calls)
    assert await due_for(on, "ct_def456") is None
    assert not [c for c in on.wire.calls[calls:] if c.url.path == "/api/activities"]
    browser = await on.signed_in("jane@acme.com")
    await browser.post(PATH, data=await form_of(browser, ct_def456="keep"))
    assert await due_for(on, "ct_abc123") is None
    assert await due_for(on, "ct_globex1") == Quarter(2026, 4)


# Once


async def test_a_button_pressed_twice_reviews_once_even_at_the_same_time(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    data = await form_of(browser, ct_def456="remove")
    answers = await asyncio.gather(*(browser.post(PATH, data=data) for _ in range(5)))
    answers.append(await browser.post(PATH, data=data))
    assert {answer.status_code for answer in answers} == {303}
    assert len(await reviews(on)) == 1
    assert len(await requests(on)) == 1


async def test_a_review_may_be_done_again_on_purpose(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for _ in range(2):
        await browser.post(PATH, data=await form_of(browser, ct_def456="keep"))
    assert len(await reviews(on)) == 2


async def test_what_could_not_be_kept_is_still_due_and_is_completed_by_pressing_again(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await on.signed_in("jane@acme.com")
    data = await form_of(browser, ct_def456="remove")
    record, asked = on.env.outbox.record, list[str]()

    async def first_alone(activity: Any) -> str:
        asked.append(activity.activity_type)
        if len(asked) > 1:
            raise OSError("the disk is full")
        return await record(activity)

    with monkeypatch.context() as patch:
        patch.setattr(on.env.outbox, "record", first_alone)
        assert (await browser.post(PATH, data=data)).status_code == 500
    assert asked == ["access_request", "access_review"]
    assert DUE in words((await browser.get("/team")).text)
    assert (await browser.post(PATH, data=data)).status_code == 303
    assert len(await reviews(on)) == 1
    assert len(await requests(on)) == 1


# What is not recorded


async def test_a_missing_answer_shows_the_form_again_with_what_was_chosen(on: Stage) -> None:
    kim = await colleague(on, "kim@acme.com")
    browser = await on.signed_in("jane@acme.com")
    data = await form_of(browser, ct_def456="remove") | {"note": "Not <yet>"}
    page = await refused(on, browser, data)
    assert "Please answer for everybody on the list." in page
    assert checked(page) == {"ct_def456": "remove"}
    assert "Not &lt;yet&gt;" in page
    assert page.count("Please choose.") == 1
    assert f'id="missing-{kim}"' in page


async def test_nothing_answered_marks_everybody(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = await refused(on, browser, {})
    assert page.count("Please choose.") == 1
    assert checked(page) == {}


async def test_somebody_added_meanwhile_has_to_be_answered_too(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    data = await form_of(browser, ct_def456="keep")
    kim = await colleague(on, "kim@acme.com")
    page = await refused(on, browser, data)
    assert "Somebody&#39;s access has changed since you opened this page." in page
    assert checked(page) == {"ct_def456": "keep"}
    assert f'id="missing-{kim}"' in page
    # Answering the new list does it.
    again = dict(HIDDEN.findall(page)) | {"person.ct_def456": "keep", f"person.{kim}": "keep"}
    assert (await browser.post(PATH, data=again)).status_code == 303
    assert len(await reviews(on)) == 1


@pytest.mark.parametrize("change", [{"portal_role": "client_admin"}, {"portal_access": 0}])
async def test_somebody_changed_meanwhile_has_to_be_looked_at_again(
    on: Stage, change: dict[str, Any]
) -> None:
    browser = await on.signed_in("jane@acme.com")
    data = await form_of(browser, ct_def456="keep")
    await on.patch("/api/contacts/ct_def456", **change)
    assert "has changed since you opened this page" in await refused(on, browser, data)


async def test_nobody_asks_for_their_own_removal(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    data = await form_of(browser, ct_def456="keep", ct_abc123="remove")
    assert "You cannot ask for your own removal here." in await refused(on, browser, data)


async def test_a_note_that_is_too_long_is_shown_again(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    data = await form_of(browser, ct_def456="keep") | {"note": "x" * 501}
    page = await refused(on, browser, data)
    assert "At most 500 characters, please." in page
    assert checked(page) == {"ct_def456": "keep"}


async def test_another_companys_person_is_not_found_as_one_that_does_not_exist(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    for stranger in ("ct_globex1", "ct_zoeluk1", "ct_nobody1", "", "../x"):
        data = await form_of(browser, ct_def456="keep", **{stranger: "remove"})
        assert (await browser.post(PATH, data=data)).status_code == 404
    assert await reviews(on) == []
    assert await requests(on) == []


async def test_a_company_of_more_people_than_a_usual_form_has_fields_can_be_reviewed(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    many = [await colleague(on, f"person{n}@acme.com", full_name=f"P {n}") for n in range(60)]
    data = await form_of(browser, ct_def456="keep", **dict.fromkeys(many, "keep"))
    assert (await browser.post(PATH, data=data)).status_code == 303
    [activity] = await reviews(on)
    assert len(activity["metadata"]["kept"]) == 62


# Who may


async def test_a_viewer_has_no_review(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    assert (await browser.get(PATH)).status_code == 403
    data = {"person.ct_abc123": "remove", "shown": ""}
    assert (await browser.post(PATH, data=data)).status_code == 403
    assert await reviews(on) == []


async def test_a_preview_shows_the_form_and_records_nothing(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    data = await form_of(jane, ct_def456="keep")
    lens = await previewing(on)
    assert dict(HIDDEN.findall((await lens.get(PATH)).text)).items() <= data.items()
    assert (await lens.post(PATH, data=data)).status_code == 403
    assert await reviews(on) == []
    assert DUE in words((await jane.get("/team")).text)


async def test_neither_timeline_nor_access_log_nor_api_shows_a_review(on: Stage) -> None:
    jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
    await jane.post(PATH, data=await form_of(jane, ct_def456="keep"))
    assert len(await reviews(on)) == 1
    for browser in (jane, sam):
        for path in ("/", "/activity", "/account", "/api/activities"):
            assert "Access review Q4 2026" not in (await browser.get(path)).text


async def test_staff_see_when_a_company_was_reviewed_last_and_by_whom(on: Stage) -> None:
    ava = await by_google(on)
    path = "/staff/companies/co_abc123"
    assert "Access review: none was completed yet" in words((await ava.get(path)).text)
    jane = await on.signed_in("jane@acme.com")
    await jane.post(PATH, data=await form_of(jane, ct_def456="keep"))
    await reviews(on)
    reviewed = "Access review: Reviewed on Nov 24, 2026 by Jane Smith"
    assert reviewed in words((await ava.get(path)).text)
    assert reviewed not in words((await ava.get("/staff/companies/co_globex1")).text)
