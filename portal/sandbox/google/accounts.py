"""Google accounts: the demo people, and any other address that somebody types."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from portal.sandbox.demo import DEMO_PEOPLE
from portal.sandbox.schema import folded

WORKSPACE_DOMAINS: Final = frozenset({"sprintmode.ai"})
"""Domains whose accounts carry the hosted-domain claim (`hd`)."""

SUBJECT_DIGITS: Final = 21

_NAMES: Final = {folded(person.email): person.name for person in DEMO_PEOPLE}


@dataclass(frozen=True)
class Account:
    """One account. `subject` is Google's stable id; `hosted_domain` the Workspace, if any."""

    email: str
    name: str
    subject: str
    hosted_domain: str | None

    @classmethod
    def of(cls, email: str) -> Account:
        """The account with this address: always the same one, whatever the address's case."""
        local, _, domain = email.rpartition("@")
        workspace = domain.lower() if domain.lower() in WORKSPACE_DOMAINS else None
        name = _NAMES.get(folded(email)) or local.replace(".", " ").title()
        return cls(email, name, subject_of(folded(email)), workspace)


def subject_of(seed: str) -> str:
    """A number of 21 digits, as Google's are, that follows from `seed`."""
    number = int.from_bytes(hashlib.sha256(seed.encode("utf-8", "replace")).digest())
    return f"1{number % 10 ** (SUBJECT_DIGITS - 1):0{SUBJECT_DIGITS - 1}d}"
