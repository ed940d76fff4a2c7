"""Account: who one is here, where one is signed in, and who looked at one's data."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.activity.outbox import Activity
from portal.auth.gate import access_of, session_of, viewer_of, who_of
from portal.auth.revocation import Revocations
from portal.auth.sign_ins import SignIns
from portal.env import env_of
from portal.errors import NotFound
from portal.submitted import submitted
from portal.templating import render

MOST_EVENTS: Final = 50
"""How many entries of the access log the page shows."""


async def account(request: Request) -> Response:
    """GET /account: the viewer's data as the CRM has it, the open sign-ins, the access log."""
    env, access = env_of(request), access_of(request)
    viewer = access.viewer
    log, people = await asyncio.gather(access.access_log(), access.colleagues())
    sign_ins = await SignIns(env.state).of(viewer.contact_id)
    this_one = session_of(request).id
    if who_of(request).preview is not None and sign_ins:
        # A preview stands in the client's shoes: where they signed in last.
        this_one = sign_ins[0].id
    return render(
        request,
        "account.html",
        {
            "contact": request.state.contact,
            "sign_ins": sign_ins,
            "this_sign_in": this_one,
            "access_log": log[:MOST_EVENTS],
            "names": {person.id: person.full_name or person.email for person in people},
            "now": env.clock(),
        },
    )


async def end_sign_in(request: Request) -> Response:
    """POST /account/end-sign-in `{id}`: ends one of one's own sign-ins.

    Raises NotFound for an id that is not one of them.
    """
    env, viewer = env_of(request), viewer_of(request)
    session_id = (await submitted(request)).get("id", "")
    sign_ins = SignIns(env.state)
    if not await sign_ins.has(viewer.contact_id, session_id):
        raise NotFound
    await Revocations(env.state).end_id(session_id, env.settings.session_lifetime)
    await sign_ins.forget(viewer.contact_id, session_id)
    await env.outbox.record(
        Activity(
            activity_type="portal_logout",
            title="Ended a sign-in from the account page",
            contact_id=viewer.contact_id,
            company_id=viewer.company_id,
        )
    )
    return RedirectResponse("/account", status_code=303)
