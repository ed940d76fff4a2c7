"""Signing in by mail: ask for a link, then press its button or type its code (sm-api §5).

Asking answers everybody alike. Opening a link uses nothing up, because mail scanners open links;
only the button does. Staff get no mail: what a mailbox proves is not enough for them.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from markupsafe import escape
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.sandbox.auth.cookies import portal_of
from portal.sandbox.auth.links import LIFETIME, Link, Links, Secrets
from portal.sandbox.auth.pages import sign_in_page
from portal.sandbox.auth.people import (
    Contact,
    best_of,
    contacts_with_address,
    is_staff,
    may_enter,
)
from portal.sandbox.auth.redirects import origin_of, redirect_or_default
from portal.sandbox.auth.sign_in import hand_over, record_sign_in, session_secret
from portal.sandbox.auth.submitted import is_form, read_submitted
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal, invalid
from portal.sandbox.mail import Letter, keep_letter
from portal.sandbox.query import find_record
from portal.sandbox.resources import CONTACTS
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.store import Store
from portal.sandbox.validation import EMAIL

SENDER: Final = "Sprint Mode <sign-in@sprintmode.ai>"
LONGEST_EMAIL: Final = 254
MINUTES: Final = int(LIFETIME.total_seconds() // 60)
UNUSABLE: Final = "This link was used already, or is too old. Please ask for a new one."
WRONG_CODE: Final = "This code is wrong, or cannot be used any more"


async def ask(request: Request) -> Response:
    """POST /auth/magic `{email, redirect}`: the same answer whoever asks; the mail goes after it.

    Raises Refusal (422) for what is no address.
    """
    config: SandboxConfig = request.app.state.config
    links = _links(request)
    sent = await read_submitted(request)
    email, redirect = sent.get("email", "").strip(), sent.get("redirect")
    if not EMAIL.fullmatch(email) or len(email) > LONGEST_EMAIL:
        if is_form(request):
            return login_page(config, redirect, email=email, problem="Enter an e-mail address.")
        raise invalid("email", "must be an e-mail address")
    response = _asked_page(email) if is_form(request) else JSONResponse({"ok": True})
    response.headers["Cache-Control"] = "no-store"
    product = sent.get("portal") or portal_of(request)
    where = redirect_or_default(redirect, config)
    response.background = BackgroundTask(_send, request, links, email, product, where)
    return response


async def verify(request: Request) -> Response:
    """GET: a button. POST of it: signed in, once, and on to where the person wanted to go."""
    if request.method != "POST":
        return _button(request, request.query_params.get("token", ""))
    links, store = _links(request), _store(request)
    sent = await read_submitted(request)
    with store.writing() as connection:
        link = links.use_token(connection, sent.get("token", ""))
        contact = _contact_of(connection, link)
        if contact is not None:
            record_sign_in(connection, store, contact, "a magic link")
    if link is None or contact is None:
        if is_form(request):
            return sign_in_page("auth/refused.html", {"message": UNUSABLE, "said": None}, 410)
        raise Refusal(410, UNUSABLE, reason="unusable")
    response: Response = RedirectResponse(link.redirect, 303)
    if not is_form(request):
        response = _redirect_answer(link)
    return hand_over(response, request, contact)


async def verify_code(request: Request) -> Response:
    """POST /auth/verify-code `{email, code, portal}` -> `{ok, redirect_url}` and the cookie.

    Raises Refusal (403), the same for a wrong code, one too many and an address without a link.
    """
    links, store = _links(request), _store(request)
    sent = await read_submitted(request)
    with store.writing() as connection:
        link = links.use_code(connection, sent.get("email", ""), sent.get("code", ""))
        contact = _contact_of(connection, link)
        if contact is not None:
            record_sign_in(connection, store, contact, "a code")
    if link is None or contact is None:
        raise Refusal(403, WRONG_CODE, reason="wrong_code")
    return hand_over(_redirect_answer(link), request, contact)


async def login(request: Request) -> Response:
    """GET /auth/login: the Google button and the field for an address."""
    config: SandboxConfig = request.app.state.config
    return login_page(config, request.query_params.get("redirect"))


def login_page(
    config: SandboxConfig, redirect: str | None, *, email: str = "", problem: str = ""
) -> Response:
    """The sign-in page; with a `problem` it is shown again (422)."""
    context = {
        "redirect": redirect_or_default(redirect, config),
        "email": email,
        "problem": problem,
    }
    return sign_in_page("auth/login.html", context, 422 if problem else 200)


def _send(request: Request, links: Links, email: str, product: str | None, redirect: str) -> None:
    """Mail a link to the contact with this address, if there is one that may enter."""
    store = _store(request)
    with store.writing() as connection:
        found = contacts_with_address(connection, email)
        contact = best_of((c for c in found if _may_use_mail(c)), product)
        made = None if contact is None else links.create(connection, contact, redirect)
    if contact is not None and made is not None:
        config: SandboxConfig = request.app.state.config
        # To the address as the CRM has it, not as a stranger has written it.
        keep_letter(store, _letter(config, made), [contact["email"]])


def _may_use_mail(contact: Contact) -> bool:
    return may_enter(contact) and not is_staff(contact)


def _letter(config: SandboxConfig, made: Secrets) -> Letter:
    link = f"{config.origin}/auth/magic/verify?{urlencode({'token': made.token})}"
    text = (
        f"Sign in to Sprint Mode:\n\n{link}\n\nOr enter this code: {made.code}\n\n"
        f"Both work once, within {MINUTES} minutes. If you did not ask for this, ignore it."
    )
    html = (
        f'<p>Sign in to Sprint Mode:</p><p><a href="{escape(link)}">Sign in</a></p>'
        f"<p>Or enter this code: <strong>{made.code}</strong></p>"
        f"<p>Both work once, within {MINUTES} minutes. If you did not ask for this, ignore it.</p>"
    )
    return Letter(SENDER, f"Your sign-in code: {made.code}", text, html)


def _button(request: Request, token: str) -> Response:
    links, store = _links(request), _store(request)
    with store.reading() as connection:
        link = links.find(connection, token)
        contact = _contact_of(connection, link)
    if link is None or contact is None:
        return sign_in_page("auth/refused.html", {"message": UNUSABLE, "said": None}, 410)
    context = {"token": token, "email": contact["email"]}
    return sign_in_page("auth/verify.html", context, leads_to=(origin_of(link.redirect),))


def _contact_of(connection: Connection, link: Link | None) -> Contact | None:
    """The link's contact, if they may still enter."""
    if link is None:
        return None
    contact = find_record(connection, CONTACTS, EVERYTHING, link.contact_id)
    return contact if contact is not None and _may_use_mail(contact) else None


def _redirect_answer(link: Link) -> Response:
    return JSONResponse({"ok": True, "redirect_url": link.redirect})


def _asked_page(email: str) -> Response:
    return sign_in_page("auth/check_mail.html", {"email": email, "minutes": MINUTES})


def _links(request: Request) -> Links:
    return Links(_store(request), session_secret(request.app.state.config))


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store
