"""The one error page and the one error envelope."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from portal.asgi import build_env
from portal.error_page import ErrorPages, error_response, from_http
from portal.errors import (
    AccessRemoved,
    BadInput,
    FieldNotAllowed,
    NotFound,
    PortalError,
    ProductMissing,
    RoleNotAllowed,
    SignInNeeded,
    SMApiFault,
    SMApiRejected,
)
from tests.crm.upstream import always, ok
from tests.stage import Post, TestClock, settings_for

DETAIL = "answered 500: table contacts_v2"


class Failing:
    """An app whose pages raise `error`; `/half` does after it has begun to answer."""

    def __init__(self) -> None:
        self.error: Exception = NotFound()
        self.signed_in_as: str | None = None

    async def page(self, request: Request) -> Response:
        request.state.request_id = "request-1"
        if self.signed_in_as:
            request.state.signed_in_as = self.signed_in_as
        raise self.error

    async def half(self, _request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"half"
            raise self.error

        return StreamingResponse(body())


class Site:
    """The failing app, and browsers to ask it with."""

    def __init__(self, failing: Failing, app: Starlette) -> None:
        self.failing = failing
        self._app = app

    async def ask(
        self, error: Exception, path: str = "/x", method: str = "GET", **headers: str
    ) -> httpx.Response:
        """What the error becomes."""
        self.failing.error = error
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x.example") as client:
            return await client.request(method, path, headers={"accept": "text/html", **sent})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    failing = Failing()
    env = build_env(
        settings_for(session_cookie_domain=".sprintmode.example"),
        TestClock(),
        sm=always(ok([])).client(),
        mailer=Post(),
    )

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return error_response(request, from_http(error))

    app = Starlette(
        routes=[
            Route("/half", failing.half),
            Route("/{path:path}", failing.page, methods=["GET", "POST"]),
        ],
        middleware=[Middleware(ErrorPages)],
        exception_handlers={HTTPException: refuse},
    )
    app.state.env, app.state.templates = env, env.templates
    yield Site(failing, app)
    await env.close()


ERRORS = [NotFound(), RoleNotAllowed(), BadInput("Too long.", field="title"), SMApiFault(DETAIL)]
ERRORS += [AccessRemoved(), ProductMissing(), PortalError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_an_error_is_a_page_for_a_person_with_its_status_and_words(
    site: Site, error: PortalError
) -> None:
    answer = await site.ask(error)
    assert answer.status_code == error.status
    assert answer.headers["content-type"].startswith("text/html")
    assert error.title in unescape(answer.text)
    assert error.message in unescape(answer.text)
    assert "request-1" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert DETAIL not in answer.text


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_it_is_an_envelope_for_a_program(site: Site, error: PortalError) -> None:
    for asking in ({"path": "/api/x"}, {"accept": "application/json"}):
        answer = await site.ask(error, **asking)
        assert answer.status_code == error.status
        body = answer.json()
        assert (body["ok"], body["error"]) == (False, error.message)
        assert set(body) <= {"ok", "error", "reason", "field"}
        assert DETAIL not in answer.text
        assert answer.headers["cache-control"] == "no-store"


async def test_an_envelope_says_which_field_and_that_access_is_missing(site: Site) -> None:
    async def envelope(error: PortalError) -> dict[str, Any]:
        body: dict[str, Any] = (await site.ask(error, "/api/x")).json()
        return body

    assert (await envelope(BadInput("No.", field="title")))["field"] == "title"
    assert (await envelope(FieldNotAllowed("portal_role")))["field"] == "portal_role"
    assert "field" not in await envelope(BadInput("No."))
    # sm-api §2: what the platform's browser code shows its "no access" screen for.
    assert (await envelope(AccessRemoved()))["reason"] == "not_authorized"
    assert (await envelope(ProductMissing()))["reason"] == "not_authorized"
    assert "reason" not in await envelope(RoleNotAllowed())
    assert "reason" not in await envelope(NotFound())


async def test_sm_api_being_away_says_when_to_come_back(site: Site) -> None:
    rejected = SMApiRejected(DETAIL, upstream_status=422, envelope={"error": DETAIL})
    for error in (SMApiFault(DETAIL), rejected):
        answer = await site.ask(error)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert DETAIL not in answer.text


async def test_without_a_session_a_person_is_sent_to_sign_in_and_back(site: Site) -> None:
    answer = await site.ask(SignInNeeded(), "/invoices/a%20b?year=2026&q=%26x")
    assert answer.status_code == 302
    expected = "/auth/login?redirect=%2Finvoices%2Fa%2520b%3Fyear%3D2026%26q%3D%2526x"
    assert answer.headers["location"] == expected
    assert answer.headers["cache-control"] == "no-store"
    assert (await site.ask(SignInNeeded(), "/")).headers["location"] == "/auth/login"


async def test_a_program_without_a_session_gets_a_401(site: Site) -> None:
    answer = await site.ask(SignInNeeded(), "/api/x")
    assert (answer.status_code, answer.json()["ok"]) == (401, False)
    assert "location" not in answer.headers


async def test_what_was_sent_is_not_sent_again_after_signing_in(site: Site) -> None:
    answer = await site.ask(SignInNeeded(), "/invoices", method="POST")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/login")


async def test_a_session_that_does_not_count_is_taken_away(site: Site) -> None:
    answer = await site.ask(SignInNeeded(), cookie="sm_client=x.y.z")
    cleared = answer.headers.get_list("set-cookie")
    for name in ("sm_client=", "sm_session_mode="):
        mine = [c for c in cleared if c.startswith(name)]
        assert all("Max-Age=0" in c for c in mine)
        assert {"Domain=.sprintmode.example" in c for c in mine} == {True, False}
    assert (await site.ask(SignInNeeded())).headers.get_list("set-cookie") == []


async def test_what_can_be_done_next_fits_the_error(site: Site) -> None:
    assert 'href="/auth/login"' in (await site.ask(NotFound())).text
    site.failing.signed_in_as = "jane@acme.com"
    missing = (await site.ask(NotFound())).text
    assert 'href="/"' in missing
    assert "Sign in again" not in missing
    removed = (await site.ask(AccessRemoved())).text
    assert "jane@acme.com" in removed
    assert 'action="/auth/logout"' in removed
    # Neither page would open for them, so neither is offered.
    assert "Go to the start page" not in removed


async def test_an_address_in_an_error_cannot_bring_markup(site: Site) -> None:
    site.failing.signed_in_as = "<script>alert(1)</script>@acme.com"
    text = (await site.ask(BadInput("<img src=x onerror=alert(1)>"))).text
    assert "<script>alert" not in text
    assert "<img src=x" not in text


async def test_what_nobody_foresaw_is_logged_whole_and_shown_as_nothing(site: Site) -> None:
    for path, kind in (("/x", "text/html"), ("/api/x", "application/json")):
        with capture_logs() as logs:
            answer = await site.ask(RuntimeError("secret-detail"), path)
        assert answer.status_code == 500
        assert answer.headers["content-type"].startswith(kind)
        assert "secret-detail" not in answer.text
        assert "Traceback" not in answer.text
        [line] = [entry for entry in logs if entry["event"] == "unforeseen_error"]
        assert (line["error"], line["log_level"]) == ("RuntimeError", "error")
        assert line["exc_info"]


async def test_what_was_foreseen_is_not_logged_as_a_fault(site: Site) -> None:
    with capture_logs() as logs:
        await site.ask(NotFound())
    assert logs == []


async def test_an_answer_that_has_begun_is_not_begun_again(site: Site) -> None:
    with pytest.raises(RuntimeError, match="too late"):
        await site.ask(RuntimeError("too late"), "/half")


async def test_a_wrong_method_is_told_which_are_right(site: Site) -> None:
    for path in ("/x", "/api/x"):
        answer = await site.ask(NotFound(), path, method="PATCH")
        assert answer.status_code == 405
        assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
        assert answer.headers["cache-control"] == "no-store"


async def test_starlettes_refusals_are_ours(site: Site) -> None:
    missing = await site.ask(HTTPException(404, "detail of starlette"))
    assert missing.status_code == 404
    assert NotFound.default_message in missing.text
    assert "detail of starlette" not in missing.text
    teapot = await site.ask(HTTPException(418, "Short and stout."), "/api/x")
    assert (teapot.status_code, json.loads(teapot.text)["error"]) == (418, "Short and stout.")


async def test_a_head_request_gets_the_status_without_the_page(site: Site) -> None:
    answer = await site.ask(NotFound(), method="HEAD")
    assert answer.status_code == 404
