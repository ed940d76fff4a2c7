"""GET /auth/me: the session as the platform's browser code reads it (sm-api §5)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.auth.lens import viewing_as
from portal.auth.who import signed_in
from portal.env import env_of


async def me(request: Request) -> Response:
    """Flat fields beside `ok`, and the same again under `user`: published readers want either.

    In a staff preview they are the client's, with `viewing_as` beside them (sm-api §10). Raises
    SignInNeeded (401) or Forbidden (403: signed in, but not for this portal).
    """
    who = await signed_in(env_of(request), request)
    person = who.viewer or who.staff
    assert person is not None
    contact, viewer = who.contact, who.viewer
    fields = {
        "contact_id": contact.id if contact else None,
        "user_id": contact.id if who.preview and contact else who.session.claims.id,
        "email": person.email,
        "name": person.name,
        "photo": contact.photo_url if contact else None,
        "title": contact.title if contact else None,
        "company_id": contact.company_id if contact else None,
        "company_name": contact.company_name if contact else None,
        "role": person.person.role,
        "portal_role": person.person.role,
        "is_sm_team": viewer is None,
        "products": [viewer.product]
        if who.preview and viewer
        else list(who.session.claims.products),
    }
    body: dict[str, Any] = {"ok": True, **fields, "user": {"id": who.subject, **fields}}
    if who.preview is not None:
        body["user"]["id"] = who.preview.viewer.contact_id
        body["viewing_as"] = viewing_as(who.preview.viewer, who.preview.until)
    response = JSONResponse(body)
    response.headers["Cache-Control"] = "no-store"
    return response
