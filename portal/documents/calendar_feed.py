"""GET /calendar/feed/{token}.ics: a person's days, for the calendar program that has the address.

No session: the token is the key (`auth.calendar_address`). Every refusal of a token is the same
404, and an SM API that is away is a 503, never an empty calendar.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from portal import format as formats
from portal.auth.calendar_address import feed_access
from portal.crm.access import ClientAccess
from portal.crm.models import Invoice
from portal.documents.ics import ICS, Day, Feed, write_ics
from portal.documents.wording import Wording
from portal.domain.calendar import Entry, EntryKind, entries
from portal.error_page import error_response
from portal.errors import PortalError, TooManyRequests
from portal.templating import Brand, Templates

HEADERS: Final = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}

ASK_AGAIN: Final = "private, no-cache"
"""A program may keep its copy, but asks each time: a revoked address is answered by nobody."""


async def calendar_feed(request: Request) -> Response:
    """The feed, or 304 when the program has it. What is raised is answered here, with `HEADERS`."""
    try:
        response = await _answer(request)
    except PortalError as error:
        response = error_response(request, error)
        if isinstance(error, TooManyRequests):
            response.headers["Retry-After"] = str(error.retry_after)
    response.headers.update(HEADERS)
    return response


async def _answer(request: Request) -> Response:
    access = await feed_access(request, request.path_params["token"])
    templates: Templates = request.app.state.templates
    brand: Brand = request.app.state.env.settings
    # Nobody is signed in: the language is that of the address's owner.
    wording = Wording.speaking(templates, brand, access.viewer.locale)
    feed = Feed(
        product_id=f"-//Sprint Mode//{brand.portal_name}//EN",
        name=f"{brand.portal_name} · {access.viewer.company_name}",
        days=await _days(access, wording, brand.portal_origin),
    )
    kept = {"ETag": feed.tag, "Cache-Control": ASK_AGAIN}
    if _has(request, feed.tag):
        return Response(status_code=304, headers=kept)
    return Response(write_ics(feed, access.now()), media_type=ICS, headers=kept)


def _has(request: Request, tag: str) -> bool:
    """Whether If-None-Match names it; weakly compared (RFC 9110 §13.1.2)."""
    known = request.headers.get("if-none-match", "")
    return tag.removeprefix("W/") in {part.strip().removeprefix("W/") for part in known.split(",")}


async def _days(access: ClientAccess, wording: Wording, origin: str) -> tuple[Day, ...]:
    works, marks, bills = await asyncio.gather(
        access.engagements(),
        access.activities(),
        _bills(access),
    )
    zone = formats.zone_of(access.viewer.time_zone)
    names = {work.id: work.name for work in works}
    return tuple(
        day_of(entry, names.get(entry.work_id or ""), wording, origin)
        for entry in entries(works, bills, marks, access.today(), zone)
    )


async def _bills(access: ClientAccess) -> list[Invoice]:
    return await access.invoices() if access.viewer.sees_money else []


def day_of(entry: Entry, work_name: str | None, wording: Wording, origin: str) -> Day:
    """An entry in the reader's words; `work_name` is the name of its engagement."""
    return Day(
        uid=f"{entry.key}@{urlsplit(origin).hostname}",
        on=entry.on,
        summary=_summary(entry, wording),
        description=_description(entry, work_name, wording),
        url=origin + _path(entry, work_name),
        category=_category(entry, wording),
        stamp=entry.at,
    )


def _summary(entry: Entry, wording: Wording) -> str:
    _, name = wording.gettext, entry.name
    match entry.kind:
        case EntryKind.START:
            return _("Start of %(name)s", name=name)
        case EntryKind.END:
            return _("Last day of %(name)s", name=name)
        case EntryKind.RENEWAL:
            return _("Renewal of %(name)s", name=name)
        case EntryKind.MILESTONE:
            return name or _("Milestone")
        case EntryKind.DUE:
            return _("%(number)s is due", number=name) if name else _("An invoice is due")


def _description(entry: Entry, work_name: str | None, wording: Wording) -> str:
    _, owed = wording.gettext, entry.owed
    if owed is not None:
        left, whole = (wording.money(one, owed.currency) for one in (owed.left, owed.amount))
        if owed.left == owed.amount:
            return _("To pay: %(amount)s", amount=whole)
        return _("Left to pay: %(left)s of %(amount)s", left=left, amount=whole)
    about = [entry.text, work_name if entry.kind is EntryKind.MILESTONE else None]
    return "\n\n".join(text for text in about if text)


def _category(entry: Entry, wording: Wording) -> str:
    _ = wording.gettext
    match entry.kind:
        case EntryKind.DUE:
            return _("Invoices")
        case EntryKind.MILESTONE:
            return _("Milestones")
        case EntryKind.START | EntryKind.END | EntryKind.RENEWAL:
            return _("Engagements")


def _path(entry: Entry, work_name: str | None) -> str:
    """The page of the portal that says more; of an engagement only when the reader has it."""
    if entry.kind is EntryKind.DUE:
        return f"/invoices/{quote(entry.record_id, safe='')}"
    if entry.work_id and work_name is not None:
        return f"/engagements/{quote(entry.work_id, safe='')}"
    return "/activity"
