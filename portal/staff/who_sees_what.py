"""Who sees what of a company: the real projections, run for a viewer, an admin and staff."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from portal.auth.gate import access_for
from portal.crm.access import ClientAccess
from portal.crm.models import Activity, Contact, Engagement, Invoice, Record
from portal.crm.staff_access import StaffAccess
from portal.crm.visibility import (
    Hidden,
    hides_activity,
    hides_contact,
    hides_engagement,
    hides_invoice,
)
from portal.domain.viewer import Role, Viewer
from portal.env import Env
from portal.errors import RoleNotAllowed

T = TypeVar("T")
RawRecord = dict[str, Any]
ROLES: Final = (Role.CLIENT_VIEWER, Role.CLIENT_ADMIN)


@dataclass(frozen=True)
class HiddenField:
    """A field that has values in the CRM and no way out, and in how many records."""

    name: str
    count: int


@dataclass(frozen=True)
class HiddenRecord:
    """A record that somebody does not see. `hidden_by` has a rule, or None, for each role."""

    id: str
    title: str
    hidden_by: Mapping[Role, Hidden | None]


@dataclass(frozen=True)
class Sight:
    """One kind of record: how many each role and staff see, and what is hidden of it."""

    name: str
    counts: Mapping[Role, int]
    staff_count: int
    hidden_fields: tuple[HiddenField, ...]
    hidden_records: tuple[HiddenRecord, ...]


Read = Callable[[ClientAccess], Awaitable[Sequence[Record]]]


async def _company(access: ClientAccess) -> Sequence[Record]:
    return [await access.company()]


async def _invoices(access: ClientAccess) -> Sequence[Record]:
    try:
        return await access.invoices()
    except RoleNotAllowed:
        return []


async def _nothing(_access: ClientAccess) -> Sequence[Record]:
    return []


KINDS: Final[Mapping[str, Read]] = {
    "companies": _company,
    "contacts": ClientAccess.colleagues,
    "engagements": ClientAccess.engagements,
    "invoices": _invoices,
    "activities": ClientAccess.activities,
    # No page and no route reads deals for a client.
    "deals": _nothing,
}


async def who_sees_what(
    env: Env, staff: StaffAccess, company: Mapping[str, Any], people: Sequence[RawRecord]
) -> list[Sight]:
    """Every kind of record of one company, as it comes out for each role. Raises SMApiError."""
    viewers = {role: _viewer(env, role, company, people) for role in ROLES}
    accesses = {role: access_for(env, viewer) for role, viewer in viewers.items()}
    return await asyncio.gather(
        *(_sight(name, read, staff, str(company["id"]), accesses) for name, read in KINDS.items())
    )


async def seen_by(env: Env, viewer: Viewer) -> dict[str, int]:
    """How many records of each kind one viewer sees. Raises SMApiError."""
    access = access_for(env, viewer)
    found = await asyncio.gather(*(read(access) for read in KINDS.values()))
    return {name: len(records) for name, records in zip(KINDS, found, strict=True)}


async def _sight(
    name: str,
    read: Read,
    staff: StaffAccess,
    company_id: str,
    accesses: Mapping[Role, ClientAccess],
) -> Sight:
    raw = await _raw(staff, name, company_id)
    shown = {role: await read(access) for role, access in accesses.items()}
    own = {engagement.id for engagement in await accesses[Role.CLIENT_ADMIN].engagements()}
    ids = {role: {record.id for record in records} for role, records in shown.items()}
    hidden = tuple(
        HiddenRecord(
            str(record["id"]),
            _title(record),
            {
                role: None
                if record["id"] in ids[role]
                else _rule(name, record, accesses[role], own)
                for role in ROLES
            },
        )
        for record in raw
        if any(record["id"] not in ids[role] for role in ROLES)
    )
    return Sight(
        name,
        {role: len(records) for role, records in shown.items()},
        len(raw),
        _hidden_fields(raw, shown[Role.CLIENT_ADMIN]),
        hidden,
    )


async def _raw(staff: StaffAccess, name: str, company_id: str) -> list[RawRecord]:
    if name == "companies":
        return [await staff.record(name, company_id)]
    found = await staff.records(name, {"company_id": company_id})
    return [record for record in found if record.get("company_id") == company_id]


def _hidden_fields(raw: Sequence[RawRecord], shown: Sequence[Record]) -> tuple[HiddenField, ...]:
    """What the CRM knows of the shown records and the projection drops."""
    projected = {record.id: msgspec.to_builtins(record) for record in shown}
    counted: Counter[str] = Counter()
    for record in raw:
        if record["id"] in projected:
            counted.update(_dropped(record, projected[record["id"]]))
    return tuple(HiddenField(name, counted[name]) for name in sorted(counted))


def _dropped(raw: Any, shown: Any, path: str = "") -> set[str]:
    """The fields with a value in `raw` that `shown` lacks; those inside others as `outer.inner`."""
    if isinstance(raw, dict) and isinstance(shown, dict):
        return {
            name
            for field, value in raw.items()
            if value not in (None, "", [], {})
            for name in (
                _dropped(value, shown[field], f"{path}{field}.")
                if field in shown
                else {f"{path}{field}"}
            )
        }
    if isinstance(raw, list) and isinstance(shown, list | tuple):
        return {
            name
            for one, other in zip(raw, shown, strict=False)
            for name in _dropped(one, other, path)
        }
    return set()


def _rule(name: str, record: RawRecord, access: ClientAccess, own: set[str]) -> Hidden:
    """The rule that hides a record from this viewer, by the functions that hide it."""
    viewer, rules = access.viewer, access.rules
    found: Hidden | None = None
    match name:
        case "engagements":
            found = hides_engagement(_typed(record, Engagement), viewer)
        case "invoices":
            found = hides_invoice(_typed(record, Invoice), viewer, own, rules)
        case "activities":
            found = hides_activity(_typed(record, Activity), viewer, own, rules)
        case "contacts":
            found = hides_contact(_typed(record, Contact), viewer)
    return found or Hidden.NEVER


def _typed(record: RawRecord, kind: type[T]) -> T:
    return msgspec.convert(record, kind, strict=False)


def _title(record: RawRecord) -> str:
    for field in ("invoice_number", "title", "name", "full_name", "email", "activity_type"):
        if isinstance(record.get(field), str) and record[field]:
            return str(record[field])
    return str(record["id"])


def _viewer(
    env: Env, role: Role, company: Mapping[str, Any], people: Sequence[RawRecord]
) -> Viewer:
    """Somebody of the company in this role; made up where it has nobody."""
    of_role = [p for p in people if p.get("portal_role") == role]
    person = next((p for p in of_role if p.get("portal_access") == 1), {})
    return Viewer(
        contact_id=str(person.get("id") or ""),
        email=str(person.get("email") or ""),
        name=str(person.get("full_name") or ""),
        company_id=str(company["id"]),
        company_name=str(company.get("name") or ""),
        product=env.settings.product,
        role=role,
        time_zone=env.settings.default_timezone,
        locale=env.settings.default_locale,
    )
