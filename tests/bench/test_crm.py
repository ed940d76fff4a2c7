"""The upstream's answers are what the portal's own client decodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2 as httpx
import pytest

from portal.crm.client import SMApi
from portal.crm.contacts import Contacts
from portal.crm.magic_sessions import CrmMagicSessions
from portal.crm.models import Activity, Company, Engagement, Invoice
from portal.errors import SMApiNotFound, SMApiUnauthorized
from tests.bench.crm import (
    ACTIVITIES,
    COLLEAGUES,
    ENGAGEMENTS,
    Crm,
    address,
    company_id,
    contact_id,
    engagement_id,
    invoice_id,
)
from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET, answer_to

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CRM = Crm(companies=100, invoices=120, now=NOW)
OWN = {"company_id": company_id(7), "product": "mode"}


def reached(request: httpx.Request) -> httpx.Response:
    """The upstream without a socket: the request's bytes in, the answer's bytes out."""
    lines = [f"{request.method} {request.url.raw_path.decode()} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    head = "".join(f"{line}\r\n" for line in lines).encode()
    status_line, _, rest = answer_to(CRM, head, request.read()).partition(b"\r\n")
    fields, _, body = rest.partition(b"\r\n\r\n")
    headers = [line.split(b": ", 1) for line in fields.split(b"\r\n")]
    return httpx.Response(
        int(status_line.split()[1]),
        headers=[(name, value) for name, value in headers],
        content=body,
    )


def client(secret: str = CLIENT_SECRET) -> SMApi:
    """The portal's client of it."""
    transport = httpx.MockTransport(reached)
    return SMApi(
        "http://upstream",
        client_id=CLIENT_ID,
        client_secret=secret,
        product="mode",
        transport=transport,
    )


@pytest.fixture
async def sm() -> AsyncIterator[SMApi]:
    async with client() as made:
        yield made


async def test_single_records_decode(sm: SMApi) -> None:
    company = await sm.fetch(f"/api/companies/{company_id(7)}", Company)
    engagement = await sm.fetch(f"/api/engagements/{engagement_id(7, 2)}", Engagement)
    invoice = await sm.fetch(f"/api/invoices/{invoice_id(7, 119)}", Invoice)
    assert (company.id, company.product) == (company_id(7), "mode")
    assert (engagement.company_id, engagement.product) == (company_id(7), "mode")
    assert (invoice.company_id, invoice.id) == (company_id(7), invoice_id(7, 119))


async def test_lists_decode_whole(sm: SMApi) -> None:
    engagements = await sm.fetch_list("/api/engagements", Engagement, OWN)
    invoices = await sm.fetch_list("/api/invoices", Invoice, OWN)
    activities = await sm.fetch_list("/api/activities", Activity, OWN)
    assert (len(engagements), len(invoices), len(activities)) == (ENGAGEMENTS, 120, ACTIVITIES)
    owners = [found.company_id for some in (engagements, invoices, activities) for found in some]
    assert set(owners) == {company_id(7)}


async def test_a_list_of_a_kind_has_that_kind_only(sm: SMApi) -> None:
    sign_ins = await sm.list("/api/activities", {**OWN, "type": "portal_login"})
    assert {one["activity_type"] for one in sign_ins} == {"portal_login"}
    assert await sm.list("/api/activities", {**OWN, "type": "access_review"}) == []


async def test_no_two_companies_share_a_record(sm: SMApi) -> None:
    found = [
        {record["id"] for record in await sm.list(path, {"company_id": company_id(number)})}
        for number in (1, 2)
        for path in ("/api/engagements", "/api/invoices", "/api/activities", "/api/contacts")
    ]
    assert sum(len(ids) for ids in found) == len(set().union(*found))


async def test_people_belong_to_the_company_that_their_number_leads_to(sm: SMApi) -> None:
    contacts = Contacts(sm, "mode", lambda: NOW)
    person = await contacts.of_session(contact_id(307), address(307))
    assert person is not None
    assert (person.company_id, contacts.may_enter(person)) == (company_id(7), True)
    assert [one.id for one in await contacts.with_address(address(307))] == [contact_id(307)]


async def test_a_companys_people_are_a_page(sm: SMApi) -> None:
    people = await sm.list("/api/contacts", {"company_id": company_id(7)})
    assert len({one["id"] for one in people}) == COLLEAGUES
    assert {one["company_id"] for one in people} == {company_id(7)}


async def test_what_there_is_not_is_not_found(sm: SMApi) -> None:
    for path in (
        f"/api/companies/{company_id(100)}",
        f"/api/invoices/{invoice_id(7, 120)}",
        f"/api/engagements/{engagement_id(7, ENGAGEMENTS)}",
        "/api/companies/co_other",
    ):
        with pytest.raises(SMApiNotFound):
            await sm.get(path)


async def test_every_magic_link_is_good_once_looked_at_and_redeemed_for_the_same_person(
    sm: SMApi,
) -> None:
    links = CrmMagicSessions(sm, "mode")
    found, redeemed = await links.find("0badcafe" * 8), await links.redeem_token("0badcafe" * 8)
    assert found is not None
    assert (found.contact_id, found.email) == (redeemed.contact_id, redeemed.email)


async def test_writes_are_taken(sm: SMApi) -> None:
    made = await sm.post("/api/activities", {"activity_type": "portal_login"})
    changed = await sm.patch(f"/api/contacts/{contact_id(7)}", {"phone": "1"})
    assert made["id"]
    assert changed["id"] == contact_id(7)


async def test_another_service_token_is_led_to_a_login_page() -> None:
    async with client(secret="another-secret-altogether") as refused:
        with pytest.raises(SMApiUnauthorized):
            await refused.get(f"/api/companies/{company_id(7)}")


async def test_no_two_companies_owe_the_same() -> None:
    async with client() as sm:
        found = [
            await sm.listed("/api/invoices", {"company_id": company_id(n)}, kind=Invoice)
            for n in (7, 8)
        ]
    (ours, _), (theirs, _) = found
    assert len(ours) == len(theirs) > 0
    assert {one.amount for one in ours}.isdisjoint({one.amount for one in theirs})
    assert all(one.amount_paid in (0, one.amount) for one in (*ours, *theirs))
