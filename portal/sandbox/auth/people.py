"""Who a session or an address stands for: the CRM's contact as it is now (sm-api §5, §16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from portal.sandbox.auth.portals import PORTALS
from portal.sandbox.auth.session import Claims
from portal.sandbox.query import find_record, list_records
from portal.sandbox.resources import CONTACTS
from portal.sandbox.schema import folded
from portal.sandbox.scope import EVERYTHING

MOST_ALIKE: Final = 10_000
"""Contacts whose name or address contains what is looked for; far more than there are."""

Contact = Mapping[str, Any]


def is_staff(contact: Contact) -> bool:
    """Whether the CRM calls this person one of Sprint Mode's own."""
    return bool(contact["is_sm_team"] == 1)


def may_enter(contact: Contact) -> bool:
    """Whether a client may sign in to a portal (sm-api §16, 24)."""
    return bool(contact["portal_access"] == 1)


def products_of(contact: Contact) -> tuple[str, ...]:
    """The `products` claim. Staff see every product; who may not enter has none.

    Some portals look at nothing but this claim, so that it must not name what is not granted.
    """
    if is_staff(contact):
        return tuple(PORTALS)
    return tuple(contact["products"]) if may_enter(contact) else ()


@dataclass(frozen=True)
class Person:
    """Whoever is signed in. `granted` are the products that their token, if any, allows.

    `viewing_as` is the token's claim, and `target` the contact whom staff look at, if the claim
    names one (sm-api §10).
    """

    contact: Contact
    granted: tuple[str, ...]
    viewing_as: Any = None
    target: Contact | None = None

    @property
    def is_staff(self) -> bool:
        """Whether this is one of Sprint Mode's own."""
        return is_staff(self.contact)

    @property
    def products(self) -> tuple[str, ...]:
        """The products both granted by the token and still the contact's."""
        return tuple(tag for tag in products_of(self.contact) if tag in self.granted)

    @property
    def seen(self) -> Person:
        """Whose data is shown: the target of a preview, else this person's own."""
        if self.target is None:
            return self
        return Person(self.target, products_of(self.target))


def contact_of_session(connection: Connection, claims: Claims) -> Contact | None:
    """The contact behind a token, or None.

    Another portal's token may carry a user id; then the address decides, if it belongs to exactly
    one contact that may enter. An id whose address is another's is not trusted.
    """
    contact = find_record(connection, CONTACTS, EVERYTHING, claims.id)
    if contact is not None and contact["email"] and same_address(contact["email"], claims.email):
        return contact
    return the_one(contacts_with_address(connection, claims.email))


def target_of(connection: Connection, contact: Contact, viewing_as: Any) -> Contact | None:
    """The contact whom `contact` looks at: only staff have one, and only a client can be one."""
    contact_id = viewing_as.get("contact_id") if isinstance(viewing_as, dict) else None
    if not isinstance(contact_id, str) or not is_staff(contact):
        return None
    target = find_record(connection, CONTACTS, EVERYTHING, contact_id)
    return None if target is None or is_staff(target) else target


def contacts_with_address(connection: Connection, address: str) -> Sequence[Contact]:
    """The contacts with this whole address, whatever its case, oldest first."""
    wanted = address.strip()
    if not wanted:
        return []
    alike = list_records(connection, CONTACTS, EVERYTHING, {"search": wanted}, limit=MOST_ALIKE)
    same = [c for c in alike if c["email"] and same_address(c["email"], wanted)]
    return same[::-1]


def the_one(contacts: Iterable[Contact]) -> Contact | None:
    """The only one of them that may enter or is staff, else None."""
    allowed = [contact for contact in contacts if may_enter(contact) or is_staff(contact)]
    return allowed[0] if len(allowed) == 1 else None


def best_of(contacts: Iterable[Contact], product: str | None) -> Contact | None:
    """Whom to sign in of several with one address: who has most there, and the oldest of those."""

    def rank(contact: Contact) -> tuple[bool, bool]:
        return (is_staff(contact) or may_enter(contact), product in products_of(contact))

    return max(contacts, key=rank, default=None)


def same_address(one: str, other: str) -> bool:
    """Whether two addresses differ in case at most."""
    return folded(one.strip()) == folded(other.strip())
