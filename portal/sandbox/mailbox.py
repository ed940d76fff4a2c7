"""The mailbox: every mail that was sent, as JSON for tests and as pages for people."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.api import store_of
from portal.sandbox.envelope import Refusal, not_found
from portal.sandbox.mail import delete_letters, find_letter, list_letters
from portal.sandbox.pages import LIVE_POLICY, PAGE_HEADERS, page

LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: https: http:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For the mail's own HTML: styles and pictures, nothing that runs; its links open a new tab."""


def routes() -> list[BaseRoute]:
    """JSON list, page, one letter, its HTML part, and the button that empties it."""
    return [
        Route("/mailbox/messages", messages, methods=["GET", "DELETE"]),
        Route("/mailbox", mailbox, methods=["GET"]),
        Route("/mailbox/delete", delete_all, methods=["POST"]),
        Route("/mailbox/{id}", letter, methods=["GET"]),
        Route("/mailbox/{id}/html", letter_html, methods=["GET"]),
    ]


async def messages(request: Request) -> Response:
    """GET: the letters, newest first, to one address with `?to=`. DELETE: none any more."""
    store = store_of(request)
    if request.method == "DELETE":
        _check_same_site(request)
        delete_letters(store)
        return Response(status_code=204)
    found = list_letters(store, request.query_params.get("to"))
    return Response(msgspec.json.encode(found), media_type="application/json")


async def mailbox(request: Request) -> Response:
    """The list of letters, each with the links in it."""
    to = request.query_params.get("to", "").strip()
    letters = list_letters(store_of(request), to or None)
    shown = page("mailbox.html", {"letters": letters, "to": to})
    shown.headers["Content-Security-Policy"] = LIVE_POLICY
    return shown


async def letter(request: Request) -> Response:
    """One letter: its text with links, and its HTML in a sandboxed frame."""
    found = find_letter(store_of(request), request.path_params["id"])
    if found is None:
        raise not_found()
    return page("letter.html", {"letter": found})


async def letter_html(request: Request) -> Response:
    """The HTML part as it was sent, under a policy in which nothing runs."""
    found = find_letter(store_of(request), request.path_params["id"])
    if found is None:
        raise not_found()
    headers = {**PAGE_HEADERS, "Content-Security-Policy": LETTER_POLICY}
    # A link must leave the frame, where the portal refuses to be shown.
    return HTMLResponse(f'<base target="_blank">{found["html"]}', headers=headers)


async def delete_all(request: Request) -> Response:
    """The button."""
    _check_same_site(request)
    delete_letters(store_of(request))
    return RedirectResponse("/mailbox", 303)


def _check_same_site(request: Request) -> None:
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Refusal(403, "Only from the mailbox itself")
