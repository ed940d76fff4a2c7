"""What the tests do with a sandbox and three portals, over HTTP alone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx2 as httpx

from tests.blackbox.browser import Browser, Portal, Seen, query_of, request_id_of
from tests.blackbox.tokens import HS256, claims_of, forged

T = TypeVar("T")

PAUSE: Final = 0.02
"""Seconds between two looks at something that another process does."""

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
    seen: Seen = field(default_factory=Seen, repr=False)

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
