"""A sandbox and three portals as real processes, and what the tests do with them over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx2 as httpx

from tests.blackbox.browser import Browser, Portal, Seen, query_of, request_id_of
from tests.blackbox.tokens import HS256, claims_of, forged
from tests.processes import UNHURRIED, free_ports, portal_writing_to, project_in, stop

T = TypeVar("T")

PAUSE: Final = 0.02
"""Seconds between two looks at something that another process does."""

PRODUCTION: Final = "https://mode.portal.example"
SECRETS: Final = {
    name: token_urlsafe(32)
    for name in (
        "SESSION_SECRET",
        "SM_API_CLIENT_ID",
        "SM_API_CLIENT_SECRET",
        "SM_API_KEY",
        "GOOGLE_CLIENT_ID",
        "GOOGLE_CLIENT_SECRET",
    )
}
NEWER_SESSION_SECRET: Final = token_urlsafe(32)
ROOM_FOR_TESTS: Final = {
    **UNHURRIED,
    "REFUSAL_LIMIT_CLIENT": "1000/minute",
    "ACCESS_FRESHNESS": "1",
}
TOKEN: Final = re.compile(r"/auth/magic/verify\?token=([A-Za-z0-9_-]+)")
CODE: Final = re.compile(r"^(\d{6})\r?$", re.MULTILINE)


def until(question: Callable[[], T], seconds: float = 15) -> T:
    """The first answer that is not empty; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(PAUSE)
    return answer


@dataclass(frozen=True)
class Person:
    """A contact of the CRM, made for one test."""

    id: str
    email: str
    company_id: str


@dataclass(frozen=True)
class Letter:
    """A mail with a sign-in link and a code."""

    to: str
    text: str
    html: str
    token: str
    code: str

    @property
    def link(self) -> str:
        """The link's path at the portal."""
        return f"/auth/magic/verify?token={self.token}"


@dataclass
class Stand:
    """Everything a test may use. `main` is as `portal dev` has it, `limited` has the documented
    limits behind one proxy, `production` is named by https and knows two session secrets."""

    main: Portal
    limited: Portal
    production: Portal
    crm: httpx.Client
    data: Path
    seen: Seen = field(default_factory=Seen)

    @property
    def portals(self) -> tuple[Portal, ...]:
        """All of them."""
        return self.main, self.limited, self.production

    def browser(self, portal: Portal | None = None, session: str = "", **headers: str) -> Browser:
        """A fresh browser, perhaps with a session token."""
        cookies = {"sm_client": session} if session else {}
        self.seen.note(session)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Browser(portal or self.main, self.seen, named, cookies)

    # The CRM

    def person(self, email: str = "", **values: Any) -> Person:
        """A new contact who may enter as Acme's admin; `values` say what is different."""
        body: dict[str, Any] = {
            "email": email or f"anna.{token_hex(6)}@acme.com",
            "full_name": "Anna Example",
            "company_id": "co_abc123",
            "contact_type": "client",
            "portal_access": 1,
            "portal_role": "client_admin",
            "product": "mode",
        }
        answer = self.crm.post("/api/contacts", json=body | values)
        assert answer.status_code == 201, answer.text
        return Person(answer.json()["data"]["id"], body["email"], body["company_id"])

    def change(self, person: Person, **values: Any) -> None:
        """Change a contact, as the CRM's own people do."""
        answer = self.crm.patch(f"/api/contacts/{person.id}", json=values)
        assert answer.status_code == 200, answer.text

    def activities(self, activity_type: str) -> list[dict[str, Any]]:
        """The latest activities of a type, newest first."""
        answer = self.crm.get("/api/activities", params={"type": activity_type, "limit": 100})
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    @contextmanager
    def leaving(
        self, activity_type: str, contact_id: str | None, **metadata: Any
    ) -> Iterator[list[dict[str, Any]]]:
        """What happens in the block becomes such an activity, which is in the list afterwards."""
        before = {record["id"] for record in self.activities(activity_type)}
        found: list[dict[str, Any]] = []
        yield found

        def arrived() -> bool:
            found[:] = [
                record
                for record in self.activities(activity_type)
                if record["id"] not in before
                and record.get("contact_id") == contact_id
                and metadata.items() <= (record.get("metadata") or {}).items()
            ]
            return bool(found)

        until(arrived)

    # Mail

    def letters(self, address: str) -> list[dict[str, Any]]:
        """The mails to an address, newest first."""
        answer = self.crm.get("/mailbox/messages", params={"to": address})
        found: list[dict[str, Any]] = answer.json()
        return found

    def ask(self, browser: Browser, address: str, redirect: str = "/") -> str:
        """Ask for a mail. What became of it: `sent`, or why not, as the portal's log has it."""
        self.seen.note(address, quote(address), quote(address, safe=""))
        answer = browser.post("/auth/magic", {"email": address, "redirect": redirect})
        assert answer.status_code == 303, answer.text
        return self.outcome(browser.portal, request_id_of(answer))

    def outcome(self, portal: Portal, request_id: str) -> str:
        """What became of a request for a mail, once it is decided."""

        def decided() -> str:
            for entry in portal.entries(request_id):
                if entry["event"] == "magic_link_sent":
                    return "sent"
                if entry["event"] == "sign_in_refused":
                    return str(entry["cause"])
            return ""

        return until(decided)

    def mailed(self, browser: Browser, person: Person, redirect: str = "/") -> Letter:
        """Ask for a mail, and read it."""
        assert self.ask(browser, person.email, redirect) == "sent"
        return self.latest(person.email)

    def latest(self, address: str) -> Letter:
        """The newest mail to an address."""
        newest = self.letters(address)[0]
        token, code = TOKEN.search(newest["text"]), CODE.search(newest["text"])
        assert token, newest["text"]
        assert code, newest["text"]
        self.seen.note(token[1], code[1])
        return Letter(newest["to"], newest["text"], newest["html"], token[1], code[1])

    # Signing in

    def press(self, browser: Browser, letter: Letter, **more: str) -> httpx.Response:
        """Press the button of the page that a link opens."""
        return browser.post("/auth/magic/verify", {"token": letter.token, **more})

    def signed_in(self, person: Person, portal: Portal | None = None, **headers: str) -> Browser:
        """A browser in which this person has signed in by a link."""
        browser = self.browser(portal, **headers)
        answer = self.press(browser, self.mailed(browser, person))
        assert answer.status_code == 303, answer.text
        assert browser.session
        return browser

    def token(self, person: Person, **changes: Any) -> str:
        """A session token that another portal of the platform made."""
        made = forged(
            HS256, claims_of(person.id, person.email, **changes), SECRETS["SESSION_SECRET"]
        )
        self.seen.note(made)
        return made

    # Google

    @contextmanager
    def misbehaving(self, mode: str, **more: Any) -> Iterator[None]:
        """The Google stand-in is wrong in one way inside the block."""
        answer = self.crm.post("/google/misbehave", json={"mode": mode, **more})
        assert answer.status_code == 200, answer.text
        try:
            yield
        finally:
            self.crm.post("/google/misbehave", json={"mode": "none"})

    def to_google(self, browser: Browser, redirect: str = "/") -> str:
        """Start at the sign-in page's button; where it sends the browser."""
        start = browser.get("/auth/sso/google", params={"redirect": redirect})
        assert start.status_code == 302, start.text
        sent: str = start.headers["location"]
        self.seen.note(query_of(sent)["state"], query_of(sent)["nonce"])
        return sent

    def choose(self, at_google: str, address: str) -> str:
        """Choose an account there; the path of ours that Google sends the browser back to."""
        self.seen.note(address)
        chosen = self.crm.post(at_google, data={"email": address})
        assert chosen.status_code == 303, chosen.text
        back: str = chosen.headers["location"]
        self.seen.note(query_of(back).get("code", ""))
        return back.removeprefix(self.main.origin)

    def by_google(self, browser: Browser, address: str, redirect: str = "/") -> httpx.Response:
        """The whole way in by Google; the callback's answer."""
        return browser.get(self.choose(self.to_google(browser, redirect), address))


@contextmanager
def standing(folder: Path) -> Iterator[Stand]:
    """The four processes, ready; stopped at the end."""
    api, smtp, *ports = free_ports(5)
    origins = [f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", PRODUCTION]
    elsewhere = {
        "SM_API_URL": f"http://127.0.0.1:{api}",
        "SMTP_URL": f"smtp://127.0.0.1:{smtp}",
        "GOOGLE_DISCOVERY_URL": f"http://127.0.0.1:{api}/google/.well-known/openid-configuration",
    }
    local = project_in(folder / "main")
    _write_secrets(local)
    environs: list[dict[str, str]] = [
        ROOM_FOR_TESTS,
        {**SECRETS, "TRUSTED_PROXIES": "1", "ACCESS_FRESHNESS": "1"},
        {
            **SECRETS,
            **ROOM_FOR_TESTS,
            "SESSION_SECRET": NEWER_SESSION_SECRET,
            "SESSION_SECRET_PREVIOUS": SECRETS["SESSION_SECRET"],
            "SESSION_COOKIE_DOMAIN": ".portal.example",
            "GOOGLE_CLIENT_ID": "",
            "GOOGLE_CLIENT_SECRET": "",
        },
    ]
    with ExitStack() as stack:
        sandbox = portal_writing_to(
            folder / "sandbox.log",
            *("sandbox", "--strict", "--port", str(api), "--smtp-port", str(smtp)),
            folder=local,
            PORTAL_ORIGIN=origins[0],
        )
        stack.callback(stop, sandbox)
        running = []
        for name, origin, port, environ in zip(
            ("main", "limited", "production"), origins, ports, environs, strict=True
        ):
            words = ["serve", "--port", str(port)]
            if name == "production":
                words += ["--env", name]
            place = _without_google(folder / name) if name == "production" else folder / name
            started = portal_writing_to(
                folder / f"{name}.log",
                *words,
                folder=project_in(place) if name == "limited" else place,
                **environ,
                **elsewhere,
                PORTAL_ORIGIN=origin,
            )
            stack.callback(stop, started)
            http = stack.enter_context(_client(f"http://127.0.0.1:{port}"))
            secret = environ.get("SESSION_SECRET", SECRETS["SESSION_SECRET"])
            running.append(
                Portal(name, origin, port, place, folder / f"{name}.log", started, http, secret)
            )
            http.headers["Host"] = running[-1].host
        crm = stack.enter_context(_client(elsewhere["SM_API_URL"]))
        crm.headers["X-SM-Key"] = SECRETS["SM_API_KEY"]
        for portal in running:
            until(partial(_is_ready, portal), seconds=60)
        main, limited, production = running
        made = Stand(main, limited, production, crm, local / ".portal" / "sandbox.db")
        made.seen.note(*SECRETS.values(), NEWER_SESSION_SECRET)
        yield made


def _client(url: str) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        headers={"Accept": "application/json"},
        # Cookies are the test browsers' own: one client speaks for all of them.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=20,
        trust_env=False,
    )


def _is_ready(portal: Portal) -> bool:
    assert portal.process.poll() is None, portal.log.read_text()
    try:
        return portal.http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _write_secrets(folder: Path) -> None:
    file = folder / ".dev.vars"
    file.write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    file.chmod(0o600)


def _without_google(folder: Path) -> Path:
    """The repository's configuration, for a portal whose owner has no Google client."""
    file = project_in(folder) / "wrangler-like.toml"
    text = file.read_text()
    file.write_text(
        text.replace(
            '  "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "SMTP_URL",\n', '  "SMTP_URL",\n'
        )
    )
    return folder
