"""Search: one field over everything that the viewer may see, as a page and as a part of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.gate import access_of
from portal.crm.access import ClientAccess
from portal.crm.models import Invoice
from portal.domain.engagements import ordered, state
from portal.domain.invoice_rows import row
from portal.domain.search import (
    Entry,
    Hit,
    Kind,
    Query,
    Say,
    activity_entry,
    engagement_entry,
    find,
    invoice_entry,
    shown,
)
from portal.domain.search_lists import (
    activities_href,
    activity_href,
    engagements_href,
    invoices_href,
    search_href,
)
from portal.domain.timeline import kind_of
from portal.pages.parts import if_there
from portal.templating import Templates, render

SHOWN: Final = 6
"""How many of each kind are shown together."""

MOST: Final = 100
"""How many are shown of one kind by itself."""

PAGE: Final = "search.html"
PARTS: Final = {"1": "search/results.html", "dialog": "search/dialog.html"}

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """What was found of one kind.

    `hits` are the best of `total`, each with its address. `all_href` leads to a list of exactly
    all of them, and is None when there is no such list.
    """

    kind: Kind
    hits: list[tuple[Hit[Any], str]]
    total: int
    all_href: str | None


async def search(request: Request) -> Response:
    """GET /search?q=&kind=&part=1. Without words it says what can be searched. Raises SMApiError.

    `kind` shows one kind by itself. `part=1` answers with the results alone and `part=dialog` with
    the dialog that shows them, for static/js/search.js.
    """
    access = access_of(request)
    query = Query.read(request.query_params.get("q", ""))
    only = next((one for one in Kind if one == request.query_params.get("kind")), None)
    template = PARTS.get(request.query_params.get("part", ""), PAGE)
    if template is not PAGE and getattr(request.state, "standing_change", None) is not None:
        # A part has no room for the notice, and it is given only once: a page has to.
        return RedirectResponse(search_href(query), status_code=303)
    templates: Templates = request.app.state.templates
    found, names, is_whole = await _look(
        access, query, only, lambda text: templates.say(request, text)
    )
    return render(
        request,
        template,
        {
            "query": query,
            "found": found,
            "total": sum(one.total for one in found),
            "only": only,
            "every_kind_href": search_href(query),
            "names": names,
            "is_whole": is_whole,
            "kind_of": kind_of,
            "state_of": partial(state, today=access.today()),
        },
    )


async def _look(
    access: ClientAccess, query: Query, only: Kind | None, say: Say
) -> tuple[list[Found], dict[str, str], bool]:
    """What is found, by kind; the names of the viewer's engagements; whether all could be read.

    `only` is one kind.
    """
    if query.is_empty:
        return [], {}, True
    works, known_bills, known_activities = await asyncio.gather(
        access.engagements(), if_there(_invoices(access)), if_there(access.activities())
    )
    bills, activities = known_bills or [], known_activities or []
    today, names = access.today(), {work.id: work.name for work in works}
    rows = [row(bill, today, names.get(bill.engagement_id or "", "")) for bill in bills]
    work = find(query, (engagement_entry(one, today, say) for one in ordered(works)))
    billed = find(query, (invoice_entry(one, say) for one in rows))
    past = find(
        query,
        (activity_entry(one, names.get(one.engagement_id or "", ""), say) for one in activities),
    )

    def group(
        kind: Kind, entries: Sequence[Entry[T]], href: Callable[[T], str], all_href: str | None
    ) -> Found:
        best = entries[: SHOWN if only is None else MOST]
        hits = [(shown(query, entry), href(entry.item)) for entry in best]
        if only is None:
            all_href = all_href or search_href(query, kind)
        return Found(kind, hits, len(entries), all_href)

    found = [
        group(
            Kind.ENGAGEMENTS,
            work,
            lambda one: f"/engagements/{quote(one.id, safe='')}",
            engagements_href(works, [entry.item for entry in work]),
        ),
        group(
            Kind.INVOICES,
            billed,
            lambda one: f"/invoices/{quote(one.invoice.id, safe='')}",
            invoices_href(query, rows, [entry.item for entry in billed]),
        ),
        group(
            Kind.ACTIVITIES,
            past,
            lambda one: activity_href(activities, one, names),
            activities_href(activities, [entry.item for entry in past], names),
        ),
    ]
    is_whole = known_bills is not None and known_activities is not None
    return [one for one in found if one.total and only in (None, one.kind)], names, is_whole


async def _invoices(access: ClientAccess) -> list[Invoice]:
    return await access.invoices() if access.viewer.sees_money else []
