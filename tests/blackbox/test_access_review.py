"""The access review over real HTTP: answered once, on record in the CRM, known to colleagues."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import Any, Final

import pytest

from tests.blackbox.browser import Browser, status_of
from tests.blackbox.stand import Person, Stand, until

PATH: Final = "/team/review"
HIDDEN: Final = re.compile(r'<input type="hidden" name="(key|shown)" value="([^"]*)">')
IS_DUE: Final = re.compile(r"Access review for Q[1-4] \d{4} is due\.")


@pytest.fixture
def company(stand: Stand) -> str:
    """A client of its own, so that other tests' people are not on its list."""
    answer = stand.crm.post("/api/companies", json={"name": "Initech", "product": "mode"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def somebody(stand: Stand, company: str, **values: Any) -> Person:
    email = f"anna.{token_hex(6)}@initech.example"
    return stand.person(email, company_id=company, **values)


def form_of(browser: Browser, **answers: str) -> dict[str, str]:
    """The form as the page shows it, with these answers by contact id."""
    page = browser.get(PATH)
    assert page.status_code == 200, page.text
    return dict(HIDDEN.findall(page.text)) | {f"person.{one}": v for one, v in answers.items()}


def logged(stand: Stand, activity_type: str, company: str) -> list[dict[str, Any]]:
    """What the CRM holds of a type for this company."""
    found = stand.activities(activity_type)
    return [record for record in found if record.get("company_id") == company]


def test_a_review_is_recorded_once_and_known_to_every_admin(stand: Stand, company: str) -> None:
    admin, other = somebody(stand, company), somebody(stand, company)
    leaver = somebody(stand, company, portal_role="client_viewer", full_name="Lee Leaver")
    browser, colleague = stand.signed_in(admin), stand.signed_in(other)
    for one in (browser, colleague):
        assert IS_DUE.search(one.get("/team").text)
    data = form_of(browser, **{other.id: "keep", leaver.id: "remove"})
    written = [browser.written("POST", PATH, **data) for _ in range(4)]
    assert {status_of(answer) for answer in stand.main.at_once(written)} == {303}
    [review] = until(lambda: logged(stand, "access_review", company))
    [request] = logged(stand, "access_request", company)
    assert review["contact_id"] == request["contact_id"] == admin.id
    kept = {one["person_id"] for one in review["metadata"]["kept"]}
    assert kept == {admin.id, other.id}
    assert [one["person_id"] for one in review["metadata"]["removals"]] == [leaver.id]
    assert (request["metadata"]["action"], request["metadata"]["person_id"]) == (
        "remove",
        leaver.id,
    )
    for one in (browser, colleague):
        page = one.get("/team").text
        assert not IS_DUE.search(page)
        assert "by Anna Example" in page
        assert "Take access away from Lee Leaver" in page
    # All that was sent is there, and nothing came twice.
    assert len(logged(stand, "access_review", company)) == 1
    assert len(logged(stand, "access_request", company)) == 1


def test_what_is_not_about_exactly_the_people_of_the_company_records_nothing(
    stand: Stand, company: str
) -> None:
    admin, viewer = somebody(stand, company), somebody(stand, company, portal_role="client_viewer")
    browser = stand.signed_in(admin)
    data = form_of(browser, **{viewer.id: "keep"})
    assert browser.post(PATH, data | {"person.ct_abc123": "remove"}).status_code == 404
    assert browser.post(PATH, form_of(browser)).status_code == 422
    somebody(stand, company)
    assert browser.post(PATH, data).status_code == 422
    refused = stand.signed_in(viewer)
    assert refused.get(PATH).status_code == 403
    assert refused.post(PATH, data).status_code == 403
    assert IS_DUE.search(browser.get("/team").text)
    assert logged(stand, "access_review", company) == []
