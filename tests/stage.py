"""A portal and its sandbox in one process, on one clock: what most tests play on.

async with stage() as on:
    browser = on.browser()
    await on.sign_in(browser, "jane@acme.com")
    page = await browser.get("/invoices")
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from portal.app import create_app
from portal.asgi import build_env
from portal.crm.breaker import Breaker
from portal.crm.client import SMApi
from portal.env import Env
from portal.errors import StateUnavailable
from portal.mail import Letter, MailFailed
from portal.metrics import Metrics
from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.store import Store
from portal.server_timing import timing_calls
from portal.settings import Settings, load_settings
from portal.templating import Templates, build_templates
from portal.tracing import Tracing, no_span
from tests.redis import new_kv, new_queue
from tests.stores import lent_store

ORIGIN: Final = "http://127.0.0.1:8787"
SM_API: Final = "http://127.0.0.1:8788"
SECRET: Final = "a-secret-of-the-tests-that-is-long-enough-to-sign-with"
PROJECT: Final = Path(__file__).parent.parent
VARIABLES: Final = {
    "SESSION_SECRET": SECRET,
    "SM_API_CLIENT_ID": "portal-of-the-tests.access",
    "SM_API_CLIENT_SECRET": "service-token-secret-of-the-tests",
    "SM_API_KEY": "sm-key-of-the-tests",
    "GOOGLE_CLIENT_ID": "google-client-of-the-tests",
    "GOOGLE_CLIENT_SECRET": "google-secret-of-the-tests",
}
FETCH: Final = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
ENGINE: Final = os.environ.get("TEST_ENGINE", "sqlite")
"""What STATE and ACTIVITIES are on where a test does not say."""

LINK: Final = re.compile(r"http://[^\s\"<>]+/auth/magic/verify\?token=([A-Za-z0-9_-]+)")
CODE: Final = re.compile(r"^(\d{6})$", re.MULTILINE)
COMPILED: Final[dict[tuple[str, ...], Templates]] = {}
SHORTEST_SECRET: Final = 20
SECRETS_USED: Final[set[str]] = set()
"""Every token, code and cookie that a test has had; none may be in the log of that test."""


@dataclass
class TestClock:
    """A clock that moves when told to."""

    __test__ = False
    now: datetime = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        """Let time pass: `forward(minutes=11)`."""
        self.now += timedelta(**amount)


@dataclass
class Post:
    """A mail server that keeps what it is given."""

    letters: list[Letter] = field(default_factory=list)
    is_down: bool = False

    async def send(self, letter: Letter) -> None:
        """Keep the letter, or fail as a server does that is away."""
        if self.is_down:
            raise MailFailed("the tests took the mail server away")
        self.letters.append(letter)

    async def check(self) -> str:
        """Always there."""
        return "the tests"


class Wire(httpx.AsyncBaseTransport):
    """A connection from the portal to elsewhere. `fault` answers in its place; calls are kept."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app=app)
        self.fault: Callable[[httpx.Request], httpx.Response | None] | None = None
        self.calls: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on, unless a fault answers it."""
        self.calls.append(request)
        answer = self.fault(request) if self.fault else None
        return answer or await self._inner.handle_async_request(request)


async def no_sleep(_seconds: float) -> None:
    """Retries of the tests do not wait."""


@dataclass
class Stage:
    """Everything a test may look at or turn."""

    settings: Settings
    clock: TestClock
    store: Store
    env: Env
    post: Post
    wire: Wire
    google_wire: Wire
    app: Any
    sandbox: httpx.AsyncClient
    _stack: AsyncExitStack

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """A fresh browser: keeps cookies, follows no redirects, asks as one of our pages would."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),
            base_url=self.settings.portal_origin,
            headers={**FETCH, "Accept": "text/html", **headers},
            follow_redirects=False,
            event_hooks={"response": [_note_cookies]},
        )
        self._stack.push_async_callback(client.aclose)
        return client

    async def ask_for_link(
        self, browser: httpx.AsyncClient, email: str, redirect: str = "/"
    ) -> None:
        """Type an address on the sign-in page; returns once the mail is sent, if one is."""
        answer = await browser.post("/auth/magic", data={"email": email, "redirect": redirect})
        assert answer.status_code == 303, answer.text
        await self.settle()

    async def settle(self) -> None:
        """Let everything finish that goes on after an answer has left."""
        await self.env.ctx.drain(5)

    def last_token(self) -> str:
        """The token of the latest mail's link."""
        return _in_mail(LINK, self.post.letters[-1])

    def last_code(self) -> str:
        """The six digits of the latest mail."""
        return _in_mail(CODE, self.post.letters[-1])

    async def sign_in(self, browser: httpx.AsyncClient, email: str) -> httpx.Response:
        """The whole way in by magic link; returns the answer to the button."""
        await self.ask_for_link(browser, email)
        return await browser.post("/auth/magic/verify", data={"token": self.last_token()})

    async def signed_in(self, email: str) -> httpx.AsyncClient:
        """A browser in which this person is signed in."""
        # Past the limit of one mail a minute for an address.
        self.clock.forward(minutes=1)
        browser = self.browser()
        answer = await self.sign_in(browser, email)
        assert answer.status_code == 303, answer.text
        return browser

    async def at_google(self, start: httpx.Response, email: str) -> str:
        """Choose an account at the stand-in that `start` sent us to; where it sends us back to."""
        chosen = await self.sandbox.post(start.headers["location"], data={"email": email})
        assert chosen.status_code == 303, chosen.text
        return chosen.headers["location"]

    async def sign_in_with_google(
        self, browser: httpx.AsyncClient, email: str, redirect: str = "/"
    ) -> httpx.Response:
        """The whole way in by Google; returns the callback's answer."""
        start = await browser.get("/auth/sso/google", params={"redirect": redirect})
        assert start.status_code == 302, start.text
        return await browser.get(await self.at_google(start, email))

    async def misbehave(self, mode: str, **more: Any) -> None:
        """Tell the Google stand-in to be wrong in one way from now on."""
        answer = await self.sandbox.post("/google/misbehave", json={"mode": mode, **more})
        assert answer.status_code == 200, answer.text

    async def activities(self, activity_type: str) -> list[dict[str, Any]]:
        """What the CRM holds of one type once the outbox is empty, newest first."""
        while await self.env.outbox.deliver_due():
            pass
        answer = await self.sandbox.get("/api/activities", params={"type": activity_type})
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def patch(self, path: str, **values: Any) -> None:
        """Change a record in the CRM, as staff would."""
        answer = await self.sandbox.patch(path, json=values)
        assert answer.status_code == 200, answer.text


def _in_mail(pattern: re.Pattern[str], letter: Letter) -> str:
    found = pattern.search(letter.text)
    assert found, letter.text
    SECRETS_USED.add(found[1])
    return found[1]


def _templates(settings: Settings) -> Templates:
    """The pages, compiled once for each brand: they keep nothing of whom they are shown to."""
    brand = (settings.portal_name, settings.product, settings.portal_origin)
    own = (settings.accent or "", *(f"{name} {href}" for name, href in settings.links))
    key = (*brand, settings.support_email, settings.environment, *own)
    if key not in COMPILED:
        COMPILED[key] = build_templates(settings)
    return COMPILED[key]


async def _note_cookies(response: httpx.Response) -> None:
    for cookie in response.headers.get_list("set-cookie"):
        name, _, value = cookie.partition(";")[0].partition("=")
        if len(value) > SHORTEST_SECRET and name != "portal_standing":
            SECRETS_USED.add(value)


@cache
def _settings() -> Settings:
    _, settings = load_settings(PROJECT / "wrangler-like.toml", None, VARIABLES, dev_vars=False)
    return settings


def settings_for(**changes: Any) -> Settings:
    """The repository's local settings with the tests' secrets; `changes` name settings."""
    return replace(
        _settings(),
        state_url="sqlite::memory:",
        activities_url="sqlite::memory:",
        **{"read_freshness": 0.0, **changes},
    )


@asynccontextmanager
async def stage(
    engine: str = ENGINE, tracing: Tracing | None = None, **changes: Any
) -> AsyncIterator[Stage]:
    """A fresh portal and a strict sandbox with the demo data. `changes` name settings.

    `engine` of STATE and ACTIVITIES: `sqlite` or `redis`.
    """
    settings, clock = settings_for(**changes), TestClock()

    def seconds() -> float:
        return clock().timestamp()

    config = SandboxConfig(
        client_id=VARIABLES["SM_API_CLIENT_ID"],
        client_secret=VARIABLES["SM_API_CLIENT_SECRET"],
        api_key=VARIABLES["SM_API_KEY"],
        origin=SM_API,
        portal_origin=ORIGIN,
        smtp_address="127.0.0.1:8725",
        strict_platform=True,
        session_secret=SECRET,
        google_client_id=VARIABLES["GOOGLE_CLIENT_ID"],
        google_client_secret=VARIABLES["GOOGLE_CLIENT_SECRET"],
    )
    stack = AsyncExitStack()
    store = stack.enter_context(lent_store(clock, demo=True))
    sandbox = create_sandbox(config, store, clock)
    wire, google_wire, post = Wire(sandbox), Wire(sandbox), Post()
    metrics = Metrics()
    sm = SMApi(
        settings.sm_api_url,
        client_id=settings.sm_api_client_id,
        client_secret=settings.sm_api_client_secret,
        product=settings.product,
        transport=wire,
        sleep=no_sleep,
        observe=timing_calls(metrics.sm_api_call),
        breaker=Breaker(lambda: clock().timestamp(), observe=metrics.breaker_state),
        span=no_span if tracing is None else tracing.call,
    )
    env = build_env(
        settings,
        clock,
        sm=sm,
        mailer=post,
        google_transport=google_wire,
        templates=_templates(settings),
        metrics=metrics,
        tracing=tracing,
        state=new_kv(engine, seconds, StateUnavailable),
        queue=new_queue(engine, seconds, StateUnavailable),
    )
    async with stack:
        stack.push_async_callback(env.close)
        direct = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=sandbox),
                base_url=SM_API,
                headers={"X-SM-Key": VARIABLES["SM_API_KEY"]},
            )
        )
        app = create_app(env)
        yield Stage(settings, clock, store, env, post, wire, google_wire, app, direct, stack)
