"""The sign-in pages: ask for a link, open it, press its button, or type its code."""

from __future__ import annotations

from typing import Final

import anyio
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.auth.browser import describe_browser
from portal.auth.choice import offer_companies
from portal.auth.client_address import client_address
from portal.auth.magic_link import look_at, send_link, use_code, use_token
from portal.auth.prelogin import new_prelogin, read_prelogin, renewed, set_prelogin
from portal.auth.redirects import local_path
from portal.auth.refusals import Refusal, record_refusal
from portal.auth.sign_in import Method, Subject, hand_over, start_session
from portal.auth.who import signed_in
from portal.crm.magic_sessions import Redeemed
from portal.domain.address import masked, parse_address
from portal.env import Env, env_of
from portal.errors import (
    AccessRemoved,
    BadInput,
    LinkRefusal,
    LinkRefused,
    PortalError,
)
from portal.submitted import submitted, wants_json
from portal.templating import render, say
from portal.words import msgid

PATIENCE: Final = 2.0
"""Seconds that SM API has to show that it is up; a slow one is not down."""

REFUSAL_WORDS: Final[dict[LinkRefusal, tuple[str, str]]] = {
    "expired": (
        msgid("This link has expired"),
        msgid("Links work for 10 minutes. Ask for a new one."),
    ),
    "redeemed": (
        msgid("This link was used already"),
        msgid("Each link signs in once. Ask for a new one."),
    ),
    "superseded": (
        msgid("There is a newer link"),
        msgid("A newer mail replaced this one. Use the latest, or ask for another."),
    ),
    "exhausted": (
        msgid("Too many wrong codes"),
        msgid("For your safety this mail no longer works."),
    ),
    "wrong_code": (
        msgid("That is not the code"),
        msgid("Compare it with the latest mail and try again."),
    ),
    "unknown": (
        msgid("This link cannot be used"),
        msgid("It may have been cut short on the way, or replaced. Ask for a new one."),
    ),
}

WRONG_CODE: Final = msgid("That is not the code. Compare it with the latest mail and try again.")

log = structlog.get_logger(__name__)


async def login_page(request: Request) -> Response:
    """GET /auth/login: the form; whoever is signed in already goes on to where they wanted.

    `email` fills the address in: invitations lead here with it.
    """
    env = env_of(request)
    redirect = local_path(request.query_params.get("redirect"))
    try:
        await signed_in(env, request)
    except PortalError:
        return _login_form(request, redirect, email=request.query_params.get("email", ""))
    return RedirectResponse(redirect, status_code=303)


async def request_link(request: Request) -> Response:
    """POST /auth/magic `{email, redirect}`: the same answer for every address.

    Only whether STATE and SM API are up is found out before answering (503 when not): that is the
    same for everyone. Who the address belongs to is looked up after the answer has left, and that
    may take as long as a slow SM API needs.
    """
    env = env_of(request)
    fields = await submitted(request)
    redirect = local_path(fields.get("redirect"))
    try:
        email = parse_address(fields.get("email", ""))
    except BadInput as error:
        if wants_json(request):
            raise
        return _login_form(
            request, redirect, email=fields.get("email", ""), error=say(request, error)
        )
    await env.ask_limits.check()
    with anyio.move_on_after(PATIENCE):
        await env.sm.check()
    held = read_prelogin(request, env)
    # A second mail must not make the code of the first useless in the browser that waits for it.
    prelogin = (
        renewed(held, redirect) if held and held.email == email else new_prelogin(email, redirect)
    )
    browser = describe_browser(request.headers.get("user-agent"))
    env.ctx.wait_until(send_link(env, prelogin, browser, _client(request)))
    response: Response = (
        JSONResponse({"ok": True})
        if wants_json(request)
        else RedirectResponse("/auth/check-mail", status_code=303)
    )
    set_prelogin(response, prelogin, env)
    return response


async def check_mail(request: Request) -> Response:
    """GET /auth/check-mail: says where to look, and takes the code."""
    prelogin = read_prelogin(request, env_of(request))
    if prelogin is None:
        return RedirectResponse("/auth/login", status_code=303)
    return _code_form(request, prelogin.email, prelogin.redirect)


async def open_link(request: Request) -> Response:
    """GET /auth/magic/verify?token=: a button. Looking at it uses nothing up."""
    return await _confirm_page(request, request.query_params.get("token", ""))


async def press_button(request: Request) -> Response:
    """POST /auth/magic/verify `{token, confirm?}`: signs in.

    In a browser other than the one that asked, the page has named the account and `confirm` says
    that the person agreed to it.
    """
    env = env_of(request)
    fields = await submitted(request)
    token = fields.get("token", "")
    prelogin = read_prelogin(request, env)
    try:
        link = await look_at(env, token)
        same_browser = prelogin is not None and prelogin.browser_hash == link.browser_hash
        if not same_browser and fields.get("confirm") != "1":
            return await _confirm_page(request, token)
        # Nothing is used up that could not be followed by a session.
        await env.ask_limits.check()
        redeemed = await use_token(env, token)
    except LinkRefused as refusal:
        return await _refused(request, refusal)
    return await _enter(env, request, redeemed, "magic_link")


async def enter_code(request: Request) -> Response:
    """POST /auth/verify-code `{email, code}`: the mail's six digits, in the browser that asked."""
    env = env_of(request)
    fields = await submitted(request)
    prelogin = read_prelogin(request, env)
    await env.ask_limits.check()
    try:
        redeemed = await use_code(env, prelogin, fields.get("code", ""))
    except LinkRefused as refusal:
        if refusal.reason == "wrong_code" and prelogin is not None and not wants_json(request):
            await record_refusal(env, Refusal("code", refusal.reason, _client(request)))
            return _code_form(
                request,
                prelogin.email,
                prelogin.redirect,
                env.templates.say(request, WRONG_CODE),
                status_code=403,
            )
        return await _refused(request, refusal, "code")
    return await _enter(env, request, redeemed, "code")


async def _enter(env: Env, request: Request, redeemed: Redeemed, method: Method) -> Response:
    """Sign in whoever the link was for, if the CRM still lets them in."""
    allowed = await env.contacts.allowed_with_address(redeemed.email)
    if not allowed:
        known = await env.contacts.with_address(redeemed.email)
        contact = known[0] if known else None
        await record_refusal(env, Refusal(method, "no_access", _client(request), contact))
        raise AccessRemoved
    redirect = local_path(redeemed.redirect)
    if len(allowed) > 1:
        return offer_companies(request, env, allowed, redirect, method)
    token = await start_session(env, request, Subject.of(allowed[0]), method)
    response: Response = (
        JSONResponse({"ok": True, "redirect_url": redirect})
        if wants_json(request)
        else RedirectResponse(redirect, status_code=303)
    )
    return hand_over(response, token, env)


async def _confirm_page(request: Request, token: str) -> Response:
    env = env_of(request)
    try:
        link = await look_at(env, token)
    except LinkRefused as refusal:
        return await _refused(request, refusal)
    prelogin = read_prelogin(request, env)
    return render(
        request,
        "auth/verify.html",
        {
            "token": token,
            "masked_email": masked(link.email),
            "same_browser": prelogin is not None and prelogin.browser_hash == link.browser_hash,
            "redirect": local_path(link.redirect),
        },
    )


async def _refused(
    request: Request, refusal: LinkRefused, method: Method = "magic_link"
) -> Response:
    heading, message = REFUSAL_WORDS[refusal.reason]
    await record_refusal(env_of(request), Refusal(method, refusal.reason, _client(request)))
    if wants_json(request):
        return JSONResponse(
            {"ok": False, "error": f"{heading}. {message}", "reason": refusal.reason},
            status_code=refusal.status,
        )
    return render(
        request,
        "auth/link_refused.html",
        {"heading": heading, "message": message},
        status_code=refusal.status,
    )


def _client(request: Request) -> str:
    return client_address(request, env_of(request).settings.trusted_proxies)


def _login_form(
    request: Request, redirect: str, *, email: str = "", error: str | None = None
) -> Response:
    google = env_of(request).google is not None
    return render(
        request,
        "auth/login.html",
        {"redirect": redirect, "email": email[:254], "error": error, "google": google},
        status_code=422 if error else 200,
    )


def _code_form(
    request: Request, email: str, redirect: str, error: str | None = None, status_code: int = 200
) -> Response:
    return render(
        request,
        "auth/check_mail.html",
        {"email": email, "redirect": redirect, "error": error},
        status_code=status_code,
    )
