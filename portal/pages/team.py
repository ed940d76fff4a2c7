"""Team: who of a client has access, and asking our staff to change that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.activity.access_request import access_request
from portal.activity.once import record_once
from portal.auth.gate import access_of
from portal.crm.access import TEAM, ClientAccess
from portal.domain import team as asking
from portal.env import env_of
from portal.errors import BadInput, NotFound, RoleNotAllowed
from portal.pages.access_review import reviewed
from portal.pages.parts import if_there
from portal.submitted import submitted
from portal.templating import render, say

AGAIN_AFTER: Final = 600
"""Seconds in which the same request counts once: a button pressed twice asks once."""


async def team(request: Request) -> Response:
    """GET /team. Raises RoleNotAllowed for those who are no admins."""
    return await _page(request)


async def ask(request: Request) -> Response:
    """POST /team/requests: an activity for staff, shown as requested. What is wrong is shown again.

    Raises RoleNotAllowed, and NotFound for a person who is no colleague.
    """
    env, access = env_of(request), access_of(request)
    if not access.viewer.sees_money:
        raise RoleNotAllowed
    fields = await submitted(request)
    try:
        asked = asking.read_request(fields)
    except BadInput as error:
        return await _page(request, fields, error)
    name = asked.name
    if asked.person_id:
        name = await _name_of(access, asked.person_id)
    viewer, said = access.viewer, asked.as_metadata()
    activity = access_request(viewer, asked, name)
    wish = ("access", viewer.contact_id, *(f"{key}={said[key]}" for key in sorted(said)))
    await record_once(env.state, env.outbox, activity, wish, seconds=AGAIN_AFTER)
    return RedirectResponse("/team?asked=1", status_code=303)


async def _name_of(access: ClientAccess, person_id: str) -> str:
    for person in await access.colleagues():
        if person.id == person_id:
            return person.full_name or person.email or person.id
    raise NotFound


async def _page(
    request: Request, typed: Mapping[str, str] | None = None, error: BadInput | None = None
) -> Response:
    access = access_of(request)
    access.begin(TEAM)
    now = access.moment()
    requests = await if_there(access.access_requests())
    people = await access.colleagues()
    log = await if_there(access.access_log())
    standing = await if_there(reviewed(request))
    return render(
        request,
        "team.html",
        {
            "people": sorted(people, key=lambda one: one.portal_access != 1),
            "last_sign_in": None if log is None else asking.last_sign_ins(log),
            "requests": None if requests is None else asking.still_open(requests, now),
            "names": {one.id: one.full_name or one.email for one in people},
            "form": {"name": "", "email": "", "role": "client_viewer", "note": "", **(typed or {})},
            "error": error,
            "error_text": say(request, error) if error else None,
            "asked": error is None and request.query_params.get("asked") == "1",
            "review": standing,
            "reviewed": standing is not None
            and standing.due is None
            and request.query_params.get("reviewed") == "1",
            "now": now,
        },
        status_code=error.status if error else 200,
    )
