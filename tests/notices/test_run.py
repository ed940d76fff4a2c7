"""The task: one mail to each who chose it, once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from portal.edge.kv import open_kv
from portal.mail import Letter
from portal.notices.choices import Choices
from portal.notices.claims import LEASE_SECONDS, turn
from portal.notices.run import Outcome, send_due_notices
from tests.notices.subscribers import HANK, JANE, choose, is_subscribed, run, subscribed
from tests.pages.billing import bill
from tests.stage import Post, Stage, TestClock


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with subscribed() as made:
        yield made


async def new_bill(on: Stage, number: str = "INV-NEW-1", **fields: object) -> str:
    return await bill(on, invoice_number=number, issued_date="2026-11-24", **fields)


async def test_a_new_invoice_is_mailed_once(on: Stage) -> None:
    invoice_id = await new_bill(on)
    assert await run(on) == Outcome(sent=1)
    [letter] = on.post.letters
    assert (letter.to, letter.subject) == ("jane@acme.com", "New invoice INV-NEW-1")
    assert f"http://127.0.0.1:8787/invoices/{invoice_id}" in letter.text
    for _ in range(3):
        on.clock.forward(hours=9)
        assert await run(on) == Outcome()
    assert len(on.post.letters) == 1


async def test_switching_on_mails_nothing_about_what_is_there_already() -> None:
    kinds = {"new": "1", "overdue": "1"}
    async with subscribed(quiet=False, **kinds) as on:
        overdue = await (await on.signed_in("jane@acme.com")).get("/invoices?status=overdue")
        assert "INV-" in overdue.text
        assert await send_due_notices(on.env) == Outcome()


async def test_all_that_is_due_is_one_mail(on: Stage) -> None:
    for number in ("INV-NEW-1", "INV-NEW-2"):
        await new_bill(on, number)
    await bill(on, invoice_number="INV-SOON", due_date="2026-11-27", currency="EUR", amount=50)
    assert await run(on) == Outcome(sent=1)
    [letter] = on.post.letters
    assert letter.subject == "2 new invoices, 1 invoice due soon"


async def test_each_stage_of_an_invoice_is_told_in_its_time(on: Stage) -> None:
    await new_bill(on, due_date="2026-12-10")
    subjects = []
    for _ in range(40):
        await run(on)
        subjects += [(str(on.clock().date()), letter.subject) for letter in on.post.letters]
        on.post.letters.clear()
        on.clock.forward(days=1)
    mine = [found for found in subjects if "INV-NEW-1" in found[1]]
    assert mine == [
        ("2026-11-24", "New invoice INV-NEW-1"),
        ("2026-12-03", "Invoice INV-NEW-1 is due on Dec 10, 2026"),
        ("2026-12-11", "Invoice INV-NEW-1 is overdue"),
    ]


async def test_nobody_who_did_not_choose_gets_a_mail(on: Stage) -> None:
    await new_bill(on, company_id="co_globex1")
    assert await run(on) == Outcome()
    await choose(on, "hank@globex.com")
    await bill(on, company_id="co_globex1", invoice_number="INV-G", issued_date="2026-11-24")
    await run(on)
    assert {letter.to for letter in on.post.letters} == {"hank@globex.com"}


async def test_a_mail_leaves_an_activity_without_amounts(on: Stage) -> None:
    invoice_id = await new_bill(on, amount=1234)
    await run(on)
    activity = (await on.activities("portal_notice_sent"))[0]
    assert (activity["contact_id"], activity["company_id"]) == (JANE, "co_abc123")
    assert activity["metadata"]["invoice_ids"] == [invoice_id]
    assert activity["metadata"]["kinds"] == ["new"]
    assert "1234" not in str(activity)


# Who may still be told


@pytest.mark.parametrize(
    "change",
    [
        {"portal_access": 0},
        {"portal_role": "client_viewer"},
        {"product": "signal", "products": ["signal"]},
        {"is_sm_team": 1},
    ],
    ids=["no access", "viewer", "another product", "staff"],
)
async def test_whoever_lost_access_or_role_gets_nothing_and_is_forgotten(
    on: Stage, change: dict[str, object]
) -> None:
    await new_bill(on)
    await on.patch(f"/api/contacts/{JANE}", **change)
    on.clock.forward(seconds=31)
    assert await run(on) == Outcome()
    assert on.post.letters == []
    assert not await is_subscribed(on)


async def test_whoever_gets_the_role_back_is_not_told_until_they_choose_again(on: Stage) -> None:
    await on.patch(f"/api/contacts/{JANE}", portal_role="client_viewer")
    on.clock.forward(seconds=31)
    await run(on)
    await on.patch(f"/api/contacts/{JANE}", portal_role="client_admin")
    on.clock.forward(seconds=31)
    await new_bill(on)
    assert await run(on) == Outcome()


async def test_whoever_is_no_more_in_the_crm_is_forgotten(on: Stage) -> None:
    await Choices(on.env.state).keep("ct_nobody", await Choices(on.env.state).of(JANE))
    assert await run(on) == Outcome()
    assert not await is_subscribed(on, "ct_nobody")
    assert await is_subscribed(on)


async def test_who_unsubscribes_while_the_crm_is_asked_gets_no_mail(on: Stage) -> None:
    await new_bill(on)

    def meanwhile(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/api/invoices":
            asyncio.get_running_loop().create_task(Choices(on.env.state).forget(JANE))
        return None

    on.wire.fault = meanwhile
    assert await run(on) == Outcome()


# When something fails


async def test_a_crm_that_is_down_sends_and_marks_nothing(on: Stage) -> None:
    await new_bill(on)
    on.clock.forward(seconds=31)
    on.wire.fault = lambda _request: httpx.Response(500, text="down")
    before = await on.env.state.list("notices:")
    assert await run(on) == Outcome(failed=1)
    assert await on.env.state.list("notices:") == before
    on.wire.fault = None
    assert await run(on) == Outcome(sent=1)


async def test_one_clients_failure_stops_nobody_elses_mail(on: Stage) -> None:
    await choose(on, "hank@globex.com")
    await run(on)
    on.post.letters.clear()
    await new_bill(on)
    await bill(on, company_id="co_globex1", invoice_number="INV-G", issued_date="2026-11-24")
    on.clock.forward(seconds=31)
    on.wire.fault = lambda request: (
        httpx.Response(500) if request.url.params.get("company_id") == "co_abc123" else None
    )
    assert await run(on) == Outcome(sent=1, failed=1)
    assert [letter.to for letter in on.post.letters] == ["hank@globex.com"]


async def test_a_choice_that_cannot_be_read_stops_nobody_elses_mail(on: Stage) -> None:
    await on.env.state.put(f"notices:choice:{HANK}", b"{broken")
    await new_bill(on)
    assert await run(on) == Outcome(sent=1, failed=1)


async def test_a_mail_that_the_server_refuses_is_sent_by_the_next_run(on: Stage) -> None:
    await new_bill(on)
    on.post.is_down = True
    assert await run(on) == Outcome(failed=1)
    on.post.is_down = False
    assert await run(on) == Outcome(sent=1)
    assert await run(on) == Outcome()


class DyingPost(Post):
    """A mail server in front of which the process dies, before or after it took the letter."""

    takes = False

    async def send(self, letter: Letter) -> None:
        """Die."""
        if self.takes:
            self.letters.append(letter)
        raise asyncio.CancelledError


@pytest.mark.parametrize("takes", [False, True])
async def test_the_mail_of_a_dead_process_is_sent_after_the_lease_under_the_same_id(
    on: Stage, takes: bool
) -> None:
    await new_bill(on)
    dying = DyingPost()
    dying.takes = takes
    with pytest.raises(asyncio.CancelledError):
        await send_due_notices(replace(on.env, mailer=dying))
    on.clock.forward(seconds=LEASE_SECONDS - 1)
    assert await run(on) == Outcome()
    on.clock.forward(seconds=2)
    assert await run(on) == Outcome(sent=1)
    references = {letter.reference for letter in (*dying.letters, *on.post.letters)}
    assert len(references) == 1
    assert references.pop().startswith("notices.")
    on.clock.forward(hours=3)
    await run(on)
    assert len(on.post.letters) == 1


async def test_a_process_that_dies_with_the_turn_holds_nobody_up_for_long(on: Stage) -> None:
    await new_bill(on)
    dead = turn(on.env.state, JANE)
    assert await dead.__aenter__() is not None
    assert await run(on) == Outcome()
    on.clock.forward(seconds=LEASE_SECONDS + 1)
    assert await run(on) == Outcome(sent=1)


async def test_what_was_told_is_remembered_well_beyond_the_due_date(on: Stage) -> None:
    await new_bill(on, due_date="2026-12-20")
    await run(on)
    on.clock.forward(days=400)
    assert [k for k in await on.env.state.list("notices:told:") if ":new:" in k]
    on.clock.forward(days=60)
    assert not [k for k in await on.env.state.list("notices:told:") if ":new:" in k]


# Two at once


class SlowPost(Post):
    """A mail server that lets everybody else go first."""

    async def send(self, letter: Letter) -> None:
        """Keep the letter, in the end."""
        for _ in range(50):
            await asyncio.sleep(0)
        await super().send(letter)


async def test_two_runs_at_the_same_moment_send_one_mail_in_all(on: Stage, tmp_path: Path) -> None:
    for number in ("INV-NEW-1", "INV-NEW-2", "INV-NEW-3"):
        await new_bill(on, number)
    post = SlowPost()
    choice = await Choices(on.env.state).of(JANE)
    clock: TestClock = on.clock
    states = [
        open_kv(f"sqlite:{tmp_path / 'state.db'}", lambda: clock().timestamp()) for _ in range(4)
    ]
    await Choices(states[0]).keep(JANE, choice)
    outcomes = await asyncio.gather(
        *(send_due_notices(replace(on.env, state=state, mailer=post)) for state in states)
    )
    assert sum(outcome.sent for outcome in outcomes) == 1
    assert sum(outcome.failed for outcome in outcomes) == 0
    [letter] = post.letters
    assert "3 new invoices" in letter.subject
    for state in states:
        await state.close()
