"""One person of a chaos run: reads pages at random, asks and tells things, checks every answer."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Callable
from random import Random
from typing import Any, Final

import httpx2 as httpx

from tests.chaos.ledger import Ledger
from tests.faults.clients import Client, Person, numbers_in
from tests.faults.pages import AS_OF, TRACES, UNAVAILABLE

PAGES: Final = ("/", "/engagements", "/engagements/{engagement}", "/activity", "/account")
PAGES_OF_MONEY: Final = (
    *("/invoices", "/invoices/{invoice}", "/statement", "/team"),
    *("/invoices.csv", "/statement.csv", "/api/invoices"),
)
WRITES_IN: Final = 4
"""One in so many things that somebody does is a write."""

LONGEST_THOUGHT: Final = 0.3
AGAIN_AFTER: Final = 0.2
KEY: Final = re.compile(r'name="key" value="([^"]*)"')


class Visitor:
    """A person with a browser; `start_of_portal` counts the starts of the portal."""

    def __init__(
        self,
        client: Client,
        person: Person,
        browser: httpx.AsyncClient,
        ledger: Ledger,
        chance: Random,
        start_of_portal: Callable[[], int],
    ) -> None:
        self._client = client
        self._person = person
        self._browser = browser
        self._ledger = ledger
        self._chance = chance
        self._start_of_portal = start_of_portal
        self._seen: set[tuple[int, str]] = set()
        self._serial = 0
        self._paths = [
            page.format(engagement=client.engagement_id, invoice=client.invoice_ids[0])
            for page in (*PAGES, *(PAGES_OF_MONEY if person.sees_money else ()))
        ]

    async def arrive(self) -> None:
        """Look at every page once."""
        for path in self._paths:
            await self._read(path)

    async def stay(self, over: asyncio.Event) -> None:
        """Go on until it is over."""
        while not over.is_set():
            if self._chance.randrange(WRITES_IN):
                await self._read(self._chance.choice(self._paths))
            elif self._person.sees_money and self._chance.random() < 1 / 2:
                await self._ask(over)
            else:
                await self._tell()
            await asyncio.sleep(self._chance.uniform(0, LONGEST_THOUGHT))

    async def _read(self, path: str) -> httpx.Response | None:
        return await self._request("GET", path, path)

    async def _ask(self, over: asyncio.Event) -> None:
        """Ask about an invoice; press the button again when no answer comes."""
        path = f"/invoices/{self._client.invoice_ids[0]}"
        page = await self._read(path)
        key = KEY.search(page.text) if page is not None else None
        if key is None:
            return
        text = self._text("question")
        form = {"key": html.unescape(key[1]), "text": text}
        while True:
            answer = await self._request("POST", f"{path}/question", path, data=form)
            if answer is not None:
                break
            if over.is_set():
                self._ledger.uncertain.append(text)
                return
            await asyncio.sleep(AGAIN_AFTER)
        if answer.status_code == httpx.codes.SEE_OTHER:
            self._ledger.acknowledged.append(text)
        else:
            self._ledger.uncertain.append(text)

    async def _tell(self) -> None:
        """Log feedback. It is sent once: without an answer nobody knows whether it arrived."""
        text = self._text("feedback")
        body = {"activity_type": "feedback", "title": "Feedback", "description": text}
        answer = await self._request("POST", "/api/activities", "/", json=body)
        if answer is not None and answer.status_code == httpx.codes.CREATED:
            self._ledger.acknowledged.append(text)
        else:
            self._ledger.uncertain.append(text)

    def _text(self, what: str) -> str:
        self._serial += 1
        return f"{what} {self._serial} of {self._person.email}"

    async def _request(
        self, method: str, path: str, needs: str, **sent: Any
    ) -> httpx.Response | None:
        """An answer, checked; None when there was none. `needs`: the page that it is based on."""
        start, was_seen = self._start_of_portal(), (self._start_of_portal(), needs) in self._seen
        headers = {"Cookie": self._person.cookie}
        if path.startswith("/api/"):
            headers["Accept"] = "application/json"
        began = time.monotonic()
        try:
            answer = await self._browser.request(method, path, headers=headers, **sent)
        except httpx.ConnectError:
            self._ledger.refused += 1
            return None
        except httpx.TransportError as error:
            self._cut_off(f"{method} {path}", start, error)
            return None
        self._check(f"{method} {path}", answer, time.monotonic() - began, was_seen=was_seen)
        if method == "GET" and answer.status_code == httpx.codes.OK:
            if UNAVAILABLE.search(answer.text):
                self._ledger.in_part += 1
            elif start == self._start_of_portal():
                self._seen.add((start, path))
        return answer

    def _cut_off(self, what: str, start: int, error: Exception) -> None:
        """A kill cuts requests off; nothing else may."""
        self._ledger.cut_off += 1
        if start == self._start_of_portal():
            self._ledger.breaches.append(f"cut off without a kill: {what} {error!r}")

    def _check(self, what: str, answer: httpx.Response, seconds: float, *, was_seen: bool) -> None:
        ledger, text, whose = self._ledger, answer.text, f"{what} by {self._person.email}"
        ledger.statuses[answer.status_code] += 1
        ledger.took(what, seconds)
        ledger.last_good += AS_OF in text
        if others := numbers_in(text) - {self._client.number}:
            ledger.breaches.append(f"{whose} showed words of {sorted(others)}")
        if any(trace in text for trace in TRACES):
            ledger.breaches.append(f"{whose} showed the inside")
        if answer.is_server_error and was_seen:
            ledger.breaches.append(f"{whose} got a {answer.status_code} for a page seen before")
        if answer.is_server_error and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            ledger.breaches.append(f"{whose} got a {answer.status_code}")
        if answer.is_client_error:
            ledger.breaches.append(f"{whose} got a {answer.status_code}")
