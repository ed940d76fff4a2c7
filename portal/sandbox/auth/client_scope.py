"""What a client may touch with a session: the one place that says it, for every query.

By allowlist: a resource, a kind of activity or a write that is not named here does not exist for
clients, and fields marked internal in the table of resources have no way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, and_, false, or_

from portal.sandbox.envelope import Refusal
from portal.sandbox.fields import Field, Kind, Resource
from portal.sandbox.resources import ACTIVITIES, COMPANIES, CONTACTS, ENGAGEMENTS, INVOICES
from portal.sandbox.scope import Scope, of_product

READABLE: Final = (COMPANIES, CONTACTS, ENGAGEMENTS, INVOICES, ACTIVITIES)

MONEY_KINDS: Final = frozenset({"invoice_sent", "invoice_paid", "payment_received"})
"""Kinds of activity that tell of invoices, and so are for client admins alone."""

NEWS_KINDS: Final = MONEY_KINDS | frozenset(
    {
        "engagement_started",
        "engagement_completed",
        "phase_started",
        "phase_completed",
        "milestone",
        "milestone_reached",
        "scan_started",
        "scan_completed",
        "report_generated",
        "deliverable_shared",
        "status_change",
    }
)
"""Kinds of activity that are written for clients; calls, mails, notes and the like are not."""

POSTED_KINDS: Final = frozenset({"report_viewed", "page_viewed", "support_request", "feedback"})
"""Kinds that a client may log: what they did, nothing that would speak for Sprint Mode."""


class ClientRecord(dict[str, Any]):
    """A record without its internal fields; code that asks for one by name gets null."""

    def __missing__(self, name: str) -> None:
        """Null."""


@dataclass(frozen=True, kw_only=True)
class ClientScope(Scope):
    """One contact's view of their company: its records of `products`, at least one.

    `product` is what the contact's own activities are tagged with. Only with `is_admin` are there
    invoices. Under `read_only`, a preview by staff, nothing can be written (sm-api §10).
    """

    company_id: str
    contact_id: str
    products: tuple[str, ...]
    is_admin: bool = False
    read_only: bool = False

    @property
    def mark(self) -> str:
        """The `source_id` of what this contact has logged, by which it is known again."""
        return f"session:{self.contact_id}"

    def visible(self, resource: Resource, table: FromClause) -> ColumnElement[bool]:
        """The condition under which a row of `table` exists for this client."""
        if resource.internal or resource not in READABLE:
            return false()
        if resource is COMPANIES:
            return table.c.id == self.company_id
        own = table.c.company_id == self.company_id
        tagged = or_(*(of_product(resource, table, product) for product in self.products))
        return and_(own, tagged, *self._further(resource, table))

    def _further(self, resource: Resource, table: FromClause) -> list[ColumnElement[bool]]:
        if resource is INVOICES:
            return [table.c.status != "draft"] if self.is_admin else [false()]
        if resource is ACTIVITIES:
            return [self._readable_activity(table)]
        return []

    def _readable_activity(self, table: FromClause) -> ColumnElement[bool]:
        news = NEWS_KINDS if self.is_admin else NEWS_KINDS - MONEY_KINDS
        logged = and_(
            table.c.activity_type.in_(sorted(POSTED_KINDS)), table.c.source_id == self.mark
        )
        return or_(table.c.activity_type.in_(sorted(news)), logged)

    def tagged(self, resource: Resource, table: FromClause, product: str) -> ColumnElement[bool]:
        """The condition of the product filter: to ask for another product finds nothing."""
        return of_product(resource, table, product) if product in self.products else false()

    def claimed(
        self, resource: Resource, changes: dict[str, Any], existing: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """A new activity as this client's own, whatever its body says of who and where.

        Raises Refusal (403) for any other write, during a preview, and for other kinds.
        """
        if self.read_only:
            raise preview_refusal()
        if resource is not ACTIVITIES or existing is not None:
            raise Refusal(403, "Clients cannot write this", reason="not_authorized")
        if changes["activity_type"] not in POSTED_KINDS:
            raise Refusal(
                403,
                f"Clients log {', '.join(sorted(POSTED_KINDS))}",
                reason="not_authorized",
                field="activity_type",
            )
        sent_source = changes.get("source")
        return {
            "company_id": self.company_id,
            **changes,
            "contact_id": self.contact_id,
            "source": sent_source if sent_source in self.products else self.product,
            "source_id": self.mark,
            "agent_id": None,
        }

    def shown(self, resource: Resource, record: dict[str, Any]) -> dict[str, Any]:
        """The record without internal fields and columns, and without other products' tags."""
        client = ClientRecord(record)
        for field in resource.fields:
            if field.internal:
                client.pop(field.name, None)
            elif field.kind is Kind.ROWS:
                client[field.name] = [_row_shown(field, row) for row in record[field.name]]
            elif field.kind is Kind.PRODUCTS:
                client[field.name] = [tag for tag in record[field.name] if tag in self.products]
            elif field.kind is Kind.PRODUCT and record[field.name] not in self.products:
                client[field.name] = None
        return client


def preview_refusal() -> Refusal:
    """Why nothing is written while staff look on (sm-api §16, 28)."""
    return Refusal(403, "This is a preview: nothing can be changed", reason="viewing_as")


def _row_shown(field: Field, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        column.name: row[column.name]
        for column in field.columns
        if column.name in row and not column.internal
    }
