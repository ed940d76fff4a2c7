"""The people of the demo data, to be printed and tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class DemoPerson:
    """Somebody to sign in as; `note` says what there is to see."""

    name: str
    email: str
    company: str
    role: str
    note: str


DEMO_PEOPLE: Final = (
    DemoPerson("Jane Smith", "jane@acme.com", "Acme Corp", "client_admin", "sees work and money"),
    DemoPerson("Sam Lee", "sam@acme.com", "Acme Corp", "client_viewer", "sees work, no money"),
    DemoPerson(
        "Hank Scorpio", "hank@globex.com", "Globex Corp", "client_admin", "another client's admin"
    ),
    DemoPerson(
        "Mary-Jane Watson",
        "mary-jane@acme.com",
        "Umbrella Logistics",
        "client_admin",
        "an address that contains Jane's, at another client",
    ),
    DemoPerson(
        "Zoë Łukasiewicz",
        "zoe@lukasiewicz.example",
        "Łukasiewicz i Wspólnicy",
        "client_admin",
        "euros, and the time of Warsaw",
    ),
    DemoPerson(
        "Robin Park",
        "robin@parkadvisory.example",
        "Initech, Hooli",
        "client_viewer",
        "one address at two companies: has to choose",
    ),
    DemoPerson("Pat Doyle", "pat@acme.com", "Acme Corp", "none", "no portal access: stays out"),
    DemoPerson(
        "Nadia Rahman",
        "nadia@wayne.example",
        "Wayne Manufacturing",
        "client_admin",
        "has product signal only: stays out of Mode",
    ),
    DemoPerson(
        "Ava Torres", "ava@sprintmode.ai", "Sprint Mode", "staff", "Sprint Mode's own staff"
    ),
)
