"""What follows once somebody has proved who they are: the token, the cookie, a note in the CRM."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from portal.sandbox.auth.cookies import set_session
from portal.sandbox.auth.people import Contact, products_of
from portal.sandbox.auth.session import issue
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal
from portal.sandbox.resources import ACTIVITIES, CONTACTS
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.store import Store
from portal.sandbox.write import change_record, create_record


def session_secret(config: SandboxConfig) -> str:
    """The secret that signs. Raises Refusal (503) on a server that was given none."""
    if not config.session_secret:
        raise Refusal(503, "Sign-in is not configured here", reason="no_session_secret")
    return config.session_secret


def hand_over(response: Response, request: Request, contact: Contact) -> Response:
    """The response, with a fresh session of this contact in the shared cookie."""
    config: SandboxConfig = request.app.state.config
    store: Store = request.app.state.store
    token = issue(
        subject=contact["id"],
        email=contact["email"],
        name=contact["full_name"],
        avatar=contact["photo_url"],
        products=products_of(contact),
        now=store.clock(),
        secret=session_secret(config),
    )
    set_session(response, request, token, config)
    response.headers["Cache-Control"] = "no-store"
    return response


def record_sign_in(connection: Connection, store: Store, contact: Contact, method: str) -> None:
    """Note the login on the contact, and as an activity of those that belong to a company."""
    now = store.now()
    login = {"portal_last_login": now}
    change_record(connection, CONTACTS, EVERYTHING, contact["id"], login, now)
    if contact["company_id"] is None:
        return
    activity = {
        "activity_type": "portal_login",
        "contact_id": contact["id"],
        "company_id": contact["company_id"],
        "title": f"Signed in with {method}",
        "source": contact["product"],
    }
    create_record(connection, ACTIVITIES, EVERYTHING, activity, now)
