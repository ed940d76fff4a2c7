"""Who a person is in the CRM and whether it lets them in: asked for, never remembered long."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from portal.crm.cache import FreshCache
from portal.crm.client import SMApi, decode
from portal.crm.models import Contact
from portal.domain.preferences import locale_or, time_zone_or
from portal.domain.viewer import Role, Viewer
from portal.errors import SMApiNotFound

FRESHNESS: Final = timedelta(seconds=30)
"""How old an answer about access may be at most. Access taken away is gone within a minute."""

RECORD_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def folded_address(address: str) -> str:
    """An address as it is compared: without blanks around it, in lower case.

    Not case-folded, which makes `ss` of ß; and a letter that only in lower case becomes an ASCII
    one, as the Kelvin sign does, stays as it is. Either would pass one address for another.
    """
    return "".join(
        lower if lower.isascii() == letter.isascii() else letter
        for letter in address.strip()
        for lower in (letter.lower(),)
    )


def same_address(one: str | None, other: str) -> bool:
    """Whether two e-mail addresses are the same, whole and in any case."""
    return one is not None and folded_address(one) == folded_address(other)


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
    ) -> None:
        self._sm = sm
        self._product = product
        self._by_id: FreshCache[Contact | None] = FreshCache(freshness, clock)
        self._by_email: FreshCache[tuple[Contact, ...]] = FreshCache(freshness, clock)

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
        """The contact behind a session, at most 30 seconds old, or None.

        Our own tokens carry a contact id; another portal's may carry a user id, and then the
        address decides, if it belongs to exactly one contact that may enter. An id whose address
        is another's is not trusted. Raises SMApiError.
        """
        contact = await self.by_id(subject)
        if contact is not None and same_address(contact.email, email):
            return contact
        key = folded_address(email)
        candidates = await self._by_email.get(key, lambda: self.with_address(email))
        allowed = [c for c in candidates if self.may_enter(c) or self.is_staff(c)]
        return allowed[0] if len(allowed) == 1 else None

    async def by_id(self, contact_id: str) -> Contact | None:
        """The contact of this id, at most 30 seconds old, or None. Raises SMApiError."""
        return await self._by_id.get(contact_id, lambda: self._fetch(contact_id))

    def forget(self, contact: Contact) -> None:
        """Ask the CRM again next time: something about this contact is known to have changed."""
        self.forget_id(contact.id, contact.email or "")

    def forget_id(self, contact_id: str, email: str) -> None:
        """As `forget`, for whoever has the id and the address only."""
        self._by_id.forget(contact_id)
        self._by_email.forget(folded_address(email))

    async def _fetch(self, contact_id: str) -> Contact | None:
        if not RECORD_ID.fullmatch(contact_id):
            return None
        path = f"/api/contacts/{contact_id}"
        try:
            contact = decode(await self._sm.get(path), Contact, path)
        except SMApiNotFound:
            return None
        return contact if contact.id == contact_id else None


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
