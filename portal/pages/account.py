"""Account: who one is here, where one is signed in, and who looked at one's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.activity.outbox import Activity
from portal.auth.gate import access_of, session_of, viewer_of, who_of
from portal.auth.revocation import Revocations
from portal.auth.sign_ins import OpenSignIn, SignIns
from portal.crm.access import ACCOUNT
from portal.crm.models import Contact
from portal.domain.profile import locale_names, time_zones
from portal.domain.viewer import Viewer
from portal.env import Env, env_of
from portal.errors import BadInput, NotFound, StateUnavailable
from portal.notices.page import notices_form
from portal.pages.parts import if_there
from portal.submitted import submitted
from portal.templating import render, say

log = structlog.get_logger(__name__)

MOST_EVENTS: Final = 50
"""How many entries of the access log the page shows."""


async def account(request: Request) -> Response:
    """GET /account: the viewer's data as the CRM has it, the open sign-ins, the access log."""
    return await account_page(request)


async def account_page(
    request: Request, typed: Mapping[str, str] | None = None, error: BadInput | None = None
) -> Response:
    """The page; with what was `typed` and what is wrong with it after a change that failed."""
    env, access = env_of(request), access_of(request)
    viewer = access.viewer
    access.begin(ACCOUNT)
    log, people = await if_there(access.access_log()), await if_there(access.colleagues())
    sign_ins = await _sign_ins(env, viewer)
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
            "access_log": None if log is None else log[:MOST_EVENTS],
            "names": {person.id: person.full_name or person.email for person in people or ()},
            "now": env.clock(),
            "form": {**_profile(request.state.contact, viewer), **(typed or {})},
            "error": error,
            "error_text": say(request, error) if error else None,
            "saved": error is None and request.query_params.get("saved") == "1",
            "saved_for_later": error is None and request.query_params.get("saved") == "later",
            "time_zones": time_zones(),
            "locales": locale_names(),
            "notices": await notices_form(request),
        },
        status_code=error.status if error else 200,
    )


async def _sign_ins(env: Env, viewer: Viewer) -> list[OpenSignIn] | None:
    """The viewer's open sign-ins; None while STATE is away."""
    try:
        return await SignIns(env.state).of(viewer.contact_id)
    except StateUnavailable:
        return None


def _profile(contact: Contact, viewer: Viewer) -> dict[str, str]:
    return {
        "full_name": contact.full_name or "",
        "title": contact.title or "",
        "phone": contact.phone or "",
        "timezone": viewer.time_zone,
        "locale": viewer.locale,
    }


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
    log.info("signed_out", contact_id=viewer.contact_id, from_account=True)
    await env.outbox.record(
        Activity(
            activity_type="portal_logout",
            title="Ended a sign-in from the account page",
            contact_id=viewer.contact_id,
            company_id=viewer.company_id,
        )
    )
    return RedirectResponse("/account", status_code=303)
