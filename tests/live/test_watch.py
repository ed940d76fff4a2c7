"""One look at the CRM serves everybody, and tells each no more than they may know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx2 as httpx
import pytest

from portal.auth.gate import access_for
from portal.domain.viewer import Role, Viewer
from portal.errors import SMApiFault
from portal.live.digest import Versions, changed
from portal.live.watch import Ending, Listener, Verdict, Watch, Watches, look
from tests.live.turns import Turns
from tests.stage import Stage, stage

JANE = Viewer(
    contact_id="ct_abc123",
    email="jane@acme.com",
    name="Jane Smith",
    company_id="co_abc123",
    company_name="Acme Corp",
    product="mode",
    role=Role.CLIENT_ADMIN,
)
SAM = replace(JANE, contact_id="ct_def456", role=Role.CLIENT_VIEWER)
VIEWERS = {Role.CLIENT_ADMIN: JANE, Role.CLIENT_VIEWER: SAM}


@dataclass
class Page:
    """An open page: what it was told."""

    viewer: Viewer = JANE
    session_id: str = "a session"
    verdict: Verdict = Verdict.SAME
    asked: int = 0
    told: list[tuple[str, ...]] = field(default_factory=list)
    versions: Versions | None = None
    endings: list[Ending] = field(default_factory=list)
    listener: Listener = field(init=False)

    def __post_init__(self) -> None:
        self.listener = Listener(
            self.viewer, self.session_id, self._ask, self._tell, self.endings.append
        )

    async def _ask(self) -> Verdict:
        self.asked += 1
        return self.verdict

    def _tell(self, now: Versions, before: Versions | None) -> None:
        self.versions = now
        self.told.append(("now",) if before is None else changed(before, now))


@dataclass
class Crm:
    """Versions in a test's hands. `error` is raised instead."""

    version: str = "1"
    error: Exception | None = None
    looks: int = 0

    async def look(self) -> dict[Role, Versions]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return {
            Role.CLIENT_ADMIN: {"invoices": self.version, "activities": "1"},
            Role.CLIENT_VIEWER: {"activities": "1"},
        }


@dataclass
class Company:
    """A watch whose turns the test gives."""

    crm: Crm = field(default_factory=Crm)
    turns: Turns = field(default_factory=Turns)
    watches: Watches = field(default_factory=Watches)
    interval: float = 5.0

    def open(self, page: Page) -> Page:
        self.watches.add(page.listener, self._watch)
        return page

    async def ended(self) -> None:
        """Nobody is looking any more."""
        async with asyncio.timeout(5):
            await asyncio.gather(*self.watches.tasks)

    def _watch(self) -> Watch:
        return Watch(self.crm.look, self.interval, self.turns.pause)


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    made = Company()
    yield made
    await made.watches.close()


async def test_fifty_pages_cost_one_look_a_turn(company: Company) -> None:
    pages = [company.open(Page(session_id=f"s{n // 2}")) for n in range(50)]
    await company.turns.done()
    assert company.crm.looks == 1
    company.crm.version = "2"
    await company.turns.next()
    assert company.crm.looks == 2
    assert all(page.told == [("now",), ("invoices",)] for page in pages)
    assert len(company.watches) == 1
    assert company.turns.lengths == [5.0, 5.0]


async def test_each_session_is_asked_about_once_a_turn(company: Company) -> None:
    pages = [company.open(Page(session_id=f"s{n % 3}")) for n in range(12)]
    await company.turns.done()
    assert sum(page.asked for page in pages) == 3


async def test_the_first_page_starts_the_looking_and_the_last_one_stops_it(
    company: Company,
) -> None:
    assert len(company.watches) == 0
    one, other = company.open(Page()), company.open(Page())
    await company.turns.next()
    company.watches.remove(one.listener)
    await company.turns.next()
    looks = company.crm.looks
    company.watches.remove(other.listener)
    company.turns.last()
    await company.ended()
    assert len(company.watches) == 0
    assert company.crm.looks == looks
    company.open(Page())
    await company.turns.done()
    assert len(company.watches) == 1


async def test_whoever_goes_from_page_to_page_is_told_at_once_what_is_known(
    company: Company,
) -> None:
    first = company.open(Page())
    await company.turns.done()
    company.watches.remove(first.listener)
    second = company.open(Page())
    assert second.told == [("now",)]
    assert company.crm.looks == 1


async def test_nothing_is_told_while_nothing_changes(company: Company) -> None:
    page = company.open(Page())
    await company.turns.next(5)
    assert page.told == [("now",)]


async def test_a_crm_that_fails_is_asked_less_and_less_and_nobody_is_told(
    company: Company,
) -> None:
    page = company.open(Page())
    await company.turns.done()
    company.crm.error = SMApiFault("down")
    looked = []
    for turn in range(60):
        before = company.crm.looks
        await company.turns.next()
        if company.crm.looks > before:
            looked.append(turn)
    # After 2, 4, 8 and then every 12 intervals of 5 seconds: a minute.
    assert looked == [0, 2, 6, 14, 26, 38, 50]
    assert (page.told, page.endings) == ([("now",)], [])
    assert page.asked == 61


async def test_a_crm_that_is_back_is_compared_with_the_last_good_answer(
    company: Company,
) -> None:
    page = company.open(Page())
    await company.turns.done()
    company.crm.error = SMApiFault("down")
    await company.turns.next()
    company.crm.error = None
    await company.turns.next(2)
    assert page.told == [("now",)]
    company.crm.error, company.crm.version = SMApiFault("down"), "2"
    await company.turns.next()
    company.crm.error = None
    await company.turns.next(2)
    assert page.told == [("now",), ("invoices",)]


async def test_a_page_opened_while_the_crm_is_away_waits(company: Company) -> None:
    company.crm.error = SMApiFault("down")
    page = company.open(Page())
    await company.turns.done()
    assert (page.told, page.endings) == ([], [])
    company.crm.error = None
    await company.turns.next(2)
    assert page.told == [("now",)]


async def test_who_may_not_any_more_is_told_that_it_is_over_and_nothing_else(
    company: Company,
) -> None:
    leaving, staying = company.open(Page(session_id="a")), company.open(Page(session_id="b"))
    await company.turns.done()
    leaving.verdict, company.crm.version = Verdict.OVER, "2"
    await company.turns.next()
    assert (leaving.told, leaving.endings) == ([("now",)], [Ending.OVER])
    assert (staying.told, staying.endings) == ([("now",), ("invoices",)], [])


async def test_of_whom_the_crm_cannot_say_hears_nothing_until_it_can(company: Company) -> None:
    page = company.open(Page())
    await company.turns.done()
    page.verdict, company.crm.version = Verdict.UNSURE, "2"
    await company.turns.next(2)
    assert (page.told, page.endings) == ([("now",)], [])
    page.verdict = Verdict.SAME
    await company.turns.next()
    assert page.told == [("now",), ("invoices",)]


async def test_a_fault_of_ours_closes_the_streams_to_be_opened_anew(company: Company) -> None:
    company.crm.error = RuntimeError("a fault of ours")
    page = company.open(Page())
    await company.ended()
    assert page.endings == [Ending.AGAIN]


# What the CRM's records say, from the demo's own


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def seen(on: Stage) -> dict[Role, Versions]:
    return await look(access_for(on.env, JANE), VIEWERS)


async def parts_after(
    on: Stage, change: Callable[[], Awaitable[None]]
) -> dict[Role, tuple[str, ...]]:
    """The parts that a change in the CRM makes others, for each role."""
    before = await seen(on)
    await change()
    after = await seen(on)
    return {role: changed(before[role], after[role]) for role in Role}


async def post(on: Stage, resource: str, **values: Any) -> None:
    answer = await on.sandbox.post(f"/api/{resource}", json=values)
    assert answer.status_code == 201, answer.text


async def test_one_look_reads_each_list_once_for_both_roles(on: Stage) -> None:
    before = len(on.wire.calls)
    found = await seen(on)
    paths = [call.url.path for call in on.wire.calls[before:]]
    assert sorted(set(paths)) == ["/api/activities", "/api/engagements", "/api/invoices"]
    pages = [(call.url.path, call.url.params["page"]) for call in on.wire.calls[before:]]
    assert len(pages) == len(set(pages))
    assert set(found[Role.CLIENT_ADMIN]) == {"engagements", "invoices", "activities"}
    assert set(found[Role.CLIENT_VIEWER]) == {"engagements", "activities"}


async def test_readings_are_shared_within_one_company_only(on: Stage) -> None:
    access = access_for(on.env, JANE)
    for other in (replace(JANE, company_id="co_globex1"), replace(JANE, product="signal")):
        with pytest.raises(ValueError, match="within one company"):
            access.read_as((other,))


async def test_an_invoice_that_is_paid_changes_the_invoices_of_admins(on: Stage) -> None:
    change = partial(on.patch, "/api/invoices/inv_2026001", status="paid")
    assert await parts_after(on, change) == {
        Role.CLIENT_ADMIN: ("invoices",),
        Role.CLIENT_VIEWER: (),
    }


async def test_a_phase_that_starts_changes_the_activities_of_both(on: Stage) -> None:
    change = partial(
        post,
        on,
        "activities",
        activity_type="phase_started",
        title="Build",
        company_id="co_abc123",
        source="mode",
    )
    assert await parts_after(on, change) == dict.fromkeys(Role, ("activities",))


@pytest.mark.parametrize(
    ("resource", "values"),
    [
        ("activities", {"activity_type": "note", "title": "Internal", "source": "mode"}),
        ("activities", {"activity_type": "call", "title": "Jane called", "source": "mode"}),
        ("activities", {"activity_type": "milestone", "title": "X", "source": "signal"}),
        ("invoices", {"amount": 9, "status": "draft", "product": "mode"}),
        ("invoices", {"amount": 9, "status": "sent", "product": "signal"}),
        ("engagements", {"name": "Another product's", "product": "signal"}),
        ("deals", {"title": "A deal"}),
    ],
)
async def test_what_is_internal_a_draft_or_another_products_changes_nothing(
    on: Stage, resource: str, values: dict[str, Any]
) -> None:
    change = partial(post, on, resource, company_id="co_abc123", **values)
    assert await parts_after(on, change) == dict.fromkeys(Role, ())


async def test_internal_fields_change_nothing(on: Stage) -> None:
    change = partial(on.patch, "/api/engagements/eng_abc123", notes="Careful", margin_pct=12)
    assert await parts_after(on, change) == dict.fromkeys(Role, ())


async def test_another_clients_records_change_nothing(on: Stage) -> None:
    async def change() -> None:
        await post(on, "invoices", company_id="co_globex1", amount=9, status="sent", product="mode")
        await post(
            on,
            "activities",
            company_id="co_globex1",
            activity_type="milestone",
            title="X",
            source="mode",
        )

    assert await parts_after(on, change) == dict.fromkeys(Role, ())


async def test_an_answer_with_anothers_records_in_it_changes_nothing(on: Stage) -> None:
    before = await seen(on)
    own = await on.sandbox.get("/api/invoices?company_id=co_abc123&limit=100")
    foreign = (
        b'{"id":"inv_x","company_id":"co_globex1","amount":1,"status":"sent","product":"mode"}'
    )
    mixed = own.content.replace(b'"data":[', b'"data":[' + foreign + b",")
    assert mixed != own.content
    on.wire.fault = lambda request: (
        httpx.Response(200, headers={"Content-Type": "application/json"}, content=mixed)
        if request.url.path == "/api/invoices"
        else None
    )
    assert await seen(on) == before


async def test_an_amount_in_words_changes_nothing_for_a_viewer(on: Stage) -> None:
    await on.patch("/api/engagements/eng_abc123", plain_status="Billed $5,000 so far")
    change = partial(on.patch, "/api/engagements/eng_abc123", plain_status="Billed $7,500 so far")
    assert await parts_after(on, change) == {
        Role.CLIENT_ADMIN: ("engagements",),
        Role.CLIENT_VIEWER: (),
    }
