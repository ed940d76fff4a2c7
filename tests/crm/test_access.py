"""Nothing foreign passes: a viewer's access to an SM API that answers with everybody's records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.crm.access import ClientAccess
from portal.crm.cache import ReadCache
from portal.crm.contacts import Contacts
from portal.crm.reads import CompanyReads, keeping_for
from portal.crm.visibility import VisibilityRules
from portal.domain.viewer import Role, Viewer
from portal.errors import BadInput, NotFound, RoleNotAllowed, SMApiError, SMApiFault
from tests.crm.upstream import Clock, Upstream, ok, refusal

OURS: Final = "co_ours"
VISIBLE: Final = ("milestone", "scan_completed", "invoice_sent", "payment_received")
Records = list[dict[str, Any]]


def crm(**lists: Records) -> Upstream:
    """An SM API that gives its whole list whatever was asked for."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/api/")
        return ok(lists[name] if int(request.url.params.get("page", 1)) == 1 else [])

    return Upstream(answer)


def access(
    upstream: Upstream,
    role: Role = Role.CLIENT_ADMIN,
    *,
    untagged: bool = False,
    time_zone: str = "UTC",
    clock: Clock | None = None,
) -> ClientAccess:
    clock = clock or Clock()
    viewer = Viewer(
        contact_id="ct_me",
        email="me@ours.example",
        name="Me",
        company_id=OURS,
        company_name="Ours",
        product="mode",
        role=role,
        time_zone=time_zone,
    )
    sm = upstream.client()
    rules = VisibilityRules(frozenset(VISIBLE), untagged)
    reads = CompanyReads(sm, ReadCache(keeping_for(5), clock), OURS, "mode")
    return ClientAccess(viewer, reads, Contacts(sm, "mode", clock), clock, rules)


def engagement(identity: str, company: Any = OURS, product: Any = "mode") -> dict[str, Any]:
    return {"id": identity, "company_id": company, "product": product, "name": identity}


def invoice(identity: str, company: Any = OURS, **fields: Any) -> dict[str, Any]:
    return {"id": identity, "company_id": company, "amount": 10, "status": "sent", **fields}


def activity(identity: str, company: Any = OURS, **fields: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "company_id": company,
        "activity_type": "milestone",
        "created_at": "2026-11-01T10:00:00Z",
        **fields,
    }


def ids(records: Any) -> set[str]:
    return {record.id for record in records}


# Random ledgers of everybody's records

companies = st.sampled_from([OURS, OURS, "co_theirs", "CO_OURS", "co_ours ", "", None])
products = st.sampled_from(["mode", "mode", "signal", "Mode", "modeling", "", None])
engagement_ids = st.sampled_from(["en_0", "en_1", "en_2", "en_3", "nowhere", "", None])


def missing_some(fields: dict[str, Any]) -> dict[str, Any]:
    """A field that is None is sometimes left out and sometimes null: here it is left out."""
    return {name: value for name, value in fields.items() if value != "leave out"}


def numbered(prefix: str, drawn: list[dict[str, Any]]) -> Records:
    return [{**missing_some(fields), "id": f"{prefix}_{n}"} for n, fields in enumerate(drawn)]


maybe_left_out = st.just("leave out")
engagements = st.lists(
    st.fixed_dictionaries(
        {
            "company_id": companies | maybe_left_out,
            "product": products | maybe_left_out,
            "name": st.just("Work"),
        }
    ),
    max_size=6,
).map(lambda drawn: numbered("en", drawn))
invoices = st.lists(
    st.fixed_dictionaries(
        {
            "company_id": companies | maybe_left_out,
            "product": products | maybe_left_out,
            "engagement_id": engagement_ids | maybe_left_out,
            "status": st.sampled_from(["draft", "sent", "paid", "overdue", "leave out"]),
            "amount": st.just(10),
        }
    ),
    max_size=10,
).map(lambda drawn: numbered("in", drawn))
activities = st.lists(
    st.fixed_dictionaries(
        {
            "company_id": companies | maybe_left_out,
            "source": products | maybe_left_out,
            "engagement_id": engagement_ids | maybe_left_out,
            "activity_type": st.sampled_from([*VISIBLE, "call", "email", "note", "transcript"]),
            "created_at": st.just("2026-11-01T10:00:00Z"),
        }
    ),
    max_size=10,
).map(lambda drawn: numbered("act", drawn))


def own_engagement_ids(records: Records) -> set[str]:
    return {r["id"] for r in records if r.get("company_id") == OURS and r.get("product") == "mode"}


@given(engagements, invoices, st.booleans())
@settings(deadline=None)
async def test_of_random_invoices_exactly_the_viewers_own_pass(
    work: Records, bills: Records, untagged: bool
) -> None:
    own = own_engagement_ids(work)

    def is_own(bill: dict[str, Any]) -> bool:
        if bill.get("company_id") != OURS or bill.get("status", "draft") == "draft":
            return False
        if bill.get("product"):
            return bool(bill["product"] == "mode")
        if bill.get("engagement_id"):
            return bill["engagement_id"] in own
        return untagged

    found = await access(crm(engagements=work, invoices=bills), untagged=untagged).invoices()
    assert ids(found) == {bill["id"] for bill in bills if is_own(bill)}


@given(engagements, activities, st.sampled_from(Role))
@settings(deadline=None)
async def test_of_random_activities_exactly_the_visible_and_own_pass(
    work: Records, happened: Records, role: Role
) -> None:
    own = own_engagement_ids(work)

    def is_shown(one: dict[str, Any]) -> bool:
        money = one["activity_type"] in ("invoice_sent", "payment_received")
        return (
            one.get("company_id") == OURS
            and (one.get("source") == "mode" or one.get("engagement_id") in own)
            and one["activity_type"] in VISIBLE
            and (role is Role.CLIENT_ADMIN or not money)
        )

    found = await access(crm(engagements=work, activities=happened), role).activities()
    assert ids(found) == {one["id"] for one in happened if is_shown(one)}


@given(engagements)
@settings(deadline=None)
async def test_of_random_engagements_exactly_the_viewers_own_pass(work: Records) -> None:
    viewed = access(crm(engagements=work))
    assert ids(await viewed.engagements()) == own_engagement_ids(work)


# Each rule by itself


async def test_every_list_is_asked_for_with_the_company() -> None:
    upstream = crm(engagements=[], invoices=[], activities=[], contacts=[])
    viewed = access(upstream)
    await viewed.invoices()
    await viewed.activities()
    await viewed.colleagues()
    assert {r.url.params["company_id"] for r in upstream.calls} == {OURS}
    [asked] = [r for r in upstream.calls if r.url.path == "/api/engagements"]
    assert asked.url.params["product"] == "mode"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"product": "mode"}, True),
        ({"product": "signal"}, False),
        ({"product": "signal", "engagement_id": "en_own"}, False),
        ({"product": "mode", "engagement_id": "en_signal"}, True),
        ({"engagement_id": "en_own"}, True),
        ({"product": "", "engagement_id": "en_own"}, True),
        ({"engagement_id": "en_signal"}, False),
        ({"engagement_id": "en_theirs"}, False),
        ({"engagement_id": "en_unknown"}, False),
    ],
)
async def test_an_invoice_is_ours_by_its_product_else_by_its_engagement(
    fields: dict[str, Any], shown: bool
) -> None:
    work = [
        engagement("en_own"),
        engagement("en_signal", product="signal"),
        engagement("en_theirs", company="co_theirs"),
    ]
    for untagged in (False, True):
        upstream = crm(engagements=work, invoices=[invoice("in_1", **fields)])
        assert bool(await access(upstream, untagged=untagged).invoices()) is shown


@pytest.mark.parametrize("fields", [{}, {"product": None}, {"product": "", "engagement_id": ""}])
async def test_an_untagged_invoice_is_hidden_unless_told_to_show_it(fields: dict[str, Any]) -> None:
    upstream = crm(engagements=[], invoices=[invoice("in_1", **fields)])
    assert await access(upstream).invoices() == []
    assert ids(await access(upstream, untagged=True).invoices()) == {"in_1"}


async def test_invoices_come_newest_first_and_without_drafts() -> None:
    bills = [
        invoice("in_a", product="mode", issued_date="2026-01-01"),
        invoice("in_undated", product="mode"),
        invoice("in_c", product="mode", issued_date="2026-03-01"),
        invoice("in_b", product="mode", issued_date="2026-03-01"),
        invoice("in_draft", product="mode", status="draft"),
    ]
    found = await access(crm(engagements=[], invoices=bills)).invoices()
    assert [i.id for i in found] == ["in_c", "in_b", "in_a", "in_undated"]


async def test_a_client_viewer_cannot_read_invoices_and_nothing_is_asked() -> None:
    upstream = crm(engagements=[], invoices=[invoice("in_1", product="mode")])
    viewed = access(upstream, Role.CLIENT_VIEWER)
    with pytest.raises(RoleNotAllowed):
        await viewed.invoices()
    with pytest.raises(RoleNotAllowed):
        await viewed.invoice("in_1")
    assert upstream.calls == []


async def test_anothers_invoice_a_draft_and_a_missing_one_are_not_found_alike() -> None:
    bills = [
        invoice("in_own", product="mode"),
        invoice("in_draft", product="mode", status="draft"),
        invoice("in_theirs", "co_theirs", product="mode"),
        invoice("in_signal", product="signal"),
    ]
    viewed = access(crm(engagements=[], invoices=bills))
    assert (await viewed.invoice("in_own")).id == "in_own"
    for identity in ("in_draft", "in_theirs", "in_signal", "in_missing", "../in_own", ""):
        with pytest.raises(NotFound) as caught:
            await viewed.invoice(identity)
        assert caught.value.message == NotFound.default_message


async def test_a_fault_in_anothers_record_does_not_take_the_viewers_own_away() -> None:
    broken: dict[str, Any] = {"id": "in_broken", "company_id": "co_theirs", "amount": "a lot"}
    ownerless: dict[str, Any] = {"id": "in_nobodys", "amount": {}}
    bills = [broken, ownerless, invoice("in_own", product="mode")]
    assert ids(await access(crm(engagements=[], invoices=bills)).invoices()) == {"in_own"}


async def test_a_fault_in_an_own_record_is_an_error_and_no_shorter_list() -> None:
    bills = [invoice("in_own", product="mode"), {"id": "in_2", "company_id": OURS, "amount": "x"}]
    with pytest.raises(SMApiError):
        await access(crm(engagements=[], invoices=bills)).invoices()


async def test_activities_of_one_engagement_are_its_own_and_newest_first() -> None:
    happened = [
        activity("act_1", engagement_id="en_1", created_at="2026-11-01T10:00:00Z"),
        activity("act_2", engagement_id="en_1", created_at="2026-11-01T10:00:00+02:00"),
        activity("act_3", engagement_id="en_2"),
        activity("act_4", source="mode"),
    ]
    work = [engagement("en_1"), engagement("en_2"), engagement("en_x", company="co_theirs")]
    viewed = access(crm(engagements=work, activities=happened))
    assert [a.id for a in await viewed.activities("en_1")] == ["act_1", "act_2"]
    assert ids(await viewed.activities()) == {"act_1", "act_2", "act_3", "act_4"}
    for foreign in ("en_x", "en_missing", "../en_1"):
        with pytest.raises(NotFound):
            await viewed.activities(foreign)


@pytest.mark.parametrize("activity_type", ["invoice_sent", "payment_received"])
async def test_only_those_who_see_money_see_that_it_moved(activity_type: str) -> None:
    happened = [activity("act_1", source="mode", activity_type=activity_type)]
    upstream = crm(engagements=[], activities=happened)
    assert ids(await access(upstream).activities()) == {"act_1"}
    assert await access(upstream, Role.CLIENT_VIEWER).activities() == []


@pytest.mark.parametrize(
    "kind", ["call", "email", "note", "transcript", "ai_summary", "deal_created"]
)
async def test_an_internal_activity_is_shown_to_nobody(kind: str) -> None:
    happened = [activity("act_1", source="mode", activity_type=kind)]
    for role in Role:
        assert await access(crm(engagements=[], activities=happened), role).activities() == []


TRAVERSALS = [
    "../companies/co_theirs",
    "..",
    ".",
    "",
    "en_1/../en_2",
    "en_1?x=1",
    "en_1#",
    "a" * 65,
]
TRAVERSALS += ["en%2F1", "en_1\n", "én_1", "-en", " en_1", "en\0", "\\en"]


@pytest.mark.parametrize("identity", TRAVERSALS)
async def test_an_id_that_is_none_is_not_found_without_a_call(identity: str) -> None:
    upstream = crm(engagements=[engagement("en_1")])
    with pytest.raises(NotFound):
        await access(upstream).engagement(identity)
    assert upstream.calls == []


async def test_the_company_is_the_viewers_or_nothing() -> None:
    upstream = Upstream(lambda _: ok({"id": OURS, "name": "Ours", "notes": "secret"}))
    assert (await access(upstream).company()).name == "Ours"
    assert upstream.calls[0].url.path == f"/api/companies/{OURS}"
    for answer in (ok({"id": "co_theirs", "name": "Theirs"}), refusal(404)):
        with pytest.raises(NotFound):
            await access(Upstream(lambda _, given=answer: given)).company()  # type: ignore[misc]


async def test_an_sm_api_that_is_down_is_down_and_not_empty() -> None:
    viewed = access(Upstream(lambda _: httpx.Response(503)))
    for ask in (viewed.company, viewed.engagements, viewed.invoices, viewed.activities):
        with pytest.raises(SMApiFault):
            await ask()


async def test_one_request_reads_the_engagements_once() -> None:
    upstream = crm(engagements=[engagement("en_1")], invoices=[], activities=[])
    viewed = access(upstream)
    await viewed.engagements()
    await viewed.engagement("en_1")
    await viewed.invoices()
    await viewed.activities("en_1")
    paths = [r.url.path for r in upstream.calls]
    assert paths.count("/api/engagements") == 1


async def test_colleagues_are_those_of_company_and_product_by_name() -> None:
    people: Records = [
        {"id": "ct_b", "company_id": OURS, "product": "mode", "full_name": "zoe"},
        {"id": "ct_a", "company_id": OURS, "products": ["mode"], "full_name": "Adam"},
        {"id": "ct_me", "company_id": OURS, "product": "mode", "full_name": "Me"},
        {"id": "ct_signal", "company_id": OURS, "product": "signal"},
        {"id": "ct_none", "company_id": OURS},
        {"id": "ct_theirs", "company_id": "co_theirs", "product": "mode"},
        {"id": "ct_nobodys", "product": "mode"},
    ]
    found = await access(crm(contacts=people)).colleagues()
    assert [c.id for c in found] == ["ct_a", "ct_me", "ct_b"]
    assert {c.product for c in found} == {"mode"}
    assert ids(await access(crm(contacts=people), Role.CLIENT_VIEWER).colleagues()) == {"ct_me"}


@dataclass
class Straight:
    """An outbox that hands everything on at once."""

    upstream: Upstream

    async def patch(self, path: str, changes: Mapping[str, Any], contact_id: str) -> bool:
        assert path == f"/api/contacts/{contact_id}"
        await self.upstream.client().patch(path, changes)
        return True


async def test_changing_oneself_changes_nobody_else_and_is_seen_at_once() -> None:
    me = {"id": "ct_me", "email": "me@ours.example", "full_name": "Me"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            me["full_name"] = "I"
        return ok(me)

    upstream = Upstream(answer)
    viewed, outbox = access(upstream), Straight(upstream)
    before = await viewed._contacts.of_session("ct_me", "me@ours.example")
    assert await viewed.change_self({"full_name": "I"}, outbox) is True
    after = await viewed._contacts.of_session("ct_me", "me@ours.example")
    assert [c and c.full_name for c in (before, after)] == ["Me", "I"]
    assert {r.url.path for r in upstream.calls} == {"/api/contacts/ct_me"}


async def test_what_the_crm_objects_to_is_the_persons_to_mend() -> None:
    upstream = Upstream(lambda _: refusal(422, "title is too long", field="title"))
    with pytest.raises(BadInput, match="title is too long") as caught:
        await access(upstream).change_self({"title": "x" * 999}, Straight(upstream))
    assert caught.value.field == "title"


def test_today_is_where_the_viewer_is() -> None:
    clock = Clock(datetime(2026, 11, 24, 23, 30, tzinfo=UTC))
    upstream = crm()
    assert access(upstream, clock=clock).today() == date(2026, 11, 24)
    assert access(upstream, clock=clock, time_zone="Asia/Tokyo").today() == date(2026, 11, 25)
    assert access(upstream, clock=clock, time_zone="America/Lima").today() == date(2026, 11, 24)
    assert access(upstream, clock=clock).now() == clock.now


def test_no_method_takes_a_company() -> None:
    import inspect

    for name, method in inspect.getmembers(ClientAccess, inspect.isfunction):
        if not name.startswith("_"):
            assert not [p for p in inspect.signature(method).parameters if "company" in p]
