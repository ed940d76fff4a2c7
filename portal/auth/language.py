"""POST /auth/language: the language of the pages that nobody is signed in to."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.redirects import local_path
from portal.env import env_of
from portal.errors import BadInput
from portal.language import remember_language
from portal.submitted import submitted
from portal.words import msgid

VERIFY: Final = "/verify"


async def choose_language(request: Request) -> Response:
    """`{language, next, page}`: back to the sign-in page, or to the one for invoices.

    Raises BadInput for a language that there is not.
    """
    fields = await submitted(request)
    language = fields.get("language", "")
    if language not in env_of(request).templates.words.languages:
        raise BadInput(msgid("Please choose a language from the list."), field="language")
    redirect = quote(local_path(fields.get("next")), safe="")
    on_verify = fields.get("page") == VERIFY
    target = VERIFY if on_verify else f"/auth/login?redirect={redirect}"
    response = RedirectResponse(target, status_code=303)
    remember_language(response, language)
    return response
