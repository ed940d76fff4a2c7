"""What one viewer may read: the only object that pages get, bound to company, product and role.

No method takes a company id. Each adds the viewer's company and product on the way out and checks
every record on the way back, because SM API enforces neither (sm-api §1) and has no product
filter on invoices and activities (sm-api §16, 6 and 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from portal.crm.contacts import RECORD_ID, Contacts
from portal.crm.models import (
    AccessEvent,
    AccessRequest,
    AccessReview,
    Activity,
    Colleague,
    Company,
    Contact,
    Engagement,
    Invoice,
)
from portal.crm.reads import CompanyReads, Listing, Need
from portal.crm.visibility import (
    VisibilityRules,
    activity_for,
    engagement_for,
    hides_activity,
    hides_contact,
    hides_engagement,
    hides_invoice,
)
from portal.domain.journey import Journey
from portal.domain.until import Now, Until, next_midnight, next_minute
from portal.domain.viewer import Viewer
from portal.errors import (
    NotFound,
    RoleNotAllowed,
    SMApiError,
    SMApiNotFound,
    SMApiRejected,
)

T = TypeVar("T")
LoggedT = TypeVar("LoggedT", AccessEvent, AccessRequest, AccessReview)

NO_JOURNEY: Final = Journey()

MOST_ACTIVITIES: Final = 500
"""How far back the timeline reads; internal records among them are dropped afterwards."""

ACCESS_REQUEST: Final = "access_request"
"""A client admin asks our staff to let somebody in or to shut somebody out."""

ACCESS_REVIEW: Final = "access_review"
"""A client admin went through everybody who has access."""

ACCESS_GRANTED: Final = "portal_access_granted"
"""Our staff let somebody in, or gave them another role."""

SIGN_IN: Final = "portal_login"

ACCESS_EVENTS: Final = (SIGN_IN, "portal_preview_started")
"""What the access log is made of: sign-ins, and staff who looked at the portal as somebody."""


@dataclass(frozen=True)
class SignInLog:
    """Who came in, newest first. Unless `is_whole`, there were others before the last of these."""

    events: tuple[AccessEvent, ...]
    is_whole: bool


ENGAGEMENTS: Final = Listing("engagements", Engagement, of_product=True)
INVOICES: Final = Listing("invoices", Invoice)
CONTACTS: Final = Listing("contacts", Contact)
ACTIVITIES: Final = Listing("activities", Activity, most=MOST_ACTIVITIES)


def logged(activity_type: str, kind: type[LoggedT]) -> Listing[LoggedT]:
    """What this portal itself logged of one type."""
    most = MOST_ACTIVITIES
    return Listing("activities", kind, most=most, activity_type=activity_type, is_logged=True)


REQUESTS: Final = logged(ACCESS_REQUEST, AccessRequest)
REVIEWS: Final = logged(ACCESS_REVIEW, AccessReview)
GRANTS: Final = logged(ACCESS_GRANTED, AccessEvent)
SIGN_INS: Final = logged(SIGN_IN, AccessEvent)
ACCESS_LOG: Final = tuple(logged(kind, AccessEvent) for kind in ACCESS_EVENTS)


@dataclass(frozen=True)
class MadeOf:
    """The lists that a page is made of, and those that only who sees money sees there.

    Known before the page is, so that they are asked for at once and not one after the other.
    """

    lists: tuple[Listing[Any], ...] = ()
    of_money: tuple[Listing[Any], ...] = ()
    company: bool = False

    def for_viewer(self, sees_money: bool) -> tuple[Listing[Any], ...]:
        """Those that are read for a viewer."""
        return (*self.lists, *self.of_money) if sees_money else self.lists


HOME: Final = MadeOf((ENGAGEMENTS, ACTIVITIES), (INVOICES, REVIEWS))
ONE_ENGAGEMENT: Final = MadeOf((ENGAGEMENTS, ACTIVITIES), (INVOICES,))
TIMELINE: Final = MadeOf((ENGAGEMENTS, ACTIVITIES))
BILLING: Final = MadeOf((), (ENGAGEMENTS, INVOICES))
STATEMENT: Final = MadeOf((), (ENGAGEMENTS, INVOICES), company=True)
ONE_INVOICE: Final = STATEMENT
TEAM: Final = MadeOf((), (REQUESTS, CONTACTS, *ACCESS_LOG, REVIEWS))
ACCOUNT: Final = MadeOf((*ACCESS_LOG, CONTACTS))
PAGES: Final[Mapping[str, MadeOf]] = {
    "/": HOME,
    "/engagements": TIMELINE,
    "/engagements/": ONE_ENGAGEMENT,
    "/invoices": BILLING,
    "/invoices/": ONE_INVOICE,
    "/activity": TIMELINE,
    "/statement": STATEMENT,
    "/team": TEAM,
    "/account": ACCOUNT,
}
"""By path; with a slash behind it, those of one record. What is not here asks for itself."""


def ask_ahead(reads: CompanyReads, path: str, *, sees_money: bool) -> None:
    """Have asked for, by nobody waiting, what the page at `path` is made of.

    What it is kept as is what `ClientAccess` reads it as; whoever reads it is decided there.
    """
    folder, slash, _ = path[1:].partition("/")
    page = PAGES.get(f"/{folder}{slash}")
    if page is not None:
        reads.ask(page.for_viewer(sees_money))
        if page.company and sees_money:
            reads.ask_company()


class Patches(Protocol):
    """What takes changes of a contact on their way to SM API: the outbox."""

    async def patch(self, path: str, changes: Mapping[str, Any], contact_id: str) -> bool:
        """Whether SM API has it; else it will. Raises SMApiRejected for what it objects to."""


class ClientAccess:
    """The viewer's own records, read from SM API. Every method raises SMApiError when it cannot."""

    def __init__(
        self,
        viewer: Viewer,
        reads: CompanyReads,
        contacts: Contacts,
        clock: Callable[[], datetime],
        rules: VisibilityRules,
        journey: Journey = NO_JOURNEY,
    ) -> None:
        self.viewer = viewer
        self._reads = reads
        self._contacts = contacts
        self._clock = clock
        self.rules = rules
        self.journey = journey
        self.until = Until()

    @property
    def as_of(self) -> datetime | None:
        """When SM API was asked for the oldest of what was read, if it could not be asked anew."""
        return self._reads.as_of

    @property
    def is_of_now(self) -> bool:
        """Whether all that was asked for was read, and none of it is last good data."""
        return self._reads.as_of is None and not self._reads.has_gaps

    @property
    def needs(self) -> tuple[Need, ...]:
        """The readings that the answer is made from so far."""
        return self._reads.needs

    async def still_stand(self, needs: Iterable[Need]) -> bool:
        """Whether these readings are still what SM API says. Raises SMApiError."""
        return await self._reads.still_stand(needs)

    def read_as(self, viewers: Sequence[Viewer]) -> list[ClientAccess]:
        """One access object for each of these viewers of one company, over the same readings.

        Raises ValueError for a viewer of another company or product.
        """
        own = self.viewer
        if any((v.company_id, v.product) != (own.company_id, own.product) for v in viewers):
            raise ValueError("Readings are shared within one company only")
        return [
            ClientAccess(
                viewer,
                self._reads,
                self._contacts,
                self._clock,
                self.rules,
                self.journey,
            )
            for viewer in viewers
        ]

    def begin(self, page: MadeOf) -> None:
        """Have all that the page reads asked for at once; it may then read one after the other."""
        sees_money = self.viewer.sees_money
        self._reads.begin(page.for_viewer(sees_money))
        if page.company and sees_money:
            self._reads.begin_company()

    def now(self) -> datetime:
        """The current moment, aware, in UTC. What is made of it stands for this minute."""
        now = self._clock()
        self.until.at_most(next_minute(now))
        return now

    def moment(self) -> Now:
        """The current moment, in UTC, for what tells itself until when it stands."""
        return Now(self._clock(), self.until)

    def today(self) -> date:
        """The calendar day where the viewer is: what "overdue" is measured against."""
        zone = ZoneInfo(self.viewer.time_zone)
        today = self._clock().astimezone(zone).date()
        self.until.at_most(next_midnight(today, zone))
        return today

    async def company(self) -> Company:
        """The viewer's company. Raises NotFound when the CRM no longer has it."""
        try:
            company = (await self._reads.company()).value
        except SMApiNotFound as error:
            raise NotFound from error
        if company.id != self.viewer.company_id:
            raise NotFound
        return company

    async def company_name(self) -> str:
        """The company's name; while it cannot be asked for, the one that the contact carries."""
        try:
            return (await self.company()).name
        except SMApiRejected:
            raise
        except SMApiError:
            return self.viewer.company_name

    async def engagements(self) -> list[Engagement]:
        """The company's engagements for this product, in the CRM's order."""
        return list(await self._own_engagements())

    async def engagement(self, engagement_id: str) -> Engagement:
        """One engagement. Raises NotFound when it is not there or not the viewer's."""
        if not RECORD_ID.fullmatch(engagement_id):
            raise NotFound
        for engagement in await self._own_engagements():
            if engagement.id == engagement_id:
                return engagement
        raise NotFound

    async def invoices(self) -> list[Invoice]:
        """The company's invoices for this product, newest first, never drafts.

        Raises RoleNotAllowed for a viewer who does not see money.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        self._reads.begin((ENGAGEMENTS, INVOICES))
        own, invoices = await self._own_ids(), await self._items(INVOICES)
        shown = [i for i in invoices if not hides_invoice(i, self.viewer, own, self.rules)]
        return sorted(shown, key=lambda i: (i.issued_date or date.min, i.id), reverse=True)

    async def invoice(self, invoice_id: str) -> Invoice:
        """One invoice. Raises NotFound when it is not there, a draft or not the viewer's."""
        for invoice in await self.invoices():
            if invoice.id == invoice_id:
                return invoice
        raise NotFound

    async def activities(self, engagement_id: str | None = None) -> list[Activity]:
        """What happened, newest first: client-visible kinds only, of one engagement if named.

        Raises NotFound when `engagement_id` is not the viewer's.
        """
        if engagement_id is not None:
            await self.engagement(engagement_id)
        self._reads.begin((ENGAGEMENTS, ACTIVITIES))
        own, latest = await self._own_ids(), await self._items(ACTIVITIES)
        shown = [
            activity_for(a, self.viewer)
            for a in latest
            if not hides_activity(a, self.viewer, own, self.rules)
            and engagement_id in (None, a.engagement_id)
        ]
        return sorted(shown, key=lambda a: (a.created_at, a.id), reverse=True)

    async def journey_activities(self) -> list[Activity]:
        """Those that the viewer may see of the kinds that lead along the journey, in any order.

        However long ago: when the timeline does not reach back to the start, each kind is asked
        for by itself, so that work does not fall back as its history grows.
        """
        if not self.journey.stages:
            return []
        self._reads.begin((ENGAGEMENTS, ACTIVITIES))
        own, latest = await self._own_ids(), (await self._reads.list(ACTIVITIES)).value
        found = latest.items
        if not latest.is_whole:
            kinds = [ACTIVITIES._replace(activity_type=t) for t in self.journey.activity_types]
            self._reads.begin(kinds)
            found = tuple([activity for kind in kinds for activity in await self._items(kind)])
        return [
            activity_for(a, self.viewer)
            for a in found
            if a.activity_type in self.journey.activity_types
            and not hides_activity(a, self.viewer, own, self.rules)
        ]

    async def colleagues(self) -> list[Colleague]:
        """The people of the viewer's company that belong to this product, by name.

        A viewer who is no admin finds only themself.
        """
        viewer = self.viewer
        found = await self._items(CONTACTS)
        own = [contact for contact in found if not hides_contact(contact, viewer)]
        return sorted((_colleague(c, viewer.product) for c in own), key=_by_name)

    async def access_log(self) -> list[AccessEvent]:
        """Who came in and which staff looked on, newest first: a client admin's whole company.

        A viewer who is no admin finds only what concerns them.
        """
        viewer = self.viewer
        events = await self._logged(*ACCESS_LOG)
        return [e for e in events if viewer.sees_money or e.contact_id == viewer.contact_id]

    async def access_requests(self) -> list[AccessRequest]:
        """What the company's admins asked our staff for, newest first.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        return await self._logged(REQUESTS)

    async def access_reviews(self) -> list[AccessReview]:
        """The reviews that the company's admins completed, newest first.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        return await self._logged(REVIEWS)

    async def access_grants(self) -> list[AccessEvent]:
        """Whom of the company our staff let in, and when, newest first.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        return await self._logged(GRANTS)

    async def sign_ins(self) -> SignInLog:
        """The company's sign-ins as far back as is read.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        found = (await self._reads.list(SIGN_INS)).value
        return SignInLog(tuple(_newest_first(found.items)), found.is_whole)

    async def _logged(self, *listings: Listing[LoggedT]) -> list[LoggedT]:
        """What this portal itself logged for the company, of these kinds, newest first."""
        self._reads.begin(listings)
        lists = [await self._items(listing) for listing in listings]
        return _newest_first(record for records in lists for record in records)

    async def change_self(self, changes: Mapping[str, str | None], outbox: Patches) -> bool:
        """Change fields of the viewer's own contact, by way of the outbox.

        Whether SM API has it; else it will. Raises BadInput with what SM API objects to.
        Which fields may be changed is decided by whoever calls.
        """
        viewer = self.viewer
        path = f"/api/contacts/{viewer.contact_id}"
        try:
            is_there = await outbox.patch(path, changes, viewer.contact_id)
        except SMApiRejected as error:
            raise error.as_bad_input() from error
        if is_there:
            self._contacts.forget_id(viewer.contact_id, viewer.email)
            self._reads.expire()
        return is_there

    async def _own_engagements(self) -> tuple[Engagement, ...]:
        viewer = self.viewer
        found = await self._items(ENGAGEMENTS)
        return tuple([engagement_for(e, viewer) for e in found if not hides_engagement(e, viewer)])

    async def _own_ids(self) -> set[str]:
        viewer = self.viewer
        return {e.id for e in await self._items(ENGAGEMENTS) if not hides_engagement(e, viewer)}

    async def _items(self, listing: Listing[T]) -> tuple[T, ...]:
        return (await self._reads.list(listing)).value.items


def _colleague(contact: Contact, product: str) -> Colleague:
    return Colleague(
        id=contact.id,
        email=contact.email,
        full_name=contact.full_name,
        title=contact.title,
        company_id=contact.company_id,
        company_name=contact.company_name,
        portal_access=contact.portal_access,
        portal_role=contact.portal_role,
        product=product,
    )


def _by_name(colleague: Colleague) -> tuple[str, str]:
    return ((colleague.full_name or colleague.email or "").casefold(), colleague.id)


def _newest_first(found: Iterable[LoggedT]) -> list[LoggedT]:
    return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)
