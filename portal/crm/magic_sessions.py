"""Where magic links wait to be used: SM API's `/api/magic_sessions`, or the STATE store.

The route is named by the guide and not described in it; its shape here is ours. Only hashes
travel: the token and the code exist in the mail and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from portal.crm.answers import records_of
from portal.crm.client import SMApi, decode
from portal.errors import LinkRefusal, LinkRefused, SMApiNotFound, SMApiRejected

REFUSALS: Final[tuple[LinkRefusal, ...]] = (
    "expired",
    "redeemed",
    "superseded",
    "exhausted",
    "wrong_code",
)


class MagicSession(Struct, frozen=True, kw_only=True):
    """A magic link that was sent: for whom, from which browser (a hash), and where it leads."""

    id: str
    contact_id: str
    email: str
    browser_hash: str | None = None
    redirect: str | None = None
    status: str = "live"
    created_at: datetime
    expires_at: datetime


class Redeemed(Struct, frozen=True, kw_only=True):
    """What a link was good for, told exactly once."""

    id: str
    contact_id: str
    email: str
    redirect: str | None = None


@dataclass(frozen=True)
class NewMagicSession:
    """What is stored when a link is sent; hashes are SHA-256 in lower-case hex."""

    contact_id: str
    email: str
    token_hash: str
    code_hash: str
    browser_hash: str
    redirect: str
    expires_in: int


class MagicSessions(Protocol):
    """The store of magic links. Each method raises SMApiError when the store cannot be asked."""

    async def create(self, new: NewMagicSession) -> None:
        """Keep a new link; the address's older ones die."""

    async def find(self, token_hash: str) -> MagicSession | None:
        """Look at a link without using it up."""

    async def redeem_token(self, token_hash: str) -> Redeemed:
        """Use a link up, once and never again. Raises LinkRefused."""

    async def redeem_code(self, browser_hash: str, code_hash: str) -> Redeemed:
        """Use up the link that this browser asked for, by its code. Raises LinkRefused."""


class CrmMagicSessions:
    """Magic links kept by SM API (`MAGIC_SESSIONS = "crm"`)."""

    def __init__(self, sm: SMApi, product: str) -> None:
        self._sm = sm
        self._product = product

    async def create(self, new: NewMagicSession) -> None:
        """POST /api/magic_sessions."""
        await self._sm.post(
            "/api/magic_sessions",
            {
                "contact_id": new.contact_id,
                "product": self._product,
                "token_hash": new.token_hash,
                "code_hash": new.code_hash,
                "browser_hash": new.browser_hash,
                "redirect": new.redirect,
                "expires_in": new.expires_in,
            },
        )

    async def find(self, token_hash: str) -> MagicSession | None:
        """GET /api/magic_sessions?token_hash=…, a list of none or one."""
        path = "/api/magic_sessions"
        found = await self._sm.get(path, {"token_hash": token_hash, "product": self._product})
        records, _ = records_of(found, 1, path)
        return decode(records[0], MagicSession, path) if records else None

    async def redeem_token(self, token_hash: str) -> Redeemed:
        """POST /api/magic_sessions/redeem with the token's hash."""
        return await self._redeem({"token_hash": token_hash})

    async def redeem_code(self, browser_hash: str, code_hash: str) -> Redeemed:
        """POST /api/magic_sessions/redeem with the hashes of browser and code."""
        return await self._redeem({"browser_hash": browser_hash, "code_hash": code_hash})

    async def _redeem(self, proof: dict[str, str]) -> Redeemed:
        path = "/api/magic_sessions/redeem"
        try:
            data = await self._sm.post(path, {"product": self._product, **proof})
        except SMApiNotFound as error:
            raise LinkRefused("unknown") from error
        except SMApiRejected as error:
            reason: LinkRefusal = next((r for r in REFUSALS if r == error.reason), "unknown")
            tries_left = error.envelope.get("tries_left")
            raise LinkRefused(
                reason, tries_left=tries_left if isinstance(tries_left, int) else None
            ) from error
        return decode(data, Redeemed, path)
