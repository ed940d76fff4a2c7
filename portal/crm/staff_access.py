"""What a staff person may do outside a preview: read and write this product's records, no other's.

Staff see the CRM's own fields, so nothing is projected here; every record is still checked for
the product on the way back, because SM API does not enforce it (sm-api §1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from portal.crm.client import SMApi
from portal.crm.contacts import RECORD_ID, Contacts
from portal.domain.viewer import Staff
from portal.errors import FieldNotAllowed, NotFound, SMApiNotFound, SMApiRejected

Record = dict[str, Any]
Belongs = Callable[[Record, str, frozenset[str]], bool]

MOST_RECORDS: Final = 2000

PASSED_FILTERS: Final = ("company_id", "contact_id", "status", "type", "stage", "source", "search")
"""What browser code may narrow a list by; `product` is always ours."""


def _tagged(record: Record, product: str, _engagements: frozenset[str]) -> bool:
    return bool(record.get("product") == product)


def _contact(record: Record, product: str, companies: frozenset[str]) -> bool:
    if not _is_tagged(record):
        return record.get("company_id") in companies
    return record.get("product") == product or product in (record.get("products") or ())


def _is_tagged(contact: Record) -> bool:
    """Whether the contact was given any product. A new one at a client of ours was not yet."""
    return bool(contact.get("product") or contact.get("products"))


def _invoice(record: Record, product: str, engagements: frozenset[str]) -> bool:
    if record.get("product"):
        return bool(record["product"] == product)
    return record.get("engagement_id") in engagements


def _activity(record: Record, product: str, engagements: frozenset[str]) -> bool:
    return record.get("source") == product or record.get("engagement_id") in engagements


BELONGS: Final[Mapping[str, Belongs]] = MappingProxyType(
    {
        "companies": _tagged,
        "contacts": _contact,
        "engagements": _tagged,
        "invoices": _invoice,
        "deals": _tagged,
        "activities": _activity,
    }
)
"""How each kind of record is known to be this product's (sm-api §16, 6 and 7).

A rule is given the ids that it may need: of our companies for contacts, else of our engagements.
"""


class StaffAccess:
    """One staff person's view of one product. Every method raises SMApiError when it cannot."""

    def __init__(self, staff: Staff, sm: SMApi, contacts: Contacts) -> None:
        self.staff = staff
        self._sm = sm
        self._contacts = contacts
        self._product = staff.product

    async def records(self, name: str, query: Mapping[str, str]) -> list[Record]:
        """The product's records of one kind. Raises NotFound for a kind that there is not.

        Contacts without any product are among a company's, and among those searched for, when
        their company is ours: they may be given access. A `product` in the query that is
        another's finds nothing.
        """
        belongs = _rule(name)
        if query.get("product") not in (None, "", self._product):
            return []
        asked = {key: query[key] for key in PASSED_FILTERS if query.get(key)}
        narrowed = name == "contacts" and not {"company_id", "search"}.isdisjoint(asked)
        if name in ("companies", "contacts", "engagements") and not narrowed:
            asked["product"] = self._product
        found = await self._sm.list(f"/api/{name}", asked, most=MOST_RECORDS)
        ids = await self._needed_ids(name, found)
        return [record for record in found if belongs(record, self._product, ids)]

    async def record(self, name: str, record_id: str) -> Record:
        """One record. Raises NotFound when it is not there or another product's."""
        belongs = _rule(name)
        if not RECORD_ID.fullmatch(record_id):
            raise NotFound
        try:
            found: Record = await self._sm.get(f"/api/{name}/{record_id}")
        except SMApiNotFound as error:
            raise NotFound from error
        if not belongs(found, self._product, await self._needed_ids(name, [found])):
            raise NotFound
        return found

    async def post_company(self, body: Record) -> Any:
        """Create a company of this product. Raises FieldNotAllowed for another product's."""
        return await self._send("POST", "/api/companies", self._own(body, "product"))

    async def own_activity(self, body: Record) -> Record:
        """An activity on a company or contact of this product, as it may be logged.

        Raises NotFound and FieldNotAllowed for another product's.
        """
        await self._check_reference(body, "company_id", "companies")
        await self._check_reference(body, "contact_id", "contacts")
        await self._check_reference(body, "engagement_id", "engagements")
        return self._own(body, "source")

    async def patch_contact(self, contact_id: str, body: Record) -> Any:
        """Change a contact of this product; access may be given for this product only."""
        before = await self.record("contacts", contact_id)
        if body.get("product") not in (None, self._product):
            raise FieldNotAllowed("product")
        if "products" in body or "is_sm_team" in body:
            raise FieldNotAllowed("products" if "products" in body else "is_sm_team")
        await self._check_reference(body, "company_id", "companies")
        changed = await self._send("PATCH", f"/api/contacts/{contact_id}", body)
        # What the gate knows of this person is out of date from here on.
        for email in (before.get("email"), body.get("email")):
            self._contacts.forget_id(contact_id, str(email or ""))
        return changed

    def _own(self, body: Record, tag: str) -> Record:
        if body.get(tag) not in (None, self._product):
            raise FieldNotAllowed(tag)
        return {**body, tag: self._product}

    async def _check_reference(self, body: Record, field: str, name: str) -> None:
        if body.get(field) is not None:
            await self.record(name, str(body[field]))

    async def _send(self, method: str, path: str, body: Record) -> Any:
        try:
            call = self._sm.post if method == "POST" else self._sm.patch
            return await call(path, body)
        except SMApiRejected as error:
            raise error.as_bad_input() from error

    async def _needed_ids(self, name: str, found: Sequence[Record]) -> frozenset[str]:
        """The ids of ours that tell whether records belong to us, where they do not say it."""
        if name in ("invoices", "activities"):
            return await self._own_ids("engagements")
        if name == "contacts" and not all(_is_tagged(record) for record in found):
            return await self._own_ids("companies")
        return frozenset()

    async def _own_ids(self, name: str) -> frozenset[str]:
        found = await self._sm.list(f"/api/{name}", {"product": self._product})
        return frozenset(str(r["id"]) for r in found if r.get("product") == self._product)


def _rule(name: str) -> Belongs:
    if name not in BELONGS:
        raise NotFound
    return BELONGS[name]
