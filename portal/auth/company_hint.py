"""What a verified token says of its holder's company: a hint of what to ask the CRM for, no more.

It decides nothing. Other portals write these claims, ours does not, and they are as old as the
token: whoever reads ahead by them shows nothing of it unless the CRM says the same now.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec
from msgspec import Struct

from portal.domain.viewer import Role


class CompanyHint(Struct, frozen=True):
    """The claims of newer portals that say where a person belongs (sm-api §16, 13)."""

    company_id: str | None = None
    portal_role: str | None = None
    role: str | None = None

    @property
    def sees_money(self) -> bool:
        """Whether to expect so: unless the token says that this is a viewer."""
        return Role.CLIENT_VIEWER not in (self.portal_role, self.role)


NO_HINT: Final = CompanyHint()


def hint_in(token: str) -> CompanyHint:
    """The hint of a token whose signature was checked before; an empty one where it gives none."""
    payload = token.split(".", 2)[1]
    try:
        # Four fill bytes are never too few, and what is too much is left aside.
        return msgspec.json.decode(base64.urlsafe_b64decode(payload + "===="), type=CompanyHint)
    except (binascii.Error, ValueError, RecursionError):
        return NO_HINT
