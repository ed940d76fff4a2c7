"""The person who sent a request, by session cookie."""

from __future__ import annotations

from starlette.requests import Request

from portal.sandbox.auth.cookies import session_tokens
from portal.sandbox.auth.people import Person, contact_of_session, target_of
from portal.sandbox.auth.session import verify
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal
from portal.sandbox.store import Store


def find_person(request: Request, config: SandboxConfig, store: Store) -> Person | None:
    """Whoever the first valid token stands for; None without one, or when the CRM has no such."""
    now = store.clock()
    verified = (verify(token, config.session_secret, now) for token in session_tokens(request))
    claims = next((found for found in verified if found is not None), None)
    if claims is None:
        return None
    with store.reading() as connection:
        contact = contact_of_session(connection, claims)
        if contact is None:
            return None
        target = target_of(connection, contact, claims.viewing_as)
    return Person(contact, claims.tags, claims.viewing_as, target)


def person_of(request: Request) -> Person:
    """The signed-in person. Raises Refusal (401)."""
    state = request.app.state
    person = find_person(request, state.config, state.store)
    if person is None:
        raise Refusal(401, "Not signed in")
    return person
