"""A page is drawn again only when something that it was made from has changed.

Drawing one costs a hundred times what it costs to find out that nothing has changed. A kept page is
shown again only to the same viewer at the same address, before time alone changes a word of it
("3 minutes ago"), when each of its readings is as fresh as for a page made anew, and the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_in
from portal.conditional import tag_of
from portal.crm.access import ClientAccess
from portal.crm.reads import Need
from portal.domain.viewer import Viewer
from portal.env import Env, env_of
from portal.kept_pages import KeptPage, PageKey
from portal.templating import theme_of

Page = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Besides:
    """What decides a page beside its readings: entries of STATE, and what they say to it now.

    Both are given the page's path.
    """

    entries: Callable[[Viewer, str], tuple[str, ...]]
    said: Callable[[Env, Viewer, str], Awaitable[Hashable]]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a page rests on: its readings, its time, and what entries of STATE say to it.

    `key`: what it is kept under.
    """

    key: Hashable
    needs: tuple[Need, ...]
    until: datetime
    entries: tuple[str, ...]
    still_say: Callable[[Env], Awaitable[bool]]


def each_of(*besides: Besides) -> Besides:
    """What decides a page that all of these do."""

    def entries(viewer: Viewer, path: str) -> tuple[str, ...]:
        return tuple(entry for one in besides for entry in one.entries(viewer, path))

    async def said(env: Env, viewer: Viewer, path: str) -> Hashable:
        return tuple([await one.said(env, viewer, path) for one in besides])

    return Besides(entries, said)


NOTHING: Final = each_of()


def kept(page: Page, besides: Besides = NOTHING) -> Page:
    """The page, kept. `besides` gives what else decides it, where something does.

    Of the request it may read the address and the theme, of everything else only what its access
    reads. What is told once, staff previews, last good data and what lacks a part are never kept.
    """

    async def answer(request: Request) -> Response:
        access = _access_for_keeping(request)
        if access is None:
            return await page(request)
        env, viewer, path = env_of(request), access.viewer, request.scope["path"]
        said = await besides.said(env, viewer, path)
        key = PageKey(path, request.scope["query_string"], viewer, theme_of(request), said)

        def rests_on(needs: tuple[Need, ...], until: datetime) -> Grounds:
            still_say = partial(_still_say, besides, viewer, path, said)
            return Grounds(key, needs, until, besides.entries(viewer, path), still_say)

        found = env.pages.get(key, env.clock())
        if found is not None and await access.still_stand(found.needs):
            request.state.grounds = rests_on(found.needs, found.until)
            return _again(found)
        drawn = await page(request)
        if drawn.status_code == 200 and access.is_of_now:
            body = bytes(drawn.body)
            drawn.headers["ETag"] = tag_of(body)
            headers, until = tuple(drawn.raw_headers), access.until.moment
            found = env.pages.keep(key, KeptPage(body, headers, access.needs, until))
            request.state.grounds = rests_on(found.needs, until)
        return drawn

    return answer


async def _still_say(
    besides: Besides, viewer: Viewer, path: str, before: Hashable, env: Env
) -> bool:
    return await besides.said(env, viewer, path) == before


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
