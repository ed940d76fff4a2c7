"""What happened, as a client reads it: activities by day in the viewer's zone, with an icon each.

Which activities a client may see at all is decided in `crm.access`; here they are only arranged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from portal.words import msgid


class Happening(Protocol):
    """The fields of an activity that the rules read; `crm.models.Activity` has them."""

    @property
    def activity_type(self) -> str:
        """Free-form word such as `scan_completed` (sm-api §6)."""

    @property
    def title(self) -> str | None:
        """One line."""

    @property
    def description(self) -> str | None:
        """A few sentences."""

    @property
    def created_at(self) -> datetime:
        """When, aware."""

    @property
    def engagement_id(self) -> str | None:
        """The engagement that it belongs to, if to one."""


@dataclass(frozen=True)
class Kind:
    """What an activity type is called and the icon that stands for it.

    `label` is an English message id when `known`; else it was made from the CRM's own word and
    is not to be translated.
    """

    label: str
    icon: str
    known: bool = True


KINDS: Final[dict[str, Kind]] = {
    "engagement_started": Kind(msgid("Engagement started"), "flag"),
    "engagement_completed": Kind(msgid("Engagement completed"), "check-circle"),
    "phase_started": Kind(msgid("Phase started"), "play"),
    "phase_completed": Kind(msgid("Phase completed"), "check-circle"),
    "milestone": Kind(msgid("Milestone"), "flag"),
    "milestone_reached": Kind(msgid("Milestone reached"), "flag"),
    "scan_started": Kind(msgid("Scan started"), "scan"),
    "scan_completed": Kind(msgid("Scan completed"), "scan"),
    "report_generated": Kind(msgid("Report ready"), "file-text"),
    "report_viewed": Kind(msgid("Report viewed"), "eye"),
    "deliverable_shared": Kind(msgid("Deliverable shared"), "package"),
    "status_change": Kind(msgid("Status changed"), "refresh"),
    "invoice_sent": Kind(msgid("Invoice sent"), "receipt"),
    "invoice_paid": Kind(msgid("Invoice paid"), "check-circle"),
    "payment_received": Kind(msgid("Payment received"), "check-circle"),
    "support_request": Kind(msgid("Support request"), "message"),
    "portal_login": Kind(msgid("Sign-in"), "log-in"),
}


def kind_of(activity_type: str) -> Kind:
    """The name and icon of an activity type; an unknown one is named by its own words."""
    known = KINDS.get(activity_type)
    if known is not None:
        return known
    words = " ".join(activity_type.replace("_", " ").replace("-", " ").split())
    return Kind(words[:1].upper() + words[1:] or activity_type, "dot", known=False)


@dataclass(frozen=True)
class Entry:
    """One activity. `title` is None when the CRM has none: then the kind names it."""

    kind: Kind
    title: str | None
    description: str | None
    at: datetime
    engagement_id: str | None = None


@dataclass(frozen=True)
class Day:
    """What happened on one calendar day, latest first."""

    day: date
    entries: tuple[Entry, ...]


def entry(happening: Happening) -> Entry:
    """One activity as the timeline shows it; blank texts count as none."""
    return Entry(
        kind=kind_of(happening.activity_type),
        title=(happening.title or "").strip() or None,
        description=(happening.description or "").strip() or None,
        at=happening.created_at,
        engagement_id=happening.engagement_id,
    )


def by_day(happenings: Iterable[Happening], zone: ZoneInfo) -> list[Day]:
    """Group by the calendar day in `zone`, the latest day and moment first."""
    dated = [(h.created_at.astimezone(zone).date(), h) for h in happenings]
    # The day goes before the moment: clocks set back over midnight come into a day twice.
    dated.sort(key=lambda pair: (pair[0], pair[1].created_at), reverse=True)
    return [
        Day(day, tuple(entry(happening) for _, happening in group))
        for day, group in groupby(dated, lambda pair: pair[0])
    ]
