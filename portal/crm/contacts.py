"""Who a person is in the CRM and whether it lets them in: asked for, never remembered long."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from portal.crm.cache import Keeping, Key, Observe, Patience, ReadCache, Sized
from portal.crm.client import SMApi, decode
from portal.crm.models import Contact
from portal.domain.preferences import locale_or, time_zone_or
from portal.domain.viewer import Role, Viewer
from portal.errors import SMApiNotFound

FRESHNESS: Final = timedelta(seconds=30)
"""How old an answer about access may be at most while the CRM can be asked. Access taken away is
gone within a minute."""

GOOD_FOR: Final = timedelta(days=2)
"""How long what the CRM said last is known; the gate decides for how long it counts."""

MOST_CONTACTS: Final = 10_000

RECORD_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def folded_address(address: str) -> str:
    """An address as it is compared: without blanks around it, in lower case.

    Not case-folded, which makes `ss` of ß; and a letter that only in lower case becomes an ASCII
    one, as the Kelvin sign does, stays as it is. Either would pass one address for another.
    """
    if address.isascii():
        return address.strip().lower()
    return "".join(
        lower if lower.isascii() == letter.isascii() else letter
        for letter in address.strip()
        for lower in (letter.lower(),)
    )


def same_address(one: str | None, other: str) -> bool:
    """Whether two e-mail addresses are the same, whole and in any case."""
    return one is not None and folded_address(one) == folded_address(other)


class ContactReading(NamedTuple):
    """A reading of one contact, and which of its values."""

    key: Key
    version: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the CRM said at `at` of the contact behind a session; None: it knows none.

    `is_last_good`: it cannot be asked whether that still holds. `reading`: what was read, where
    that alone decides.
    """

    contact: Contact | None
    at: datetime
    is_last_good: bool = False
    reading: ContactReading | None = None


class Contacts:
    """Contacts of the CRM as sign-in and the gate need them.

    `may_enter` is the one rule of who gets in: portal access, the product, and a company.
    """

    def __init__(
        self,
        sm: SMApi,
        product: str,
        clock: Callable[[], datetime],
        *,
        freshness: timedelta = FRESHNESS,
        observe: Observe | None = None,
    ) -> None:
        self._sm = sm
        self._product = product
        # Asked for anew in its second half already, so that hardly anybody waits for it.
        self._cache: ReadCache[tuple[Contact, ...]] = ReadCache(
            Keeping(freshness / 2, freshness, GOOD_FOR),
            clock,
            most_entries=MOST_CONTACTS,
            observe=observe,
        )

    def may_enter(self, contact: Contact) -> bool:
        """Whether the CRM lets this contact into this portal."""
        return (
            contact.portal_access == 1
            and contact.has_product(self._product)
            and bool(contact.company_id)
            and bool(contact.email)
        )

    def is_staff(self, contact: Contact) -> bool:
        """Whether the CRM says that this is one of Sprint Mode's own people."""
        return contact.is_sm_team == 1 and bool(contact.email)

    async def with_address(self, email: str) -> tuple[Contact, ...]:
        """Every contact whose whole address is `email`, asked for now.

        The CRM's search matches substrings (`jane@` also finds `mary-jane@`), so each hit is
        compared whole. Raises SMApiError.
        """
        path = "/api/contacts"
        found = await self._sm.list(path, {"search": email.strip()})
        # Compared before decoding: a fault in another's record is not this person's trouble.
        return tuple(
            decode(record, Contact, path)
            for record in found
            if same_address(_text(record.get("email")), email)
        )

    async def allowed_with_address(self, email: str) -> tuple[Contact, ...]:
        """Those of `with_address` that may enter. More than one: a person at several companies."""
        return tuple(c for c in await self.with_address(email) if self.may_enter(c))

    async def of_session(self, subject: str, email: str) -> Contact | None:
        """The contact behind a session, as the CRM says now, or None. Raises SMApiError."""
        return (await self.confirmed(subject, email, last_good=False)).contact

    async def confirmed(
        self,
        subject: str,
        email: str,
        patience: Patience | None = None,
        *,
        last_good: bool = True,
    ) -> Confirmed:
        """The contact behind a session, at most 30 seconds old while the CRM can be asked.

        Our own tokens carry a contact id; another portal's may carry a user id, and then the
        address decides, if it belongs to exactly one contact that may enter. An id whose address
        is another's is not trusted. Raises SMApiError when nothing is known of it.
        """
        own = await self._cache.get(
            Key(subject, "contacts"), lambda: self._fetched(subject), patience, last_good=last_good
        )
        if own.value and same_address(own.value[0].email, email):
            reading = ContactReading(Key(subject, "contacts"), own.version)
            return Confirmed(own.value[0], own.asked_at, own.is_last_good, reading)
        key = Key(folded_address(email), "contacts")
        found = await self._cache.get(
            key, lambda: self._searched(email), patience, last_good=last_good
        )
        allowed = [c for c in found.value if self.may_enter(c) or self.is_staff(c)]
        contact = allowed[0] if len(allowed) == 1 else None
        return Confirmed(contact, found.asked_at, found.is_last_good)

    @property
    def changes(self) -> int:
        """Another number whenever something of some contact is another thing now."""
        return self._cache.changes

    def says_until(self, confirmed: Confirmed, now: datetime) -> datetime | None:
        """Until when `confirmed` says this very thing without asking, unless `changes` changes.

        None when it does not at `now`.
        """
        if confirmed.reading is None:
            return None
        return self._cache.fresh_until((confirmed.reading,), now)

    def has(self, subject: str) -> bool:
        """Whether the CRM was asked for a session's contact before, as far as is known."""
        return self._cache.has(Key(subject, "contacts"))

    def overdue(self, subject: str, email: str) -> Contact | None:
        """What the CRM said last of a session's contact that has to be confirmed anew now.

        For reading ahead only: whether it still holds is what is being asked.
        """
        found = self._cache.overdue(Key(subject, "contacts"))
        if found == ():
            found = self._cache.overdue(Key(folded_address(email), "contacts"))
        known = [c for c in found or () if same_address(c.email, email) and self.may_enter(c)]
        return known[0] if len(known) == 1 else None

    async def by_id(self, contact_id: str) -> Contact | None:
        """The contact of this id, at most 30 seconds old, or None. Raises SMApiError."""
        found = await self._cache.get(
            Key(contact_id, "contacts"), lambda: self._fetched(contact_id), last_good=False
        )
        return found.value[0] if found.value else None

    def forget(self, contact: Contact) -> None:
        """Ask the CRM again next time: something about this contact is known to have changed."""
        self.forget_id(contact.id, contact.email or "")

    def forget_id(self, contact_id: str, email: str) -> None:
        """As `forget`, for whoever has the id and the address only."""
        self._cache.expire(contact_id)
        self._cache.expire(folded_address(email))

    async def _fetched(self, contact_id: str) -> Sized[tuple[Contact, ...]]:
        """The contact of this id, or nothing."""
        if not RECORD_ID.fullmatch(contact_id):
            return Sized(())
        path = f"/api/contacts/{contact_id}"
        try:
            contact = await self._sm.fetch(path, Contact)
        except SMApiNotFound:
            return Sized(())
        return Sized((contact,) if contact.id == contact_id else ())

    async def _searched(self, email: str) -> Sized[tuple[Contact, ...]]:
        return Sized(await self.with_address(email))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def viewer_of_contact(contact: Contact, product: str, *, time_zone: str, locale: str) -> Viewer:
    """The viewer a contact is; `time_zone` and `locale` fill in what the CRM does not know."""
    email = contact.email or ""
    return Viewer(
        contact_id=contact.id,
        email=email,
        name=(contact.full_name or "").strip() or email,
        company_id=contact.company_id or "",
        company_name=contact.company_name or "",
        product=product,
        role=Role.of(contact.portal_role),
        time_zone=time_zone_or(contact.timezone, time_zone),
        locale=locale_or(contact.locale, locale),
        photo_url=contact.photo_url,
    )
