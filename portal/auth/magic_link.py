"""Magic links: made for contacts that may enter, mailed to the address in the CRM, used once."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import structlog

from portal.auth.prelogin import Prelogin
from portal.auth.refusals import Refusal, record_refusal
from portal.crm.contacts import viewer_of_contact
from portal.crm.magic_sessions import MagicSession, NewMagicSession, Redeemed
from portal.crm.magic_sessions_kv import KvMagicSessions
from portal.crm.models import Contact
from portal.env import Env
from portal.errors import LinkRefusal, LinkRefused, SMApiError
from portal.mail import Letter, MailFailed
from portal.words import msgid

LIFETIME: Final = 600
"""Seconds that a link and its code can be used."""

SUBJECT: Final = msgid("Sign in to %(portal)s")
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
CODE: Final = re.compile(r"[0-9]{6}")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Secrets:
    """What the mail carries and nothing else keeps: a 256-bit token and six digits."""

    token: str
    code: str


def new_secrets() -> Secrets:
    """Fresh ones, from the system's random source."""
    return Secrets(secrets.token_urlsafe(32), f"{secrets.randbelow(1_000_000):06d}")


def token_hash(token: str) -> str:
    """The form in which a token is stored: SHA-256, lower-case hex.

    Raises LinkRefused("unknown") for what cannot be one of our tokens, before anyone is asked.
    """
    if not TOKEN.fullmatch(token):
        raise LinkRefused("unknown")
    return hashlib.sha256(token.encode("ascii")).hexdigest()


async def send_link(env: Env, prelogin: Prelogin, browser: str, client: str) -> None:
    """Mail a link if the address belongs to someone who may enter; say nothing otherwise.

    Runs after the answer has left, so that neither its content nor its time tells who is known,
    nor whether `client` or the address has asked too often.
    """
    if not await env.ask_limits.allow(prelogin.email, client):
        await record_refusal(env, Refusal("magic_link", "too_many_requests", client))
        return
    try:
        found = await env.contacts.with_address(prelogin.email)
        allowed = [contact for contact in found if env.contacts.may_enter(contact)]
        if not allowed:
            cause = "no_access" if found else "unknown_address"
            known = found[0] if found else None
            await record_refusal(env, Refusal("magic_link", cause, client, known))
            await _keep_decoy(env, prelogin)
            return
        await _send_to(env, allowed[0], prelogin, browser)
    except (SMApiError, MailFailed) as error:
        log.warning("magic_link_not_sent", error=type(error).__name__, detail=str(error))


async def _keep_decoy(env: Env, prelogin: Prelogin) -> None:
    """A link that nobody was sent: wrong codes are answered by it as they are by a real one."""
    await KvMagicSessions(env.state, env.clock).create(
        NewMagicSession(
            contact_id="",
            email=hashlib.sha256(prelogin.email.casefold().encode()).hexdigest(),
            token_hash=token_hash(new_secrets().token),
            code_hash=token_hash(new_secrets().token),
            browser_hash=prelogin.browser_hash,
            redirect="/",
            expires_in=LIFETIME,
        )
    )


async def _send_to(env: Env, contact: Contact, prelogin: Prelogin, browser: str) -> None:
    made = new_secrets()
    address = contact.email or ""
    await env.magic.create(
        NewMagicSession(
            contact_id=contact.id,
            email=address,
            token_hash=token_hash(made.token),
            code_hash=prelogin.code_hash(made.code),
            browser_hash=prelogin.browser_hash,
            redirect=prelogin.redirect,
            expires_in=LIFETIME,
        )
    )
    settings = env.settings
    reader = viewer_of_contact(
        contact,
        settings.product,
        time_zone=settings.default_timezone,
        locale=settings.default_locale,
    )
    context = {
        "name": (contact.full_name or "").strip() or address,
        "portal_name": env.settings.portal_name,
        "link": f"{env.settings.portal_origin}/auth/magic/verify?"
        + urlencode({"token": made.token}),
        "code": made.code,
        "minutes": LIFETIME // 60,
        "asked_from": browser,
        "asked_at": env.clock(),
    }
    await env.mailer.send(
        Letter(
            to=address,
            subject=env.templates.say_to(reader, SUBJECT, {"portal": settings.portal_name}),
            text=env.templates.mail("mail/sign_in.txt", context, reader),
            html=env.templates.mail("mail/sign_in.html", context, reader),
        )
    )
    log.info("magic_link_sent", contact_id=contact.id)


async def look_at(env: Env, token: str) -> MagicSession:
    """The live link behind a token, not used up by looking. Raises LinkRefused."""
    found = await env.magic.find(token_hash(token))
    if found is None:
        raise LinkRefused("unknown")
    if found.status != "live":
        raise LinkRefused(_refusal(found.status))
    return found


async def use_token(env: Env, token: str) -> Redeemed:
    """Use a link up. Of any number of simultaneous calls one succeeds. Raises LinkRefused."""
    return await env.magic.redeem_token(token_hash(token))


async def use_code(env: Env, prelogin: Prelogin | None, code: str) -> Redeemed:
    """Use up this browser's link by the mail's six digits. Raises LinkRefused."""
    if prelogin is None:
        raise LinkRefused("unknown")
    digits = re.sub(r"[\s-]", "", code)
    if not CODE.fullmatch(digits):
        raise LinkRefused("wrong_code")
    proof = prelogin.browser_hash, prelogin.code_hash(digits)
    try:
        return await env.magic.redeem_code(*proof)
    except LinkRefused as refusal:
        if refusal.reason != "unknown":
            raise
    return await KvMagicSessions(env.state, env.clock).redeem_code(*proof)


def _refusal(status: str) -> LinkRefusal:
    match status:
        case "expired" | "redeemed" | "superseded" | "exhausted":
            return status
        case _:
            return "unknown"
