"""Reads for browser code: a client's own records, projected; staff's within the product.

Query parameters narrow what is the viewer's anyway. One that names another company or product
finds nothing; it never widens anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from portal.api.envelope import ARRAY, PAGED, ListShape, cut, ok
from portal.auth.gate import access_of, staff_access_of
from portal.crm.access import ClientAccess
from portal.crm.models import Record
from portal.errors import NotFound


@dataclass(frozen=True)
class Collection:
    """One list under `/api`: where a client's records come from and what can narrow them.

    `filters` maps a query parameter to the attribute that it compares.
    """

    name: str
    shape: ListShape
    read: Callable[[ClientAccess], Awaitable[Sequence[Record]]]
    filters: Mapping[str, str]


async def _company(access: ClientAccess) -> Sequence[Record]:
    return [await access.company()]


COLLECTIONS: Final[Mapping[str, Collection]] = MappingProxyType(
    {
        collection.name: collection
        for collection in (
            Collection("companies", PAGED, _company, {"product": "product"}),
            Collection("contacts", PAGED, ClientAccess.colleagues, {"company_id": "company_id"}),
            Collection(
                "engagements",
                ARRAY,
                ClientAccess.engagements,
                {"company_id": "company_id", "product": "product", "status": "status"},
            ),
            Collection(
                "invoices",
                ARRAY,
                ClientAccess.invoices,
                {"company_id": "company_id", "status": "status", "engagement_id": "engagement_id"},
            ),
            Collection(
                "activities",
                ARRAY,
                ClientAccess.activities,
                {
                    "company_id": "company_id",
                    "contact_id": "contact_id",
                    "engagement_id": "engagement_id",
                    "type": "activity_type",
                },
            ),
        )
    }
)
"""What a client can read. Deals are not among them."""


async def read_list(request: Request) -> Response:
    """GET /api/{collection}: in the shape that SM API gives the same list (sm-api §1).

    Raises NotFound for a collection that is not for this person, BadInput for a bad limit.
    """
    name = request.path_params["collection"]
    staff = staff_access_of(request)
    if staff is not None:
        shape = PAGED if name in ("companies", "contacts") else ARRAY
        return ok(cut(await staff.records(name, request.query_params), shape, request.query_params))
    collection = _collection(name)
    found = await collection.read(access_of(request))
    kept = [record for record in found if _fits(record, collection, request.query_params)]
    return ok(cut(kept, collection.shape, request.query_params))


async def read_one(request: Request) -> Response:
    """GET /api/{collection}/{id}. Raises NotFound when it is not there or not the viewer's."""
    name, record_id = request.path_params["collection"], request.path_params["id"]
    staff = staff_access_of(request)
    if staff is not None:
        return ok(await staff.record(name, record_id))
    for record in await _collection(name).read(access_of(request)):
        if record.id == record_id:
            return ok(record)
    raise NotFound


def _collection(name: str) -> Collection:
    if name not in COLLECTIONS:
        raise NotFound
    return COLLECTIONS[name]


def _fits(record: Record, collection: Collection, query: Mapping[str, str]) -> bool:
    wanted: dict[str, Any] = {
        attribute: query[parameter]
        for parameter, attribute in collection.filters.items()
        if query.get(parameter)
    }
    if collection.name == "contacts" and query.get("product"):
        # Every colleague was found by the portal's product; another product has none here.
        wanted["product"] = query["product"]
    return all(getattr(record, attribute) == value for attribute, value in wanted.items())
