"""GET /auth/me: the session as the platform's browser code reads it (sm-api §5)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.auth.gate import signed_in
from portal.domain.viewer import STAFF_ROLE
from portal.env import env_of


async def me(request: Request) -> Response:
    """Flat fields beside `ok`, and the same again under `user`: published readers want either.

    Raises SignInNeeded (401) or Forbidden (403: signed in, but not for this portal).
    """
    who = await signed_in(env_of(request), request)
    contact = who.contact
    role = who.viewer.role.value if who.viewer else STAFF_ROLE
    fields = {
        "contact_id": contact.id,
        "user_id": who.session.claims.id,
        "email": contact.email,
        "name": (contact.full_name or "").strip() or contact.email,
        "photo": contact.photo_url,
        "title": contact.title,
        "company_id": contact.company_id,
        "company_name": contact.company_name,
        "role": role,
        "portal_role": role,
        "is_sm_team": who.staff is not None,
        "products": list(who.session.claims.products),
    }
    response = JSONResponse({"ok": True, **fields, "user": {"id": contact.id, **fields}})
    response.headers["Cache-Control"] = "no-store"
    return response
