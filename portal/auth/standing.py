"""Telling a person, once and kindly, that the CRM has moved them or changed their role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Send

from portal.domain.viewer import Role, Viewer
from portal.settings import Settings

COOKIE: Final = "portal_standing"
"""What this browser's pages showed last. Not signed: it decides nothing but a notice."""


class Change(StrEnum):
    """What is different from the page before."""

    MOVED = "moved"
    """The contact belongs to another company now."""

    LOWERED = "lowered"
    """An administrator has become a viewer: amounts are no longer shown."""

    RAISED = "raised"
    """A viewer has become an administrator."""


@dataclass(frozen=True)
class Standing:
    """Who, at which company, in which role."""

    contact_id: str
    company_id: str
    role: str

    @classmethod
    def of(cls, viewer: Viewer) -> Standing:
        """Where the CRM sees the viewer now."""
        return cls(viewer.contact_id, viewer.company_id, viewer.role.value)

    def since(self, before: Standing | None) -> Change | None:
        """What has changed since `before`; None for another person, or when nothing has."""
        if before is None or before.contact_id != self.contact_id:
            return None
        if before.company_id != self.company_id:
            return Change.MOVED
        if before.role == self.role:
            return None
        return Change.RAISED if self.role == Role.CLIENT_ADMIN else Change.LOWERED


def shown_before(request: Request) -> Standing | None:
    """What the browser was shown last, as far as it still knows."""
    parts = request.cookies.get(COOKIE, "").split("/")
    return Standing(*parts) if len(parts) == 3 else None


def remembering(send: Send, standing: Standing, settings: Settings) -> Send:
    """`send` that also notes the standing in the browser, once a page has told of it."""

    async def note(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.append("set-cookie", _cookie(standing, settings))
        await send(message)

    return note


def _cookie(standing: Standing, settings: Settings) -> str:
    value = f"{standing.contact_id}/{standing.company_id}/{standing.role}"
    lifetime = int(settings.session_lifetime.total_seconds())
    return _written(value, lifetime, secure=settings.session_cookie_secure)


@lru_cache(maxsize=1024)
def _written(value: str, lifetime: int, *, secure: bool) -> str:
    response = Response()
    response.set_cookie(
        COOKIE,
        value,
        max_age=lifetime,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return response.headers["set-cookie"]
