"""The pages of sign-in: the sandbox's look, and a policy that lets forms lead to portals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from portal.sandbox.pages import page

_SHEET: Final = Path(__file__).parent.parent / "templates" / "auth" / "sign-in.css"
POLICY: Final = "Content-Security-Policy"
FORMS: Final = "form-action 'self'"


def sign_in_page(
    name: str, context: Mapping[str, Any], status: int = 200, *, leads_to: Iterable[str] = ()
) -> Response:
    """The template `name`. Its forms may end, by redirect, at the origins `leads_to`.

    Browsers hold `form-action` against the redirects that follow a form, too.
    """
    response = page(name, context, status)
    policy = response.headers[POLICY]
    response.headers[POLICY] = policy.replace(FORMS, " ".join((FORMS, *leads_to)))
    return response


async def css(_request: Request) -> Response:
    """The style sheet that these pages add."""
    headers = {"Cache-Control": "no-cache"}
    return Response(_SHEET.read_text("utf-8"), media_type="text/css", headers=headers)
