"""GET /auth/sso/google and its callback: to Google and back, in whichever tab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.choice import offer_companies
from portal.auth.client_address import client_address
from portal.auth.google.attempts import Started, forget, new_attempt, remember, take_back
from portal.auth.google.provider import GoogleProvider
from portal.auth.google.subjects import Subjects
from portal.auth.redirects import local_path
from portal.auth.refusals import Refusal, record_refusal
from portal.auth.sign_in import Subject, hand_over, start_session
from portal.auth.staff_marks import StaffMark, StaffMarks
from portal.crm.models import Contact
from portal.domain.address import parse_address
from portal.env import Env, env_of
from portal.errors import BadInput, GoogleRefused, NotFound
from portal.templating import render
from portal.words import msgid

if TYPE_CHECKING:
    from portal.auth.google.id_token import Identity

WORDS: Final = {
    "access_denied": msgid("You cancelled at Google, so nothing happened. You can try again."),
    "state": msgid("This sign-in was started elsewhere, or too long ago. Please start again."),
    "no_access": msgid("This Google account has no access to this portal."),
    "another_subject": msgid(
        "This address belonged to another Google account before. "
        "For your safety we let nobody in until our team has had a look."
    ),
    "email_not_verified": msgid("Google has not verified this account's e-mail address."),
}
OTHERWISE: Final = msgid("Google's answer could not be trusted, so nobody was signed in.")

log = structlog.get_logger(__name__)


async def start(request: Request) -> Response:
    """Send the person to Google. Raises NotFound when Google is not configured."""
    env = env_of(request)
    started = Started(new_attempt(), local_path(request.query_params.get("redirect")))
    url = await _provider(env).authorization_url(started.attempt)
    response = RedirectResponse(url, status_code=302)
    remember(response, started, env)
    return response


async def callback(request: Request) -> Response:
    """Where Google sends people back to. Every refusal is a page that says what to do.

    HEAD, which only asks about a page, uses nothing up.
    """
    env = env_of(request)
    if request.method == "HEAD":
        return Response()
    provider, query = _provider(env), request.query_params
    state = query.get("state", "")
    known: tuple[Contact, ...] = ()
    try:
        started = await _answered(request, env, state)
        identity = await provider.identity(query.get("code", ""), started.attempt)
        known = await env.contacts.with_address(_address(identity))
        response = await _enter(env, request, identity, known, started.redirect)
    except GoogleRefused as refusal:
        client = client_address(request, env.settings.trusted_proxies)
        contact = known[0] if known else None
        await record_refusal(env, Refusal("google", refusal.cause, client, contact, refusal.said))
        response = _refused_page(request, refusal)
    forget(response, state, env.settings)
    return response


async def _answered(request: Request, env: Env, state: str) -> Started:
    """The attempt that Google answered, when this browser made it and Google did not refuse."""
    query = request.query_params
    started = await take_back(request, state, env)
    if started is None:
        raise GoogleRefused("state")
    if "error" in query:
        cause = "access_denied" if query["error"] == "access_denied" else "provider_error"
        raise GoogleRefused(cause, said=query.get("error_description") or query["error"])
    return started


async def _enter(
    env: Env, request: Request, identity: Identity, known: Sequence[Contact], redirect: str
) -> Response:
    """Sign in a staff person of our Workspace, or the contact that has this address."""
    email, domain = _address(identity), identity.hosted_domain
    allowed = [contact for contact in known if env.contacts.may_enter(contact)]
    is_staff = domain is not None and domain in env.settings.staff_domains
    if not (is_staff or allowed):
        raise GoogleRefused("no_access", account=email)
    if not await Subjects(env.state).claim(email, identity):
        raise GoogleRefused("another_subject", account=email)
    if is_staff:
        return await _enter_as_staff(env, request, identity, known, redirect)
    if len(allowed) > 1:
        return offer_companies(request, env, allowed, redirect, "google")
    token = await start_session(env, request, Subject.of(allowed[0]), "google")
    return hand_over(RedirectResponse(redirect, status_code=303), token, env)


async def _enter_as_staff(
    env: Env, request: Request, identity: Identity, known: Sequence[Contact], redirect: str
) -> Response:
    """A verified member of one of our Workspaces; the CRM need not know them."""
    contact = next((c for c in known if env.contacts.is_staff(c)), None)
    email = _address(identity)
    in_crm = await StaffMarks(env.state).was_known(email, contact is not None)
    if in_crm and contact is None:
        raise GoogleRefused("no_access", account=email)
    subject = (
        Subject.of(contact)
        if contact
        else Subject(f"google:{identity.subject}", email, identity.name or email)
    )
    mark = StaffMark(by="google", domain=identity.hosted_domain, in_crm=in_crm)
    token = await start_session(env, request, subject, "google", mark)
    return hand_over(RedirectResponse(redirect, status_code=303), token, env)


def _address(identity: Identity) -> str:
    try:
        return parse_address(identity.email)
    except BadInput as error:
        raise GoogleRefused("no_email") from error


def _provider(env: Env) -> GoogleProvider:
    if env.google is None:
        raise NotFound
    return env.google


def _refused_page(request: Request, refusal: GoogleRefused) -> Response:
    return render(
        request,
        "auth/google_refused.html",
        {
            "message": WORDS.get(refusal.cause, OTHERWISE),
            "account": refusal.account,
            "said": (refusal.said or "")[:300] or None,
        },
        status_code=refusal.status,
    )
