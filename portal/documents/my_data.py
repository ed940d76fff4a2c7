"""Download my data: all that the portal can show a person, and its own records of them, as JSON.

What comes from the CRM comes through the same object and projections as the pages, so that this
file can hold nothing that they do not show (GDPR, articles 15 and 20).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.auth.kept import kept_of
from portal.crm.access import ClientAccess
from portal.crm.models import Contact
from portal.documents.file_answer import file_answer
from portal.notices.page import choice_of
from portal.packs.desk import packs_of

JSON: Final = "application/json"
PROFILE: Final = ("id", "full_name", "email", "title", "phone", "timezone", "locale", "portal_role")
"""Of one's own contact what the account page shows, and its id."""


async def my_data(request: Request) -> Response:
    """GET /account/data.json. Raises SMApiError: a file that lacks something is not given.

    `records_as_of` names the moment of the oldest of them while the CRM cannot be asked.
    """
    access = access_of(request)
    kept = {
        **await kept_of(request),
        "mail_about_invoices": await choice_of(request),
        "year_packs": [
            {"year": pack.job.year, "made_at": pack.job.as_of, "state": pack.state}
            for pack in (await packs_of(request).mine() if access.viewer.sees_money else [])
        ],
    }
    content = {
        "made_at": access.now(),
        "product": access.viewer.product,
        "you": _profile(request.state.contact),
        **await _records(access),
        "records_as_of": access.as_of,
        "kept_by_the_portal": kept,
    }
    name = f"my-data-{access.today().isoformat()}.json"
    return file_answer(_written(content), name, JSON, "attachment")


async def _records(access: ClientAccess) -> dict[str, Any]:
    """The records of the CRM that the pages show, by what they are."""
    wanted: dict[str, Awaitable[Any]] = {
        "company": access.company(),
        "engagements": access.engagements(),
        "activities": access.activities(),
        "colleagues": access.colleagues(),
        "access_log": access.access_log(),
    }
    if access.viewer.sees_money:
        wanted["invoices"] = access.invoices()
        wanted["access_requests"] = access.access_requests()
    found = await asyncio.gather(*wanted.values())
    return dict(zip(wanted, found, strict=True))


def _profile(contact: Contact) -> dict[str, Any]:
    return {name: getattr(contact, name) for name in PROFILE}


def _written(content: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
