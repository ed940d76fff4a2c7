"""Ending the mails from the mail itself, signed in or not: a button, and RFC 8058's one click.

A mail's link carries a token that is good for this alone: it is signed under a salt of its own and
names the contact. It never expires, because mails are kept; it does as long as the secret that
signed it is among those that count.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import structlog
from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from portal.env import env_of
from portal.errors import BadInput, UnsubscribeRefused
from portal.notices.choices import Choices
from portal.settings import Settings
from portal.submitted import submitted
from portal.templating import render
from portal.words import msgid

PATH: Final = "/notices/unsubscribe"
SALT: Final = "portal.notices-unsubscribe"
FIELD: Final = "List-Unsubscribe"
ONE_CLICK: Final = "One-Click"

log = structlog.get_logger(__name__)


def unsubscribe_link(settings: Settings, contact_id: str) -> str:
    """The address by which this contact ends the mails."""
    token = str(_serializer(settings).dumps(contact_id))
    return f"{settings.portal_origin}{PATH}?{urlencode({'token': token})}"


def unsubscribe_headers(settings: Settings, contact_id: str) -> dict[str, str]:
    """What mail programs make their own button of (RFC 2369, RFC 8058)."""
    by_mail = f"mailto:{settings.support_email}?subject=unsubscribe"
    return {
        "List-Unsubscribe": f"<{unsubscribe_link(settings, contact_id)}>, <{by_mail}>",
        "List-Unsubscribe-Post": f"{FIELD}={ONE_CLICK}",
    }


def contact_of(settings: Settings, token: str) -> str:
    """Whose token it is. Raises UnsubscribeRefused for one that we did not make for this."""
    try:
        contact_id = _serializer(settings).loads(token)
    except BadData as error:
        raise UnsubscribeRefused from error
    assert isinstance(contact_id, str)
    return contact_id


async def ask_to_unsubscribe(request: Request) -> Response:
    """GET /notices/unsubscribe?token=: a button. Looking at it changes nothing.

    Raises UnsubscribeRefused.
    """
    token = request.query_params.get("token", "")
    contact_of(env_of(request).settings, token)
    return render(request, "notices/unsubscribe.html", {"token": token, "is_done": False})


async def unsubscribe(request: Request) -> Response:
    """POST /notices/unsubscribe?token= `List-Unsubscribe=One-Click`: no more mails, at once.

    From our own button and from mail providers, which send no cookie and follow no redirect. Done
    again it answers the same. Raises UnsubscribeRefused, and BadInput for another body.
    """
    env = env_of(request)
    contact_id = contact_of(env.settings, request.query_params.get("token", ""))
    if (await submitted(request)).get(FIELD) != ONE_CLICK:
        raise BadInput(msgid("Press the button on the page to stop these mails."), field=FIELD)
    await Choices(env.state).forget(contact_id)
    log.info("notices_stopped", contact_id=contact_id)
    return render(request, "notices/unsubscribe.html", {"token": "", "is_done": True})


def _serializer(settings: Settings) -> URLSafeSerializer:
    # itsdangerous signs with the last key and accepts them all; our first is the one that signs.
    return URLSafeSerializer(list(reversed(settings.session_secrets)), salt=SALT)
