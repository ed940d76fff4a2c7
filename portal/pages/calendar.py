"""The calendar page: what the feed is, and making, showing, renewing and revoking its address.

The page itself never has the address, so that neither a staff preview nor a look over a shoulder
gives it away: only the answer to its owner's press of a button does, and nobody keeps that.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.activity.outbox import Activity
from portal.auth.calendar_address import CalendarAddresses, Made
from portal.auth.gate import viewer_of
from portal.domain.viewer import Viewer
from portal.env import Env, env_of
from portal.errors import BadInput
from portal.submitted import submitted
from portal.templating import render
from portal.words import msgid

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What a press of a button came to; the activity is named after it."""

    MADE = "made"
    RENEWED = "renewed"
    REVOKED = "revoked"
    SHOWN = "shown"


TITLES: Final = {
    Outcome.MADE: "Made an address for the calendar feed",
    Outcome.RENEWED: "Renewed the address of the calendar feed",
    Outcome.REVOKED: "Revoked the address of the calendar feed",
}
"""What the CRM reads; showing the address again changes nothing and is not told."""


async def calendar(request: Request) -> Response:
    """GET /calendar: the feed, whether there is an address, and since when."""
    addresses = _addresses(env_of(request))
    made = await addresses.of(viewer_of(request).contact_id)
    if made is None and request.query_params.get("revoked") == "1":
        return _page(request, None, outcome=Outcome.REVOKED)
    return _page(request, made)


async def change_calendar(request: Request) -> Response:
    """POST /calendar `{action: make | show | renew | revoke, made?}`.

    The answer shows the address. A renewal names in `made` when the address was made that it
    replaces, so that sending the form again does not replace the new one. Raises BadInput.
    """
    env, viewer = env_of(request), viewer_of(request)
    fields = await submitted(request)
    outcome = await _act(env, viewer, fields.get("action", ""), fields.get("made"))
    if outcome in TITLES:
        await _tell(env, viewer, outcome)
    addresses = _addresses(env)
    made = await addresses.of(viewer.contact_id)
    if made is None:
        revoked = "?revoked=1" if outcome is Outcome.REVOKED else ""
        return RedirectResponse(f"/calendar{revoked}", status_code=303)
    response = _page(request, made, addresses.url(viewer.contact_id, made), outcome)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _act(env: Env, viewer: Viewer, action: str, replaced: str | None) -> Outcome:
    addresses, contact_id, now = _addresses(env), viewer.contact_id, env.clock()
    made = await addresses.of(contact_id)
    match action:
        case "make":
            return Outcome.MADE if await addresses.make(contact_id, now) else Outcome.SHOWN
        case "renew" if made is not None and replaced in (None, made.at.isoformat()):
            await addresses.renew(contact_id, now)
            return Outcome.RENEWED
        case "revoke" if made is not None:
            await addresses.revoke(contact_id)
            return Outcome.REVOKED
        case "show" | "renew" | "revoke":
            return Outcome.SHOWN
    raise BadInput(msgid("Choose what to do with the address."), field="action")


async def _tell(env: Env, viewer: Viewer, outcome: Outcome) -> None:
    log.info(f"calendar_{outcome}", contact_id=viewer.contact_id)
    await env.outbox.record(
        Activity(
            activity_type=f"portal_calendar_{outcome}",
            title=TITLES[outcome],
            contact_id=viewer.contact_id,
            company_id=viewer.company_id,
        )
    )


def _addresses(env: Env) -> CalendarAddresses:
    return CalendarAddresses(env.state, env.settings)


def _page(
    request: Request, made: Made | None, address: str | None = None, outcome: Outcome | None = None
) -> Response:
    return render(
        request,
        "calendar.html",
        {
            "made": made,
            "address": address,
            "webcal": None
            if address is None
            else urlsplit(address)._replace(scheme="webcal").geturl(),
            "outcome": outcome,
        },
    )
