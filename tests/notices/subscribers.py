"""What the tests of the notices share: Jane, who chose everything, and runs of the task."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from portal.notices.choices import Choices
from portal.notices.run import Outcome, send_due_notices
from tests.stage import SECRETS_USED, Stage, stage

JANE: Final = "ct_abc123"
HANK: Final = "ct_globex1"
EVERYTHING: Final = {"new": "1", "due_soon": "1", "days_ahead": "7", "overdue": "1"}


async def choose(on: Stage, email: str = "jane@acme.com", **fields: str) -> None:
    """Choose on the account page; everything when nothing is named."""
    browser = await on.signed_in(email)
    answer = await browser.post("/account/notices", data=fields or EVERYTHING)
    assert answer.status_code == 303, answer.text
    on.post.letters.clear()


@asynccontextmanager
async def subscribed(*, quiet: bool = True, **fields: str) -> AsyncIterator[Stage]:
    """A stage on which Jane chose, and (`quiet`) was told what is due among the demo's invoices."""
    async with stage() as on:
        await choose(on, **fields)
        if quiet:
            await send_due_notices(on.env)
            on.post.letters.clear()
        yield on


async def run(on: Stage) -> Outcome:
    """One run of the task; the tokens in what it sent may be in no log."""
    outcome = await send_due_notices(on.env)
    for letter in on.post.letters:
        link = letter.headers["List-Unsubscribe"]
        SECRETS_USED.add(link.partition("token=")[2].partition(">")[0])
    return outcome


async def is_subscribed(on: Stage, contact_id: str = JANE) -> bool:
    """Whether the task would look at this contact."""
    return contact_id in await Choices(on.env.state).subscribers()
