"""Which list shows what a search found: one is offered only when it shows that and no more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeVar
from urllib.parse import urlencode

from portal.domain.activity_filter import STEP, ActivityFilter, Filed
from portal.domain.invoice_filter import InvoiceFilter, Status
from portal.domain.invoice_rows import InvoiceT, Row
from portal.domain.search import Kind, Query

PATH: Final = "/search"
ACTIVITY: Final = "/activity"

FiledT = TypeVar("FiledT", bound=Filed)


def search_href(query: Query, kind: Kind | None = None) -> str:
    """The address of what a query finds, or of all that it finds of one kind."""
    said = {"q": query.text, "kind": kind}
    words = urlencode({name: value for name, value in said.items() if value})
    return f"{PATH}?{words}" if words else PATH


def engagements_href(works: Collection[object], found: Collection[object]) -> str | None:
    """The list of engagements, which has no filter, when all of them were found."""
    return "/engagements" if _are_same(works, found) else None


def invoices_href(
    query: Query, rows: Sequence[Row[InvoiceT]], found: Collection[Row[InvoiceT]]
) -> str | None:
    """The list of invoices narrowed to those found, by text or by status; None when none is."""
    filters = (InvoiceFilter(text=query.text), *(InvoiceFilter(status=one) for one in Status))
    fitting = (one for one in filters if _are_same(one.apply(rows), found))
    return next((one.href() for one in fitting), None)


def activities_href(
    activities: Sequence[FiledT], found: Sequence[FiledT], own: Collection[str]
) -> str | None:
    """The timeline narrowed to those found, by kind or engagement; None when none is.

    `own` are the ids of the viewer's engagements: no other is named in an address.
    """
    kinds = {one.activity_type for one in found}
    ids = {one.engagement_id for one in found}
    kind = kinds.pop() if len(kinds) == 1 else None
    engagement = ids.pop() if len(ids) == 1 else None
    engagement = engagement if engagement in own else None
    filters = (
        ActivityFilter(),
        ActivityFilter(kind=kind),
        ActivityFilter(engagement=engagement),
        ActivityFilter(kind=kind, engagement=engagement),
    )
    fitting = (one for one in filters if _are_same(one.apply(activities), found))
    return next((_timeline(one) for one in fitting), None)


def activity_href(activities: Sequence[FiledT], activity: FiledT, own: Collection[str]) -> str:
    """The timeline narrowed to the activity's kind and engagement, as far down as it stands."""
    engagement = activity.engagement_id if activity.engagement_id in own else None
    narrow = ActivityFilter(kind=activity.activity_type, engagement=engagement)
    place = next(n for n, one in enumerate(narrow.apply(activities)) if one is activity)
    return _timeline(ActivityFilter(narrow.kind, narrow.engagement, (place // STEP + 1) * STEP))


def _timeline(narrow: ActivityFilter) -> str:
    said = {
        "kind": narrow.kind,
        "engagement": narrow.engagement,
        "show": narrow.show if narrow.show > STEP else None,
    }
    query = urlencode({name: value for name, value in said.items() if value is not None})
    return f"{ACTIVITY}?{query}" if query else ACTIVITY


def _are_same(some: Iterable[object], others: Iterable[object]) -> bool:
    """Whether two lists hold the same objects, in whatever order."""
    return {id(one) for one in some} == {id(one) for one in others}
