"""Client-safe projections: every field that may leave the CRM towards a client, named.

A record is decoded straight into one of these structs, so a field that is not listed here does
not exist for the portal. Cost, margin, rates, notes, health scores and revenue are left out on
purpose: to show a new field, list it here. Field meanings: sm-api §6.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

Moment = Annotated[datetime, Meta(tz=True)]
"""A moment that says which zone it is in."""


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """What every CRM record has. Unknown fields of the answer are dropped on decoding.

    Records hold nothing that leads back to them. The garbage collector went through all that the
    cache keeps of them again and again: a tenth of the time of a cold page.
    """

    id: str


class Company(Record, frozen=True, kw_only=True):
    """The viewer's own company."""

    name: str
    domain: str | None = None
    product: str | None = None


class TeamMember(Struct, frozen=True, kw_only=True, gc=False):
    """One seat on the engagement's team: the role only, never hours or rate."""

    role: str


class Engagement(Record, frozen=True, kw_only=True):
    """A piece of work that the client bought."""

    company_id: str
    name: str
    product: str | None = None
    engagement_type: str = "retainer"
    status: str = "active"
    plain_status: str | None = None
    start_date: date | None = None
    end_date: date | None = None
    contract_renewal_date: date | None = None
    deliverables: str | None = None
    team_members: tuple[TeamMember, ...] = ()
    tools: tuple[str, ...] = ()


class LineItem(Struct, frozen=True, kw_only=True, gc=False):
    """One line of an invoice (our sandbox's extension; the contract does not show lines)."""

    description: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    amount: Decimal

    def __post_init__(self) -> None:
        """Raises ValueError, which decoding reports, for "NaN" and "Infinity"."""
        _check_finite(self.quantity, self.unit_price, self.amount)


class Invoice(Record, frozen=True, kw_only=True):
    """What was billed. Amounts are in major units of `currency` (dollars, not cents)."""

    company_id: str
    amount: Decimal
    currency: str = "USD"
    status: str = "draft"
    invoice_number: str | None = None
    engagement_id: str | None = None
    product: str | None = None
    issued_date: date | None = None
    due_date: date | None = None
    paid_date: date | None = None
    amount_paid: Decimal = Decimal(0)
    line_items: tuple[LineItem, ...] = ()
    payment_url: str | None = None
    payment_instructions: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, which decoding reports, for "NaN" and "Infinity"."""
        _check_finite(self.amount, self.amount_paid)


class Activity(Record, frozen=True, kw_only=True):
    """Something that happened. Which types a client sees is decided in `crm.access`."""

    company_id: str | None = None
    contact_id: str | None = None
    engagement_id: str | None = None
    activity_type: str
    title: str | None = None
    description: str | None = None
    source: str | None = None
    created_at: Moment


class AccessDetails(Struct, frozen=True, kw_only=True, gc=False):
    """What the portal itself notes of a sign-in (`method`) or of a staff preview."""

    method: str | None = None
    reason: str | None = None
    staff_name: str | None = None


class AccessEvent(Record, frozen=True, kw_only=True):
    """A sign-in, or a staff preview: what a client may know of who looked at their data."""

    company_id: str | None = None
    contact_id: str | None = None
    activity_type: str
    source: str | None = None
    metadata: AccessDetails = AccessDetails()
    created_at: Moment


class RequestDetails(Struct, frozen=True, kw_only=True, gc=False):
    """What a client admin asked our staff for (`domain.team`)."""

    action: str | None = None
    person_id: str | None = None
    person_name: str | None = None
    role: str | None = None
    note: str | None = None


class AccessRequest(Record, frozen=True, kw_only=True):
    """A client admin's request that somebody be let in or shut out."""

    company_id: str | None = None
    contact_id: str | None = None
    activity_type: str
    source: str | None = None
    metadata: RequestDetails = RequestDetails()
    created_at: Moment


class ReviewDetails(Struct, frozen=True, kw_only=True, gc=False):
    """What an access review says of itself (`domain.access_review`)."""

    quarter: str | None = None
    at: str | None = None
    reviewer_name: str | None = None


class AccessReview(Record, frozen=True, kw_only=True):
    """A client admin went through everybody with access, once a quarter."""

    company_id: str | None = None
    contact_id: str | None = None
    activity_type: str
    source: str | None = None
    metadata: ReviewDetails = ReviewDetails()
    created_at: Moment


class Colleague(Record, frozen=True, kw_only=True):
    """Somebody of the viewer's own company, as the others there may see them."""

    email: str | None = None
    full_name: str | None = None
    title: str | None = None
    company_id: str | None = None
    company_name: str | None = None
    portal_access: int = 0
    portal_role: str | None = None
    product: str | None = None


class Contact(Record, frozen=True, kw_only=True):
    """A person at the client: what sign-in and the account page need, nothing else.

    `portal_access` is 1 when the CRM lets them in; `products` lists the products they were given
    (our sandbox's extension), `product` is the tag of the guide.
    """

    email: str | None = None
    full_name: str | None = None
    title: str | None = None
    phone: str | None = None
    company_id: str | None = None
    company_name: str | None = None
    portal_access: int = 0
    portal_role: str | None = None
    product: str | None = None
    products: tuple[str, ...] = ()
    photo_url: str | None = None
    timezone: str | None = None
    locale: str | None = None
    is_sm_team: int | bool = 0

    def has_product(self, product: str) -> bool:
        """Whether the contact was given this product, in either of the two shapes."""
        return self.product == product or product in self.products


def _check_finite(*amounts: Decimal | None) -> None:
    for amount in amounts:
        if amount is not None and not amount.is_finite():
            raise ValueError("An amount must be a number")
