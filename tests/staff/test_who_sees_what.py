"""The table of who sees what is what the pages really show, with a rule for all that is hidden."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from portal.crm.contacts import Contacts
from portal.crm.staff_access import StaffAccess
from portal.crm.visibility import Hidden
from portal.domain.viewer import Role, Staff
from portal.staff.who_sees_what import Sight, who_sees_what
from tests.staff.stand import by_google
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def sights(on: Stage) -> dict[str, Sight]:
    """The whole answer for Acme."""
    env = on.env
    assert isinstance(env.contacts, Contacts)
    access = StaffAccess(Staff("ct_ava", "a@x.example", "Ava", "mode"), env.sm, env.contacts)
    company = await access.record("companies", "co_abc123")
    people = await access.records("contacts", {"company_id": "co_abc123"})
    return {s.name: s for s in await who_sees_what(env, access, company, people)}


async def test_the_counts_are_those_of_the_clients_own_lists(on: Stage) -> None:
    found = await sights(on)
    for role, email in ((Role.CLIENT_ADMIN, "jane@acme.com"), (Role.CLIENT_VIEWER, "sam@acme.com")):
        browser = await on.signed_in(email)
        for name in ("companies", "contacts", "engagements", "activities", "invoices"):
            answer = await browser.get(f"/api/{name}", params={"limit": 100})
            if answer.status_code == 403:
                assert (name, found[name].counts[role]) == ("invoices", 0)
                continue
            data = answer.json()["data"]
            items = data["items"] if isinstance(data, dict) else data
            assert found[name].counts[role] == len(items), (role, name)


async def test_every_hidden_record_names_its_rule(on: Stage) -> None:
    found = await sights(on)
    for sight in found.values():
        for role in Role:
            hidden = [r for r in sight.hidden_records if r.hidden_by[role] is not None]
            assert len(hidden) == sight.staff_count - sight.counts[role], sight.name
    rules = {
        name: {
            rule for record in sight.hidden_records for rule in record.hidden_by.values() if rule
        }
        for name, sight in found.items()
    }
    assert rules["invoices"] == {Hidden.MONEY, Hidden.DRAFT}
    assert rules["activities"] == {Hidden.MONEY, Hidden.INTERNAL}
    assert rules["contacts"] == {Hidden.OTHERS}
    assert rules["deals"] == {Hidden.NEVER}


async def test_every_field_with_a_value_is_shown_or_listed_as_hidden(on: Stage) -> None:
    found = await sights(on)
    hidden = {name: {field.name for field in sight.hidden_fields} for name, sight in found.items()}
    assert {"cogs", "margin_pct", "notes"} <= hidden["engagements"]
    assert "health_score" in hidden["companies"]
    assert "metadata" in hidden["activities"]
    assert not {"name", "status", "start_date"} & hidden["engagements"]


async def test_the_page_says_it_in_words(on: Stage) -> None:
    ava = await by_google(on)
    page = (await ava.get("/staff/companies/co_abc123")).text
    text = re.sub(r"<[^>]+>", " ", page)
    for words in ("Who sees what", "a draft", "speaks of amounts", "an internal kind", "cogs"):
        assert words in text
    assert (await ava.get("/staff/companies/co_missing")).status_code == 404
