"""What one viewer may read: the only object that pages get, bound to company, product and role.

No method takes a company id. Each adds the viewer's company and product on the way out and checks
every record on the way back, because SM API enforces neither (sm-api §1) and has no product
filter on invoices and activities (sm-api §16, 6 and 7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from portal.crm.client import Params, SMApi, decode
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
from portal.domain.viewer import Viewer
from portal.errors import NotFound, RoleNotAllowed, SMApiNotFound, SMApiRejected

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


class ClientAccess:
    """The viewer's own records, read from SM API. Every method raises SMApiError when it cannot."""

    def __init__(
        self,
        viewer: Viewer,
        sm: SMApi,
        contacts: Contacts,
        clock: Callable[[], datetime],
        rules: VisibilityRules,
        journey: Journey = NO_JOURNEY,
    ) -> None:
        self.viewer = viewer
        self._sm = sm
        self._contacts = contacts
        self._clock = clock
        self.rules = rules
        self.journey = journey
        self._engagements: asyncio.Task[tuple[Engagement, ...]] | None = None
        self._latest: asyncio.Task[tuple[Activity, ...]] | None = None
        self._shared: dict[str, asyncio.Task[list[dict[str, Any]]]] | None = None

    def read_as(self, viewers: Sequence[Viewer]) -> list[ClientAccess]:
        """One access object for each of these viewers of one company, over the same readings.

        Whatever list several of them need is read once. Raises ValueError for a viewer of another
        company or product.
        """
        own, shared = self.viewer, dict[str, asyncio.Task[list[dict[str, Any]]]]()
        made = []
        for viewer in viewers:
            if (viewer.company_id, viewer.product) != (own.company_id, own.product):
                raise ValueError("Readings are shared within one company only")
            access = ClientAccess(
                viewer, self._sm, self._contacts, self._clock, self.rules, self.journey
            )
            access._shared = shared
            made.append(access)
        return made

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        return self._clock()

    def today(self) -> date:
        """The calendar day where the viewer is: what "overdue" is measured against."""
        return self._clock().astimezone(ZoneInfo(self.viewer.time_zone)).date()

    async def company(self) -> Company:
        """The viewer's company. Raises NotFound when the CRM no longer has it."""
        path = f"/api/companies/{self.viewer.company_id}"
        try:
            company = await self._sm.fetch(path, Company)
        except SMApiNotFound as error:
            raise NotFound from error
        if company.id != self.viewer.company_id:
            raise NotFound
        return company

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
        engagements, invoices = await asyncio.gather(
            self._own_engagements(),
            self._of_company("/api/invoices", Invoice),
        )
        own = {e.id for e in engagements}
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
        engagements, activities = await asyncio.gather(
            self._own_engagements(), self._latest_activities()
        )
        own = {e.id for e in engagements}
        shown = [
            activity_for(a, self.viewer)
            for a in activities
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
        engagements, found = await asyncio.gather(
            self._own_engagements(), self._latest_activities()
        )
        if len(found) >= MOST_ACTIVITIES:
            lists = await asyncio.gather(
                *(self._activities({"type": kind}) for kind in self.journey.activity_types)
            )
            found = tuple(activity for some in lists for activity in some)
        own = {e.id for e in engagements}
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
        found = await self._of_company("/api/contacts", Contact)
        own = [contact for contact in found if not hides_contact(contact, viewer)]
        return sorted((_colleague(c, viewer.product) for c in own), key=_by_name)

    async def access_log(self) -> list[AccessEvent]:
        """Who came in and which staff looked on, newest first: a client admin's whole company.

        A viewer who is no admin finds only what concerns them.
        """
        viewer = self.viewer
        events = await self._logged(ACCESS_EVENTS, AccessEvent)
        return [e for e in events if viewer.sees_money or e.contact_id == viewer.contact_id]

    async def access_requests(self) -> list[AccessRequest]:
        """What the company's admins asked our staff for, newest first.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        return await self._logged((ACCESS_REQUEST,), AccessRequest)

    async def access_reviews(self) -> list[AccessReview]:
        """The reviews that the company's admins completed, newest first.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        return await self._logged((ACCESS_REVIEW,), AccessReview)

    async def access_grants(self) -> list[AccessEvent]:
        """Whom of the company our staff let in, and when, newest first.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        return await self._logged((ACCESS_GRANTED,), AccessEvent)

    async def sign_ins(self) -> SignInLog:
        """The company's sign-ins as far back as is read.

        Raises RoleNotAllowed for a viewer who is no admin.
        """
        if not self.viewer.sees_money:
            raise RoleNotAllowed
        records = await self._log(SIGN_IN)
        events = self._ours(records, (SIGN_IN,), AccessEvent)
        return SignInLog(tuple(events), is_whole=len(records) < MOST_ACTIVITIES)

    async def _logged(self, kinds: Sequence[str], shape: type[LoggedT]) -> list[LoggedT]:
        """What this portal itself logged for the company, of these kinds, newest first."""
        lists = await asyncio.gather(*(self._log(kind) for kind in kinds))
        return self._ours([record for records in lists for record in records], kinds, shape)

    async def _log(self, kind: str) -> list[dict[str, Any]]:
        asked = {"type": kind, "company_id": self.viewer.company_id}
        return await self._sm.list("/api/activities", asked, most=MOST_ACTIVITIES)

    def _ours(
        self, records: Sequence[Mapping[str, Any]], kinds: Sequence[str], shape: type[LoggedT]
    ) -> list[LoggedT]:
        """Those of company, product and kinds, newest first; the others are not even decoded."""
        found = [
            decode_logged(record, shape, "/api/activities")
            for record in records
            if record.get("company_id") == self.viewer.company_id
            and record.get("source") == self.viewer.product
            and record.get("activity_type") in kinds
        ]
        return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)

    async def change_self(self, changes: dict[str, str | None]) -> dict[str, str]:
        """Change fields of the viewer's own contact. Raises BadInput with what SM API objects to.

        Which fields may be changed is decided by whoever calls.
        """
        path = f"/api/contacts/{self.viewer.contact_id}"
        try:
            await self._sm.patch(path, changes)
        except SMApiRejected as error:
            raise error.as_bad_input() from error
        self._contacts.forget_id(self.viewer.contact_id, self.viewer.email)
        return {"id": self.viewer.contact_id}

    async def _own_engagements(self) -> tuple[Engagement, ...]:
        """Read once per request, however many methods need it: an access object lives that long."""
        if self._engagements is None:
            self._engagements = asyncio.ensure_future(self._read_engagements())
        return await self._engagements

    async def _latest_activities(self) -> tuple[Activity, ...]:
        """Read once per request, as the engagements."""
        if self._latest is None:
            self._latest = asyncio.ensure_future(self._activities())
        return await self._latest

    async def _activities(self, params: Params | None = None) -> tuple[Activity, ...]:
        return await self._of_company("/api/activities", Activity, params, most=MOST_ACTIVITIES)

    async def _read_engagements(self) -> tuple[Engagement, ...]:
        viewer = self.viewer
        found = await self._of_company("/api/engagements", Engagement, {"product": viewer.product})
        return tuple(engagement_for(e, viewer) for e in found if not hides_engagement(e, viewer))

    async def _of_company(
        self, path: str, kind: type[T], params: Params | None = None, *, most: int | None = None
    ) -> tuple[T, ...]:
        """A list of the company's records.

        What is others' is dropped undecoded: a fault in that is not this viewer's trouble.
        """
        company_id = self.viewer.company_id
        asked = {**(params or {}), "company_id": company_id}
        found = await self._list(path, asked, most)
        return tuple(decode(r, kind, path) for r in found if r.get("company_id") == company_id)

    async def _list(self, path: str, asked: Params, most: int | None) -> list[dict[str, Any]]:
        if self._shared is None:
            return await self._sm.list(path, asked, most=most)
        key = f"{path} {sorted(asked.items())} {most}"
        if key not in self._shared:
            self._shared[key] = asyncio.ensure_future(self._sm.list(path, asked, most=most))
        return await self._shared[key]


def decode_logged(record: Mapping[str, Any], shape: type[LoggedT], path: str) -> LoggedT:
    """A record that this portal logged. Raises SMApiMalformed.

    Of its details only texts count: others who log may do it in shapes of their own.
    """
    return decode({**record, "metadata": _texts(record.get("metadata"))}, shape, path)


def _texts(metadata: object) -> dict[str, str]:
    fields = metadata.items() if isinstance(metadata, dict) else ()
    return {name: value for name, value in fields if isinstance(value, str)}


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
