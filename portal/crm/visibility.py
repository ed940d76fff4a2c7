"""Why a record is not shown to a viewer: the one place where that is decided.

Ownership by company comes before (`crm.access`); these rules are about the product, the role and
what is internal. Each gives the rule that hides a record, None when it is shown.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from portal.crm.models import Activity, Contact, Engagement, Invoice
from portal.domain.amounts import without_amounts
from portal.domain.viewer import Viewer

MONEY_ACTIVITIES: Final = ("invoice", "payment")
"""First words of the activity types that speak of amounts: for client admins only."""


class Hidden(StrEnum):
    """A rule that hides a record."""

    OTHER_PRODUCT = "other_product"
    """Another product's."""

    UNTAGGED = "untagged"
    """An invoice with neither a product nor an engagement (sm-api §16, 6)."""

    DRAFT = "draft"
    """An invoice that has not been sent yet."""

    MONEY = "money"
    """It speaks of amounts, which only client admins see."""

    INTERNAL = "internal"
    """An activity of a kind that is not on the list of what clients see."""

    OTHERS = "others"
    """Another person: only client admins see who else has access."""

    NEVER = "never"
    """A kind of record that has no way out to clients."""


@dataclass(frozen=True)
class VisibilityRules:
    """What this portal shows beyond ownership.

    `activity_types`: the client-visible kinds of activity, as `type`, or as `source:type` for what
    another source than the product reports to its clients. `untagged_invoices`: whether an
    invoice with neither a product nor an engagement is shown.
    """

    activity_types: Collection[str]
    untagged_invoices: bool = False


def hides_engagement(engagement: Engagement, viewer: Viewer) -> Hidden | None:
    """An engagement is the product's when it is tagged so."""
    return None if engagement.product == viewer.product else Hidden.OTHER_PRODUCT


def hides_invoice(
    invoice: Invoice, viewer: Viewer, own_engagements: Collection[str], rules: VisibilityRules
) -> Hidden | None:
    """An invoice is the product's by its own tag, else by its engagement's (sm-api §16, 6)."""
    if not viewer.sees_money:
        return Hidden.MONEY
    if invoice.status == "draft":
        return Hidden.DRAFT
    if invoice.product:
        return None if invoice.product == viewer.product else Hidden.OTHER_PRODUCT
    if invoice.engagement_id:
        return None if invoice.engagement_id in own_engagements else Hidden.OTHER_PRODUCT
    return None if rules.untagged_invoices else Hidden.UNTAGGED


def hides_activity(
    activity: Activity, viewer: Viewer, own_engagements: Collection[str], rules: VisibilityRules
) -> Hidden | None:
    """An activity is the product's by its source, else by its engagement's (sm-api §16, 7)."""
    is_own = activity.source == viewer.product or activity.engagement_id in own_engagements
    is_listed = is_own and activity.activity_type in rules.activity_types
    if not is_listed and f"{activity.source}:{activity.activity_type}" not in rules.activity_types:
        return Hidden.INTERNAL if is_own else Hidden.OTHER_PRODUCT
    if activity.activity_type.startswith(MONEY_ACTIVITIES) and not viewer.sees_money:
        return Hidden.MONEY
    return None


def hides_contact(contact: Contact, viewer: Viewer) -> Hidden | None:
    """A viewer who is no admin finds only themself among the colleagues."""
    if not contact.has_product(viewer.product):
        return Hidden.OTHER_PRODUCT
    if not viewer.sees_money and contact.id != viewer.contact_id:
        return Hidden.OTHERS
    return None


def activity_for(activity: Activity, viewer: Viewer) -> Activity:
    """The activity as this viewer reads it: free text may speak of amounts, too."""
    if viewer.sees_money:
        return activity
    return replace(
        activity,
        title=_without_amounts(activity.title),
        description=_without_amounts(activity.description),
    )


def engagement_for(engagement: Engagement, viewer: Viewer) -> Engagement:
    """The engagement as this viewer reads it: free text may speak of amounts, too."""
    if viewer.sees_money:
        return engagement
    return replace(
        engagement,
        name=without_amounts(engagement.name),
        plain_status=_without_amounts(engagement.plain_status),
        deliverables=_without_amounts(engagement.deliverables),
        team_members=tuple(
            replace(member, role=without_amounts(member.role)) for member in engagement.team_members
        ),
        tools=tuple(without_amounts(tool) for tool in engagement.tools),
    )


def _without_amounts(text: str | None) -> str | None:
    return None if text is None else without_amounts(text)
