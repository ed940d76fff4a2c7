"""Who is looking: the one value that every page and every rule starts from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a client's contact may see (sm-api §9). An unknown role gets the least."""

    CLIENT_VIEWER = "client_viewer"
    CLIENT_ADMIN = "client_admin"

    @classmethod
    def of(cls, portal_role: str | None) -> Role:
        """Read the CRM's `portal_role`; whatever is not exactly an admin is a viewer."""
        return cls.CLIENT_ADMIN if portal_role == cls.CLIENT_ADMIN else cls.CLIENT_VIEWER


STAFF_ROLE: Final = "team"
"""What the platform calls staff among its role types (sm-api §9)."""


@dataclass(frozen=True)
class Person:
    """Whoever is signed in, as far as a header needs them."""

    name: str
    email: str
    role: str
    company_name: str

    @property
    def first_name(self) -> str:
        """The first word of the name, else the address's local part."""
        return self.name.split()[0] if self.name.split() else self.email.partition("@")[0]


@dataclass(frozen=True)
class Staff:
    """One of Sprint Mode's own people, at work for one product.

    `id` is their contact's id, else the session's subject: staff need no record in the CRM.
    """

    id: str
    email: str
    name: str
    product: str

    @property
    def person(self) -> Person:
        """As the header shows them."""
        return Person(self.name, self.email, STAFF_ROLE, "Sprint Mode")


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in client contact, as the CRM describes them now.

    `time_zone` is an IANA name, `locale` a Babel identifier such as `en_US`.
    """

    contact_id: str
    email: str
    name: str
    company_id: str
    company_name: str
    product: str
    role: Role
    time_zone: str = "UTC"
    locale: str = "en_US"
    photo_url: str | None = None

    @property
    def sees_money(self) -> bool:
        """Only client admins see amounts, invoices and balances."""
        return self.role is Role.CLIENT_ADMIN

    @property
    def person(self) -> Person:
        """As the header shows them."""
        return Person(self.name, self.email, self.role.value, self.company_name)

    @property
    def first_name(self) -> str:
        """For greetings."""
        return self.person.first_name


@dataclass(frozen=True)
class Preview:
    """A staff person looking at the portal as a client sees it, until then, changing nothing."""

    staff: Staff
    viewer: Viewer
    until: datetime
