"""A client's session reads its own company's records of its products, and nothing internal."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from portal.sandbox.auth.client_scope import MONEY_KINDS, NEWS_KINDS, POSTED_KINDS
from portal.sandbox.resources import BY_NAME, RESOURCES
from portal.sandbox.store import Store
from portal.sandbox.write import insert_records
from tests.sandbox.auth.setup import JANE, SAM, hub_app, signed_in
from tests.sandbox.setup import Clock, client_of, refused

NOW = "2026-05-13T10:42:00.000000Z"
TAGS = ("mode", "signal", "studios")
SECRET_NUMBER = 987_654
ME = ("ct_0000000000000000", "me@own.example")
INTERNAL_KINDS = {"call", "email", "note", "transcript", "ai_summary", "lead_submitted"}
INTERNAL_KINDS |= {"deal_created", "hiring_intake", "meeting", "portal_login", "made_up"}
KINDS = sorted(INTERNAL_KINDS | NEWS_KINDS | POSTED_KINDS)


def ids(prefix: str, count: int) -> list[str]:
    return [f"{prefix}_{number:016x}" for number in range(count)]


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Companies whose records refer to each other at will; the first contact is who signs in."""
    tags = st.sampled_from([*TAGS, None])

    def perhaps(choices: list[str]) -> str | None:
        return draw(st.none() | st.sampled_from(choices))

    def record(record_id: str, **fields: Any) -> dict[str, Any]:
        return {"id": record_id, "created_at": NOW, **fields}

    companies, contacts, engagements = ids("co", 2), ids("ct", 5), ids("eng", 5)
    company = st.sampled_from(companies)
    me = record(
        ME[0],
        email=ME[1],
        full_name="Me",
        company_id=companies[0],
        products=draw(st.lists(st.sampled_from(TAGS), unique=True)),
        portal_access=draw(st.sampled_from([1, 1, 1, 0])),
        portal_role=draw(st.sampled_from(["client_admin", "client_viewer", None])),
        notes="secret of notes",
        tags="secret of tags",
    )
    others = [
        record(
            i,
            company_id=perhaps(companies),
            full_name=f"secret of {i}",
            products=draw(st.lists(st.sampled_from(TAGS), unique=True)),
            notes="secret of notes",
            source="secret of source",
        )
        for i in contacts[1:]
    ]
    rows = [{"role": "Engineer", "hours": SECRET_NUMBER, "rate": SECRET_NUMBER}]
    return {
        "companies": [
            record(
                i,
                name=f"secret of {i}",
                product=draw(tags),
                notes="secret of notes",
                monthly_revenue=SECRET_NUMBER,
                health_score=13,
            )
            for i in companies
        ],
        "contacts": [me, *others],
        "engagements": [
            record(
                i,
                company_id=draw(company),
                name=f"secret of {i}",
                product=draw(st.sampled_from(TAGS)),
                cogs=SECRET_NUMBER,
                margin_pct=SECRET_NUMBER,
                monthly_revenue=SECRET_NUMBER,
                headcount=SECRET_NUMBER,
                notes="secret of notes",
                jira_board_url="https://secret.of/jira",
                team_members=rows,
            )
            for i in engagements
        ],
        "invoices": [
            record(
                i,
                company_id=draw(company),
                engagement_id=perhaps(engagements),
                product=draw(tags),
                amount=1,
                status=draw(st.sampled_from(["draft", "sent", "paid"])),
                invoice_number=f"secret of {i}",
                notes="secret of notes",
            )
            for i in ids("inv", 6)
        ],
        "deals": [
            record(i, company_id=perhaps(companies), product="mode", title=f"secret of {i}")
            for i in ids("deal", 2)
        ],
        "activities": [
            record(
                i,
                company_id=perhaps(companies),
                contact_id=perhaps(contacts),
                engagement_id=perhaps(engagements),
                source=draw(tags),
                activity_type=draw(st.sampled_from(KINDS)),
                title=f"secret of {i}",
            )
            for i in ids("act", 8)
        ],
        "leads": [record(i, email="l@x.example", name=f"secret of {i}") for i in ids("ld", 1)],
    }


def own_records(world: dict[str, list[dict[str, Any]]], granted: set[str]) -> set[str]:
    """The ids that the first contact may see, said anew and without the database."""
    me = world["contacts"][0]
    products = set(me["products"]) & granted
    admin = me["portal_role"] == "client_admin"
    if me["portal_access"] != 1 or not products:
        return set()
    engagements = {e["id"]: e["product"] for e in world["engagements"]}

    def tags(record: dict[str, Any], own: str | None) -> set[str | None]:
        return {own or engagements.get(record["engagement_id"])}

    kinds = NEWS_KINDS if admin else NEWS_KINDS - MONEY_KINDS
    company = me["company_id"]
    found = {company}
    found |= {
        c["id"]
        for c in world["contacts"]
        if c["company_id"] == company and products & set(c["products"])
    }
    found |= {
        e["id"]
        for e in world["engagements"]
        if e["company_id"] == company and e["product"] in products
    }
    found |= {
        i["id"]
        for i in world["invoices"]
        if admin
        and i["company_id"] == company
        and i["status"] != "draft"
        and products & tags(i, i["product"])
    }
    found |= {
        a["id"]
        for a in world["activities"]
        if a["company_id"] == company
        and a["activity_type"] in kinds
        and products & tags(a, a["source"])
    }
    return found


# Without shrinking: each example asks a hundred addresses, and a failure names the one at fault.
@given(world=worlds(), granted=st.sets(st.sampled_from(TAGS)))
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
async def test_no_read_route_tells_a_client_anything_that_is_not_theirs(
    world: dict[str, list[dict[str, Any]]], granted: set[str]
) -> None:
    clock = Clock()
    store = Store(None, clock)
    with store.writing() as connection:
        for resource in RESOURCES:
            insert_records(connection, resource, world[resource.name])
    own = own_records(world, granted)
    everything = {record["id"] for records in world.values() for record in records}
    headers = signed_in(ME, clock, *(granted or ("none",)))
    async with client_of(hub_app(store, clock)) as client:
        for path in paths(world):
            answer = await client.get(path, headers=headers)
            told = answer.text
            assert not {i for i in everything - own if f'"{i}"' in told}, path
            assert not foreign_words(told, own), path
            assert_right(path, answer, own, everything)
    store.close()


def paths(world: dict[str, list[dict[str, Any]]]) -> list[str]:
    lists = [f"/api/{name}" for name in world]
    asked = [
        f"/api/{name}?{query}"
        for name in world
        for query in (
            "product=mode&product=studios",
            "product=studios",
            "search=secret",
            "company_id=co_0000000000000001",
            "contact_id=ct_0000000000000001",
            "status=draft",
            "type=note",
            "sort=revenue",
            "source=secret%20of%20source",
            "limit=1&page=2",
        )
    ]
    singles = [f"/api/{name}/{record['id']}" for name, found in world.items() for record in found]
    other = ["/api/pipelines", "/api/magic_sessions", "/api/connectors", "/api/my-portals"]
    return [*lists, *asked, *singles, *other]


def foreign_words(told: str, own: set[str]) -> list[str]:
    """What only internal fields and other people's records say."""
    words = ["secret of notes", "secret of source", "secret of tags", "secret.of/jira"]
    words.append(str(SECRET_NUMBER))
    found = [word for word in words if word in told]
    found += [
        part[:20]
        for part in told.split("secret of ")[1:]
        if part[:2] in ("co", "ct", "en", "in", "de", "ac", "ld")
        and part.partition('"')[0] not in own
    ]
    return found


def assert_right(path: str, answer: httpx.Response, own: set[str], everything: set[str]) -> None:
    """What is theirs is there; lists have all of it."""
    name, _, rest = path.removeprefix("/api/").partition("/")
    if rest in everything:
        assert answer.status_code in (200, 403, 404), path
        assert (answer.status_code == 200) == (rest in own), path
    elif name in BY_NAME and answer.status_code == 200:
        data = answer.json()["data"]
        found = {r["id"] for r in (data["items"] if BY_NAME[name].paged else data)}
        assert found == {i for i in own if i.startswith(BY_NAME[name].prefix + "_")}, path


READABLE_BY_JANE = ("companies", "contacts", "engagements", "invoices", "activities")


@pytest.mark.parametrize("name", READABLE_BY_JANE)
async def test_no_internal_field_is_in_a_clients_record(
    browser: httpx.AsyncClient, clock: Clock, name: str
) -> None:
    internal = {field.name for field in BY_NAME[name].fields if field.internal}
    answer = await browser.get(f"/api/{name}", headers=signed_in(JANE, clock))
    data = answer.json()["data"]
    records = data["items"] if BY_NAME[name].paged else data
    assert records
    assert not [record for record in records if internal & set(record)]
    single = await browser.get(f"/api/{name}/{records[0]['id']}", headers=signed_in(JANE, clock))
    assert single.status_code == 200
    assert not internal & set(single.json()["data"])


async def test_rows_lose_their_internal_columns(browser: httpx.AsyncClient, clock: Clock) -> None:
    answer = await browser.get("/api/engagements", headers=signed_in(JANE, clock))
    rows = [row for record in answer.json()["data"] for row in record["team_members"]]
    assert rows
    assert all(set(row) == {"role"} for row in rows)


async def test_the_companys_detail_tells_no_figures(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    for person, sees_invoices in ((JANE, True), (SAM, False)):
        answer = await browser.get("/api/companies/co_abc123", headers=signed_in(person, clock))
        detail = answer.json()["data"]
        assert bool(detail["recent_invoices"]) is sees_invoices
        assert detail["deals_count"] == 0
        assert all(e.get("monthly_revenue") is None for e in detail["engagements"])
        assert all(e.get("headcount") is None for e in detail["engagements"])
        assert "draft" not in {invoice["status"] for invoice in detail["recent_invoices"]}


@pytest.mark.parametrize("query", ["source=manual", "sort=revenue", "sort="])
async def test_internal_fields_cannot_be_asked_about(
    browser: httpx.AsyncClient, clock: Clock, query: str
) -> None:
    answer = await browser.get(f"/api/companies?{query}", headers=signed_in(JANE, clock))
    refused(answer, 403, query.partition("=")[0])


async def test_a_clients_answers_are_not_cached_for_others(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    tags = set()
    for headers in (signed_in(JANE, clock), {"X-SM-Key": "an-unbound-key"}):
        answer = await browser.get("/api/companies/co_abc123", headers=headers)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        tags.add(answer.headers["ETag"])
    assert len(tags) == 2


def test_what_clients_see_and_what_they_log_are_apart() -> None:
    assert not NEWS_KINDS & POSTED_KINDS
    assert not (NEWS_KINDS | POSTED_KINDS) & INTERNAL_KINDS
