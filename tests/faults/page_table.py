"""What clients see of each page under each fault: asked for over HTTP, judged, made a table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2 as httpx

from tests.faults.clients import Client, Person, numbers_in
from tests.faults.pages import (
    AS_EVER,
    EVERYTHING,
    FEEDBACK,
    IN_PART,
    LAST_GOOD,
    MAIL,
    PAGES,
    PROFILE,
    QUESTION,
    SAYS_SO,
    STRANGER,
    TAKEN,
    TRACES,
    Answer,
    Page,
    Target,
    answer_of,
)
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Kind, Rule
from tests.faults.stand import LOOK_AGAIN, Stand

PAGE_SECONDS: Final = 2.0
MARGIN_SECONDS: Final = 1.5
"""For asking who it is, before the page, and for a machine that does other things too."""

RECOVERS_WITHIN: Final = 5.0
STALE_AFTER: Final = 1.1
"""Seconds after which nothing that was read, access included, counts as fresh any more."""

DELIVERED_WITHIN: Final = 45.0


@dataclass
class Row:
    """One fault: what was seen of pages known before, of pages never seen, and of all else."""

    kind: Kind
    known: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    recovered: float = 0.0


@dataclass
class Findings:
    """The rows by target, everything that should not have been, and what must have arrived."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)


class Trial:
    """Faults one after another, each for a client whose pages are known and one whose are not.

    `slack` is how many times as long everything may take, on a machine that does much besides.
    """

    def __init__(
        self, stand: Stand, proxy: FaultProxy, browser: httpx.AsyncClient, *, slack: float = 1.0
    ) -> None:
        self.found = Findings()
        self._slack = slack
        self._stand = stand
        self._proxy = proxy
        self._browser = browser
        self._known = stand.clients[0]
        self._unknown = iter(stand.clients[1:])
        self._healthy: dict[str, Answer] = {}
        self._phone = ""

    async def run(self, kinds: Sequence[Kind], targets: Sequence[Target]) -> Findings:
        """Every fault for every target, and at the end whether what was written has arrived."""
        for target in targets:
            rows = self.found.rows.setdefault(target.name, [])
            for kind in kinds:
                if kind is not Kind.REFUSED or target is EVERYTHING:
                    rows.append(await self._row(kind, target))
        await self._see_arrived()
        return self.found

    async def _row(self, kind: Kind, target: Target) -> Row:
        known, unknown = self._known, next(self._unknown)
        row, place = Row(kind), f"{kind}, {target.name.lower()}"
        await self._ask(unknown.admin, Page("me", "/auth/me"))
        healthy = self._healthy = self._healthy or await self._all(known)
        await asyncio.sleep(STALE_AFTER)
        await self._proxy.obey([Rule(kind, target.path, target.method)])
        seen_before, never_seen, others = await asyncio.gather(
            self._all(known), self._all(unknown), self._others(known, unknown, place)
        )
        await self._proxy.obey([])
        row.recovered = await self._recovered(known, unknown)
        now = await self._all(unknown)
        for answers, words, whole, client in (
            (seen_before, row.known, healthy, known),
            (never_seen, row.unknown, now, unknown),
        ):
            for page, answer in answers.items():
                words[page] = answer.seen
                self._judge(f"{place}: {page} of {client.number}", answer, whole[page], client)
        row.others = {name: answer.seen for name, answer in others.items()}
        asked = [*seen_before.values(), *never_seen.values(), *others.values()]
        row.slowest = max(answer.seconds for answer in asked)
        for page, answer in seen_before.items():
            if answer.seen != LAST_GOOD and (answer.seen != AS_EVER or target is EVERYTHING):
                self.found.wrong.append(f"{place}: {page}, seen before, is {answer.seen!r}")
        if row.recovered > RECOVERS_WITHIN * self._slack:
            self.found.wrong.append(f"{place}: recovered after {row.recovered:.1f} s")
        return row

    def _judge(self, place: str, answer: Answer, healthy: Answer, client: Client) -> None:
        """Note what no fault excuses."""
        wrong = self.found.wrong
        if answer.seen not in (AS_EVER, LAST_GOOD, IN_PART, SAYS_SO):
            wrong.append(f"{place}: status {answer.seen}")
        if any(trace in answer.text for trace in TRACES):
            wrong.append(f"{place}: shows the inside")
        if numbers_in(answer.text) - {client.number}:
            wrong.append(f"{place}: shows others' words")
        if answer.seen in (AS_EVER, LAST_GOOD) and answer.marks != healthy.marks:
            missing = sorted(healthy.marks - answer.marks)
            wrong.append(f"{place}: {answer.seen} but without {missing}")
        if answer.seen == SAYS_SO and answer.is_page and "<main" not in answer.text:
            wrong.append(f"{place}: an error without the layout")
        if answer.seconds > (PAGE_SECONDS + MARGIN_SECONDS) * self._slack:
            wrong.append(f"{place}: took {answer.seconds:.1f} s")

    async def _all(self, client: Client) -> dict[str, Answer]:
        """All pages at once, as their admin sees them."""
        answers = await asyncio.gather(*(self._ask(client.admin, page, client) for page in PAGES))
        return {answer.page: answer for answer in answers}

    async def _ask(self, person: Person, page: Page, client: Client | None = None) -> Answer:
        ids = (client.engagement_id, client.invoice_ids[0]) if client else ("", "")
        path = page.path.format(engagement=ids[0], invoice=ids[1])
        return await self._timed(page.name, "GET", path, person)

    async def _others(self, known: Client, unknown: Client, what: str) -> dict[str, Answer]:
        """What else is done while it is so. Writes that are taken have to arrive, once."""
        self._phone = f"+1 555 {len(self.found.written):04d}"
        question = {"key": what, "text": f"{QUESTION}: {what}"}
        feedback = {"activity_type": "feedback", "description": f"{FEEDBACK}: {what}"}
        phone, person = {"phone": self._phone}, known.admin
        path = f"/invoices/{known.invoice_ids[0]}/question"
        made = {
            QUESTION: await self._timed(QUESTION, "POST", path, person, data=question),
            FEEDBACK: await self._timed(FEEDBACK, "POST", "/api/activities", person, json=feedback),
            PROFILE: await self._timed(
                PROFILE, "PATCH", f"/api/contacts/{person.id}", person, json=phone
            ),
            STRANGER: await self._timed(STRANGER, "GET", "/", unknown.viewer),
            MAIL: await self._timed(
                MAIL, "POST", "/auth/magic", None, data={"email": unknown.viewer.email}
            ),
        }
        for name in (QUESTION, FEEDBACK, PROFILE):
            if name != PROFILE and made[name].seen == TAKEN:
                self.found.written.append(f"{name}: {what}")
            elif made[name].status not in (httpx.codes.OK, httpx.codes.ACCEPTED):
                self.found.wrong.append(f"{what}: {name} is {made[name].status}")
        return made

    async def _timed(
        self, name: str, method: str, path: str, person: Person | None, **sent: Any
    ) -> Answer:
        accept = "application/json" if path.startswith("/api/") else "text/html"
        headers = {"Accept": accept, **({"Cookie": person.cookie} if person else {})}
        started = time.monotonic()
        answer = await self._browser.request(method, path, headers=headers, **sent)
        return answer_of(name, answer, time.monotonic() - started)

    async def _recovered(self, known: Client, unknown: Client) -> float:
        """Seconds until both see their home page as ever; longer than a minute is for ever."""
        started = time.monotonic()
        while (passed := time.monotonic() - started) < 60:
            answers = await asyncio.gather(
                *(self._ask(client.admin, PAGES[0], client) for client in (known, unknown))
            )
            if all(answer.seen == AS_EVER for answer in answers):
                break
            await asyncio.sleep(LOOK_AGAIN)
        return passed

    async def _see_arrived(self) -> None:
        """Wait for what was written; what is there in the end, repeats too."""
        until = time.monotonic() + DELIVERED_WITHIN
        while time.monotonic() < until:
            held = await self._stand.activities(self._known.company_id)
            texts = [str(one.get("description")) for one in held]
            self.found.arrived = sorted(
                text for text in texts if text.startswith((f"{QUESTION}: ", f"{FEEDBACK}: "))
            )
            answer = await self._stand.crm.get(f"/api/contacts/{self._known.admin.id}")
            phone = answer.json()["data"]["phone"]
            if set(self.found.arrived) >= set(self.found.written) and phone == self._phone:
                break
            await asyncio.sleep(LOOK_AGAIN)
        else:
            self.found.wrong.append(f"not everything arrived; the phone number is {phone!r}")
        if self.found.arrived != sorted(self.found.written):
            self.found.wrong.append("what was written is not what arrived")
