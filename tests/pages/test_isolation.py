"""No page and no address gives a client another's record, or any field that is not listed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount, Route

from portal.domain.explain import MoneyFigure, WorkFigure
from portal.routes import ROUTES
from portal.sandbox.fields import Field, Kind, Resource, Writable
from portal.sandbox.resources import RESOURCES
from tests.stage import Stage, stage

MARKER = "internalmarker"
NUMBER = 987_654


@dataclass(frozen=True)
class Record:
    """One of the sandbox's records."""

    resource: str
    fields: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.fields["id"])


FIGURES = [figure.value for figures in (MoneyFigure, WorkFigure) for figure in figures]


def addresses(routes: list[BaseRoute], prefix: str = "") -> list[str]:
    """Every address of the URL table that can be read, placeholders and all, each figure named."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += addresses(list(route.routes), prefix + route.path)
        elif isinstance(route, Route) and "GET" in (route.methods or ()):
            names = FIGURES if "{figure}" in route.path else [""]
            found += [prefix + route.path.replace("{figure}", name) for name in names]
    return found


READABLE = [
    path for path in addresses(ROUTES) if "logout" not in path and not path.startswith("/staff")
]
"""Staff's pages refuse every client alike: `tests/staff` tries them all."""
WITH_ID = [path for path in READABLE if "{id}" in path]
PAGES = [path for path in READABLE if "{" not in path]


async def everything(on: Stage) -> list[Record]:
    """Every record of the sandbox, whoever's."""
    found = []
    for resource in RESOURCES:
        page = 1
        while True:
            answer = await on.sandbox.get(
                f"/api/{resource.name}", params={"limit": 5000, "page": page}
            )
            data = answer.json()["data"]
            items = data["items"] if isinstance(data, dict) else data
            found += [Record(resource.name, item) for item in items]
            if not isinstance(data, dict) or not data["hasMore"]:
                break
            page += 1
    return found


def is_acmes(record: Record, engagements: set[str]) -> bool:
    """Whether design rule 2 gives the record to Acme at Mode (drafts and deals are nobody's)."""
    fields = record.fields
    if fields.get("company_id") != "co_abc123":
        return False
    if record.resource == "engagements":
        return bool(fields["product"] == "mode")
    if record.resource == "invoices" and fields["status"] != "draft":
        if fields.get("product"):
            return bool(fields["product"] == "mode")
        return fields.get("engagement_id") in engagements
    return False


def acme_engagements(records: list[Record]) -> set[str]:
    return {
        r.id
        for r in records
        if r.resource == "engagements"
        and r.fields["company_id"] == "co_abc123"
        and r.fields["product"] == "mode"
    }


@pytest.fixture
async def acme() -> AsyncIterator[Stage]:
    async with stage() as on:
        yield on


async def test_no_id_put_into_any_address_opens_another_clients_record(acme: Stage) -> None:
    records = await everything(acme)
    own = acme_engagements(records)
    browser = await acme.signed_in("jane@acme.com")
    opened, refused = 0, 0
    for address in WITH_ID:
        for record in records:
            answer = await browser.get(address.replace("{id}", record.id))
            fits = address.startswith(f"/{record.resource}/")
            if fits and is_acmes(record, own):
                assert answer.status_code == 200, (address, record.id)
                opened += 1
            else:
                assert answer.status_code == 404, (address, record.id)
                refused += 1
    assert opened > 10
    assert refused > 100


async def test_anothers_record_and_a_missing_one_get_the_same_answer(acme: Stage) -> None:
    browser = await acme.signed_in("jane@acme.com")
    records = await everything(acme)
    foreign = next(
        r.id for r in records if r.resource == "invoices" and r.fields["company_id"] != "co_abc123"
    )
    known, unknown = "x" * 12, "y" * 12
    theirs = await browser.get(f"/invoices/{foreign}", headers={"X-Request-Id": known})
    nobodys = await browser.get("/invoices/inv_0000", headers={"X-Request-Id": unknown})
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.text.replace(known, "") == nobodys.text.replace(unknown, "")


async def test_nothing_of_another_client_is_on_any_page(acme: Stage) -> None:
    records = await everything(acme)
    own = acme_engagements(records)
    foreign = [
        r for r in records if r.fields.get("company_id", r.id) not in ("co_abc123", None)
    ] + [
        r
        for r in records
        if r.resource in ("engagements", "invoices")
        and r.fields["company_id"] == "co_abc123"
        and not is_acmes(r, own)
    ]
    words = {r.id for r in foreign} | {
        str(r.fields[name])
        for r in foreign
        for name in ("name", "invoice_number", "title", "full_name")
        if r.fields.get(name)
    }
    # Whose portal it is stands on every page.
    words -= {"Sprint Mode"}
    mine = [r for r in records if r not in foreign]
    words -= {str(value) for r in mine for value in r.fields.values()}
    assert len(words) > 30
    for email in ("jane@acme.com", "sam@acme.com"):
        browser = await acme.signed_in(email)
        acme.clock.forward(minutes=2)
        for text in await _every_page(browser, records):
            assert not [word for word in words if word in text]


async def test_no_internal_field_is_on_any_page_in_any_role(acme: Stage) -> None:
    records = await everything(acme)
    marked = 0
    for resource in RESOURCES:
        for record in records:
            if record.resource == resource.name:
                values = marks(resource, record)
                if internal_activity(record, acme):
                    values |= {"title": MARKER, "description": MARKER}
                if values:
                    await acme.patch(f"/api/{resource.name}/{record.id}", **values)
                marked += len(values)
    assert marked > 100
    for email in ("jane@acme.com", "sam@acme.com"):
        browser = await acme.signed_in(email)
        acme.clock.forward(minutes=2)
        for text in await _every_page(browser, records):
            assert MARKER not in text
            assert str(NUMBER) not in text
            assert f"{NUMBER:,}" not in text


def marks(resource: Resource, record: Record) -> dict[str, Any]:
    """Values for a record's internal fields that can be found again wherever they come out."""
    internal = [f for f in resource.fields if f.internal or resource.internal or f.columns]
    writable = [f for f in internal if f.writable is Writable.ALWAYS and not f.choices]
    return {field.name: value for field in writable if (value := _mark(field, record))}


def _mark(field: Field, record: Record) -> Any:
    if field.columns:
        rows = record.fields[field.name]
        marked = {c.name: _mark(c, record) for c in field.columns if c.internal}
        return [{**row, **marked} for row in rows] if marked else None
    if field.maximum is not None:
        return None
    match field.kind:
        case Kind.NUMBER:
            return NUMBER
        case Kind.URL:
            return f"https://{MARKER}.example/{record.id}"
        case Kind.TEXT | Kind.LONG_TEXT:
            return f"{MARKER}-{record.id}"
    return None


def internal_activity(record: Record, on: Stage) -> bool:
    """Whether the record is an activity of a kind that clients do not see."""
    kind = record.fields.get("activity_type")
    return record.resource == "activities" and kind not in on.settings.visible_activities


async def _every_page(browser: Any, records: list[Record]) -> list[str]:
    texts = []
    for address in PAGES:
        texts.append((await browser.get(address)).text)
    for address in WITH_ID:
        for record in records:
            if address.startswith(f"/{record.resource}/"):
                texts.append((await browser.get(address.replace("{id}", record.id))).text)
    return texts
