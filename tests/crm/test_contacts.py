"""Who may enter: asked of the CRM, compared whole, and never remembered long."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2 as httpx
import pytest

from portal.crm.client import decode
from portal.crm.contacts import Contacts, same_address, viewer_of_contact
from portal.crm.models import Contact
from portal.domain.viewer import Role
from portal.errors import SMApiError, SMApiFault
from tests.crm.upstream import Clock, Upstream, ok, refusal


def person(
    identity: str = "ct_jane", email: Any = "jane@acme.com", **fields: Any
) -> dict[str, Any]:
    return {
        "id": identity,
        "email": email,
        "portal_access": 1,
        "product": "mode",
        "company_id": "co_1",
        **fields,
    }


def contact(**fields: Any) -> Contact:
    return decode(person(**fields), Contact, "/")


class Crm(Upstream):
    """Contacts by id, and a search that finds substrings, 25 a page whatever is asked."""

    def __init__(self, *people: dict[str, Any]) -> None:
        super().__init__(self.respond)
        self.people = {p["id"]: p for p in people}
        self.is_down = False

    def respond(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            return httpx.Response(503)
        identity = request.url.path.removeprefix("/api/contacts").removeprefix("/")
        if identity:
            found = self.people.get(identity)
            return ok(found) if found else refusal(404)
        wanted, page = request.url.params["search"], int(request.url.params["page"])
        hits = [p for p in self.people.values() if wanted.lower() in str(p["email"]).lower()]
        return ok({"items": hits[(page - 1) * 25 : page * 25], "hasMore": page * 25 < len(hits)})

    def contacts(self, clock: Clock | None = None) -> Contacts:
        return Contacts(self.client(), "mode", clock or Clock())


def ids(contacts: tuple[Contact, ...]) -> list[str]:
    return [c.id for c in contacts]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("jane@acme.com", "jane@acme.com", True),
        (" Jane@ACME.com ", "jane@acme.com", True),
        ("STRASSE@x.de", "straße@x.de", False),
        ("STRAßE@x.de", "straße@x.de", True),
        ("\u017fam@x.de", "sam@x.de", False),
        ("\u212aate@x.de", "kate@x.de", False),
        ("\u212aaté@x.de", "katé@x.de", False),
        ("mary-jane@acme.com", "jane@acme.com", False),
        ("jane@acme.com.evil.example", "jane@acme.com", False),
        (None, "jane@acme.com", False),
        ("", "jane@acme.com", False),
        # Letters that look alike are other letters (U+0430, Cyrillic a).
        ("j\u0430ne@acme.com", "jane@acme.com", False),
    ],
)
def test_an_address_is_compared_whole_and_case_folded(
    one: str | None, other: str, same: bool
) -> None:
    assert same_address(one, other) is same


async def test_substring_hits_of_the_search_are_dropped() -> None:
    crm = Crm(
        person("ct_mary", "mary-jane@acme.com"),
        person("ct_jane", "Jane@Acme.com"),
        person("ct_evil", "jane@acme.com.evil.example"),
        person("ct_none", None),
    )
    assert ids(await crm.contacts().with_address(" jane@acme.com ")) == ["ct_jane"]
    assert crm.calls[0].url.params["search"] == "jane@acme.com"


async def test_the_right_one_is_found_on_the_last_page() -> None:
    decoys = [person(f"ct_{n}", f"x{n}-jane@acme.com") for n in range(160)]
    crm = Crm(*decoys, person())
    assert ids(await crm.contacts().with_address("jane@acme.com")) == ["ct_jane"]


async def test_a_fault_in_a_decoys_record_keeps_nobody_out() -> None:
    crm = Crm(person("ct_mary", "mary-jane@acme.com", portal_access="maybe"), person())
    assert ids(await crm.contacts().with_address("jane@acme.com")) == ["ct_jane"]


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        ({}, True),
        ({"product": None, "products": ["signal", "mode"]}, True),
        ({"portal_access": 0}, False),
        ({"portal_access": None}, False),
        ({"portal_access": 2}, False),
        ({"product": "signal"}, False),
        ({"product": None}, False),
        ({"company_id": None}, False),
        ({"company_id": ""}, False),
        ({"email": None}, False),
        ({"email": ""}, False),
    ],
)
async def test_who_may_enter(fields: dict[str, Any], may: bool) -> None:
    crm = Crm(person(**fields))
    assert crm.contacts().may_enter(contact(**fields)) is may
    assert bool(await crm.contacts().allowed_with_address("jane@acme.com")) is may


@pytest.mark.parametrize(
    ("fields", "is_staff"),
    [({"is_sm_team": 1}, True), ({}, False), ({"is_sm_team": 1, "email": ""}, False)],
)
def test_who_is_staff_is_the_crms_to_say(fields: dict[str, Any], is_staff: bool) -> None:
    assert Crm().contacts().is_staff(contact(**fields)) is is_staff


async def test_a_session_with_a_contact_id_is_that_contact() -> None:
    crm = Crm(person(), person("ct_other", "other@acme.com"))
    found = await crm.contacts().of_session("ct_jane", "JANE@acme.com")
    assert found is not None
    assert found.id == "ct_jane"
    assert [r.url.path for r in crm.calls] == ["/api/contacts/ct_jane"]


async def test_an_id_whose_address_is_anothers_is_not_trusted() -> None:
    crm = Crm(person(), person("ct_ceo", "ceo@acme.com"))
    found = await crm.contacts().of_session("ct_ceo", "jane@acme.com")
    assert found is not None
    assert found.id == "ct_jane"
    assert await crm.contacts().of_session("ct_ceo", "stranger@evil.example") is None


async def test_a_foreign_id_goes_by_the_address_if_one_contact_may_enter() -> None:
    shut_out = person("ct_old", portal_access=0)
    found = await Crm(shut_out, person()).contacts().of_session("usr_99", "jane@acme.com")
    assert found is not None
    assert found.id == "ct_jane"


async def test_two_candidates_are_nobody() -> None:
    crm = Crm(person(), person("ct_jane2", company_id="co_2"))
    assert await crm.contacts().of_session("usr_99", "jane@acme.com") is None


@pytest.mark.parametrize(
    "subject", ["../companies/co_1", "ct_jane/../ct_ceo", "ct_jane?x=1", "", "..", "ct jane", "ét"]
)
async def test_a_subject_that_is_no_id_is_never_put_into_an_address(subject: str) -> None:
    crm = Crm(person("ct_ceo", "ceo@acme.com"))
    assert await crm.contacts().of_session(subject, "jane@acme.com") is None
    assert {r.url.path for r in crm.calls} == {"/api/contacts"}


async def test_a_record_under_another_id_is_not_believed() -> None:
    crm = Crm(person("ct_other"))
    crm.people["ct_jane"] = crm.people.pop("ct_other")
    crm.people["ct_jane"]["email"] = "x@acme.com"
    assert await crm.contacts().of_session("ct_jane", "x@acme.com") is not None
    assert await crm.contacts().by_id("ct_jane") is None


async def test_an_answer_is_at_most_thirty_seconds_old() -> None:
    crm, clock = Crm(person()), Clock()
    contacts = crm.contacts(clock)
    for subject in ("ct_jane", "usr_99"):
        assert await contacts.of_session(subject, "jane@acme.com") is not None
    asked = len(crm.calls)
    crm.people["ct_jane"]["portal_access"] = 0
    clock.forward(29)
    for subject in ("ct_jane", "usr_99"):
        found = await contacts.of_session(subject, "jane@acme.com")
        assert found is not None
        assert contacts.may_enter(found)
    assert len(crm.calls) == asked
    clock.forward(1)
    found = await contacts.of_session("ct_jane", "jane@acme.com")
    assert found is not None
    assert not contacts.may_enter(found)
    assert await contacts.of_session("usr_99", "jane@acme.com") is None


async def test_who_asks_at_the_same_time_shares_one_call() -> None:
    crm = Crm(person())
    contacts = crm.contacts()
    await asyncio.gather(*(contacts.of_session("ct_jane", "jane@acme.com") for _ in range(20)))
    assert len(crm.calls) == 1


async def test_an_sm_api_that_is_down_is_neither_nobody_nor_remembered() -> None:
    crm, clock = Crm(person()), Clock()
    contacts = crm.contacts(clock)
    crm.is_down = True
    for subject in ("ct_jane", "usr_99"):
        with pytest.raises(SMApiFault):
            await contacts.of_session(subject, "jane@acme.com")
    with pytest.raises(SMApiError):
        await contacts.allowed_with_address("jane@acme.com")
    crm.is_down = False
    assert await contacts.of_session("ct_jane", "jane@acme.com") is not None


async def test_that_nobody_is_there_is_remembered_as_briefly() -> None:
    crm, clock = Crm(), Clock()
    contacts = crm.contacts(clock)
    assert await contacts.of_session("ct_jane", "jane@acme.com") is None
    crm.people["ct_jane"] = person()
    assert await contacts.of_session("ct_jane", "jane@acme.com") is None
    clock.forward(30)
    assert await contacts.of_session("ct_jane", "jane@acme.com") is not None


async def test_what_is_forgotten_is_asked_again_by_id_and_by_address() -> None:
    crm = Crm(person())
    contacts = crm.contacts()
    for subject in ("ct_jane", "usr_99"):
        await contacts.of_session(subject, "jane@acme.com")
    crm.people["ct_jane"]["full_name"] = "Jane the Second"
    contacts.forget(contact(email=" JANE@acme.com"))
    for subject in ("ct_jane", "usr_99"):
        found = await contacts.of_session(subject, "jane@acme.com")
        assert found is not None
        assert found.full_name == "Jane the Second"


async def test_signing_in_never_uses_a_remembered_answer() -> None:
    crm = Crm(person())
    contacts = crm.contacts()
    await contacts.with_address("jane@acme.com")
    crm.people["ct_jane"]["portal_access"] = 0
    assert await contacts.allowed_with_address("jane@acme.com") == ()


def test_a_viewer_is_what_the_crm_says_with_our_defaults_for_the_rest() -> None:
    full = contact(
        full_name=" Jane Smith ",
        portal_role="client_admin",
        timezone="Europe/Warsaw",
        locale="pl-PL",
        company_name="Acme",
    )
    viewer = viewer_of_contact(full, "mode", time_zone="UTC", locale="en_US")
    assert (viewer.name, viewer.role) == ("Jane Smith", Role.CLIENT_ADMIN)
    assert (viewer.time_zone, viewer.locale) == ("Europe/Warsaw", "pl_PL")
    bare = contact(timezone="nowhere", locale="??", portal_role="owner")
    viewer = viewer_of_contact(bare, "mode", time_zone="America/Lima", locale="es_PE")
    assert (viewer.name, viewer.role) == ("jane@acme.com", Role.CLIENT_VIEWER)
    assert (viewer.time_zone, viewer.locale) == ("America/Lima", "es_PE")


async def test_who_was_before_is_known_only_while_they_are_to_be_confirmed() -> None:
    clock, crm = Clock(), Crm(person())
    contacts = crm.contacts(clock)
    assert not contacts.has("ct_jane")
    assert contacts.overdue("ct_jane", "jane@acme.com") is None
    await contacts.of_session("ct_jane", "jane@acme.com")
    assert contacts.has("ct_jane")
    assert contacts.overdue("ct_jane", "jane@acme.com") is None
    clock.forward(3600)
    found = contacts.overdue("ct_jane", "JANE@acme.com")
    assert found is not None
    assert found.company_id == "co_1"
    assert contacts.overdue("ct_jane", "sam@acme.com") is None
    assert contacts.overdue("ct_sam", "jane@acme.com") is None
    assert len(crm.calls) == 1


async def test_who_was_before_is_known_by_the_address_of_a_users_session() -> None:
    clock, crm = Clock(), Crm(person())
    contacts = crm.contacts(clock)
    await contacts.of_session("user_1", "jane@acme.com")
    clock.forward(3600)
    found = contacts.overdue("user_1", "jane@acme.com")
    assert found is not None
    assert found.company_id == "co_1"


async def test_who_could_not_come_in_before_is_not_known() -> None:
    clock, crm = Clock(), Crm(person(portal_access=0))
    contacts = crm.contacts(clock)
    await contacts.of_session("ct_jane", "jane@acme.com")
    clock.forward(3600)
    assert contacts.overdue("ct_jane", "jane@acme.com") is None
