"""Unsafe requests come from our own pages, or are not carried out."""

from __future__ import annotations

import httpx2 as httpx
import pytest
from starlette.responses import PlainTextResponse

from portal.auth.csrf import CsrfCheck, comes_from_here, comes_from_platform
from portal.errors import CrossSite

ORIGIN = "https://mode.example"

HERE = [
    {},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
    {"origin": ORIGIN},
    # A page with `Referrer-Policy: no-referrer` sends a null origin with its own form.
    {"sec-fetch-site": "same-origin", "origin": "null"},
]
ELSEWHERE = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": ""},
    {"sec-fetch-site": "Same-Origin"},
    {"sec-fetch-site": "same-origin, cross-site"},
    {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "https://evil.example"},
    {"origin": "http://mode.example"},
    {"origin": "https://mode.example:8443"},
    {"origin": "https://mode.example.evil.example"},
    {"origin": "https://signal.example"},
    {"origin": f"{ORIGIN}/"},
]


@pytest.mark.parametrize("headers", HERE, ids=str)
def test_a_request_from_here_is_known(headers: dict[str, str]) -> None:
    assert comes_from_here(headers, ORIGIN)


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_a_request_from_elsewhere_is_known(headers: dict[str, str]) -> None:
    assert not comes_from_here(headers, ORIGIN)


@pytest.mark.parametrize(
    ("site", "is_ours"),
    [
        ("same-origin", True),
        ("same-site", True),
        ("none", True),
        ("cross-site", False),
        ("", False),
    ],
)
def test_a_sign_out_link_works_on_the_platform_and_nowhere_else(site: str, is_ours: bool) -> None:
    assert comes_from_platform({"sec-fetch-site": site}) is is_ours
    assert comes_from_platform({})


async def ask(method: str, headers: dict[str, str]) -> httpx.Response:
    app = CsrfCheck(PlainTextResponse("done"), origin=ORIGIN)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN) as client:
        return await client.request(method, "/", headers=headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_an_unsafe_request_from_elsewhere_is_not_carried_out(method: str) -> None:
    for headers in ELSEWHERE:
        with pytest.raises(CrossSite):
            await ask(method, headers)
    for headers in HERE:
        assert (await ask(method, headers)).text == "done"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_safe_request_may_come_from_anywhere(method: str) -> None:
    for headers in ELSEWHERE:
        assert (await ask(method, headers)).status_code == 200
