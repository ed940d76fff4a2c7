"""A page is drawn again only when something that it was made from has changed.

Drawing one costs a hundred times what it costs to find out that nothing has changed. A kept page is
shown again only to the same viewer at the same address, within the same minute (pages say "3
minutes ago"), when each of its readings is as fresh as for a page made anew, and the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_in
from portal.conditional import tag_of
from portal.crm.access import ClientAccess
from portal.env import env_of
from portal.kept_pages import KeptPage
from portal.templating import theme_of

Page = Callable[[Request], Awaitable[Response]]
Besides = Callable[[Request], Awaitable[Hashable]]

SECONDS: Final = 60


def kept(page: Page, besides: Besides | None = None) -> Page:
    """The page, kept. `besides` gives what else decides it, where something does.

    Of the request it may read the address and the theme, of everything else only what its access
    reads. What is told once, staff previews, last good data and what lacks a part are never kept.
    """

    async def answer(request: Request) -> Response:
        access = _access_for_keeping(request)
        if access is None:
            return await page(request)
        pages = env_of(request).pages
        key = (
            request.url.path,
            request.url.query,
            access.viewer,
            theme_of(request),
            int(access.now().timestamp()) // SECONDS,
            await besides(request) if besides else None,
        )
        found = pages.get(key)
        if found is not None and await access.still_stand(found.needs):
            return _again(found)
        drawn = await page(request)
        if drawn.status_code == 200 and access.is_of_now:
            body = bytes(drawn.body)
            drawn.headers["ETag"] = tag_of(body)
            pages.keep(key, KeptPage(body, tuple(drawn.raw_headers), access.needs))
        return drawn

    return answer


def _access_for_keeping(request: Request) -> ClientAccess | None:
    state = request.state
    is_told_once = getattr(state, "standing_change", None) is not None
    if state.preview is not None or state.is_unconfirmed or is_told_once:
        return None
    return access_in(request)


def _again(page: KeptPage) -> Response:
    answer = Response()
    answer.body = page.body
    answer.raw_headers = list(page.headers)
    return answer
