"""Changing what one may change about oneself, from the account page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.gate import access_of
from portal.domain.profile import THEMES, read_profile
from portal.env import env_of
from portal.errors import BadInput
from portal.pages.account import account_page
from portal.submitted import submitted
from portal.templating import forget_theme, remember_theme

SAVED = "/account?saved=1"
SAVED_FOR_LATER = "/account?saved=later"


async def change_profile(request: Request) -> Response:
    """POST /account: name, title, phone, time zone, language. What is wrong is shown again.

    While SM API cannot be asked, the change is kept and shows once it can.
    """
    access = access_of(request)
    fields = await submitted(request)
    try:
        is_there = await access.change_self(read_profile(fields), env_of(request).outbox)
    except BadInput as error:
        return await account_page(request, typed=fields, error=error)
    return RedirectResponse(SAVED if is_there else SAVED_FOR_LATER, status_code=303)


async def choose_theme(request: Request) -> Response:
    """POST /account/theme `{theme}`: this browser's colours, where scripts do not run."""
    theme = (await submitted(request)).get("theme", "")
    response = RedirectResponse("/account", status_code=303)
    if theme == "auto" or theme not in THEMES:
        forget_theme(response)
    else:
        remember_theme(response, theme)
    return response
