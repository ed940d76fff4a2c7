"""Mail about invoices: chosen on the page, sent by two processes, ended by one click."""

from __future__ import annotations

import asyncio
import re
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from aiosmtpd.smtp import SMTP

from tests.blackbox.tokens import HS256, claims_of, forged
from tests.processes import Dev, portal, run_portal, running_dev, stop

SUBJECT = "New invoice INV-BLACKBOX-1"


@dataclass
class Relay:
    """A mail server in between: passes every mail on to the sandbox's, and keeps it as it came."""

    onward: str
    kept: list[bytes] = field(default_factory=list)
    url: str = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Called by aiosmtpd for each mail."""
        await asyncio.to_thread(self._pass_on, envelope)
        self.kept.append(envelope.content)
        return "250 passed on"

    def _pass_on(self, envelope: Any) -> None:
        parts = urlsplit(self.onward)
        with smtplib.SMTP(parts.hostname or "", parts.port or 0, timeout=10) as server:
            server.sendmail(envelope.mail_from, envelope.rcpt_tos, envelope.content)


@contextmanager
def relaying(onward: str) -> Iterator[Relay]:
    """A relay on a free port, in a thread of its own."""
    relay, loop = Relay(onward), asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(lambda: SMTP(relay, hostname="relay", loop=loop), "127.0.0.1", 0)
    )
    relay.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield relay
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@dataclass
class Place:
    """A running portal with its sandbox, and the relay that `portal cron` mails through."""

    dev: Dev
    relay: Relay
    smtp: str

    def variables(self, smtp: str = "") -> dict[str, str]:
        """What the commands have to agree on with the running portal."""
        return {
            "SM_API_URL": self.dev.sandbox,
            "SMTP_URL": smtp or self.relay.url,
            "PORTAL_ORIGIN": self.dev.portal,
        }

    def secret(self, name: str) -> str:
        """A secret of the running portal."""
        lines = (self.dev.folder / ".dev.vars").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)[name]

    def browser(self, contact_id: str, email: str) -> httpx.Client:
        """A browser in which this person is signed in."""
        now = int(datetime.now(UTC).timestamp())
        claims = claims_of(contact_id, email, iat=now - 5)
        token = forged(HS256, claims, self.secret("SESSION_SECRET"))
        return httpx.Client(
            base_url=self.dev.portal,
            headers={"Cookie": f"sm_client={token}", "Sec-Fetch-Site": "same-origin"},
            timeout=20,
        )

    def new_invoice(self, number: str) -> str:
        """An invoice of Acme's, issued today and due in two months; its id."""
        today = datetime.now(UTC).date()
        body = {
            "company_id": "co_abc123",
            "product": "mode",
            "amount": 4321,
            "currency": "USD",
            "status": "sent",
            "invoice_number": number,
            "issued_date": today.isoformat(),
            "due_date": (today + timedelta(days=60)).isoformat(),
        }
        answer = httpx.post(
            f"{self.dev.sandbox}/api/invoices",
            headers={"X-SM-Key": self.secret("SM_API_KEY")},
            json=body,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def letters(self, subject: str) -> list[dict[str, Any]]:
        """The mails to Jane with this subject."""
        answer = httpx.get(f"{self.dev.sandbox}/mailbox/messages", params={"to": "jane@acme.com"})
        return [letter for letter in answer.json() if letter["subject"] == subject]

    def cron(self, **environ: str) -> tuple[int, str]:
        """One run of the task."""
        variables = {**self.variables(), **environ}
        return run_portal("cron", "--once", folder=self.dev.folder, **variables)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_dev(tmp_path_factory.mktemp("project")) as dev:
        smtp = re.search(r"env\.SMTP_URL \((\S+)\)", dev.printed)
        assert smtp
        with relaying(smtp[1]) as relay:
            yield Place(dev, relay, smtp[1])


def test_an_invoice_is_mailed_once_by_two_processes_and_one_click_ends_it(place: Place) -> None:
    with place.browser("ct_abc123", "jane@acme.com") as jane:
        assert "checked" not in _boxes(jane)
        answer = jane.post("/account/notices", data={"new": "1"})
        assert answer.status_code == 303, answer.text
        assert _boxes(jane).count("checked") == 1

    # Nothing about what was there already.
    assert place.cron()[0] == 0
    assert place.relay.kept == []

    invoice_id = place.new_invoice("INV-BLACKBOX-1")
    variables = place.variables()
    both = [portal("cron", "--once", folder=place.dev.folder, **variables) for _ in range(2)]
    printed = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    [letter] = place.letters(SUBJECT)
    assert f"{place.dev.portal}/invoices/{invoice_id}" in letter["text"]
    assert "$4,321.00" in letter["text"]

    # As it went over the wire.
    [raw] = place.relay.kept
    message = message_from_bytes(raw, policy=SMTPUTF8)
    link, by_mail = message["List-Unsubscribe"].split(", ")
    assert by_mail == "<mailto:support@sprintmode.ai?subject=unsubscribe>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<notices\.[0-9a-f]{24}@sprintmode\.ai>", message["Message-ID"])
    link = link.strip("<>")
    assert link.startswith(f"{place.dev.portal}/notices/unsubscribe?token=")
    assert link in letter["text"]

    # What a mail scanner does, and then what the mail program's own button does.
    assert httpx.get(link).status_code == 200
    with place.browser("ct_abc123", "jane@acme.com") as jane:
        assert _boxes(jane).count("checked") == 1
    ended = httpx.post(link, data={"List-Unsubscribe": "One-Click"})
    assert ended.status_code == 200, ended.text
    with place.browser("ct_abc123", "jane@acme.com") as jane:
        assert "checked" not in _boxes(jane)

    place.new_invoice("INV-BLACKBOX-2")
    code, said = place.cron()
    assert (code, said.splitlines()[-1]) == (0, "Mails sent: 0.")
    assert len(place.relay.kept) == 1
    token = link.partition("token=")[2]
    assert token not in "".join([said, *printed])


def test_a_mail_server_that_is_away_delays_the_mail_and_loses_none(place: Place) -> None:
    with place.browser("ct_abc123", "jane@acme.com") as jane:
        jane.post("/account/notices", data={"new": "1"})
    place.new_invoice("INV-LATER")
    code, printed = place.cron(SMTP_URL="smtp://127.0.0.1:9")
    assert code == 1
    assert "Failed, to be tried again: 1." in printed
    assert "Traceback" not in printed
    assert place.letters("New invoice INV-LATER") == []
    assert place.cron()[0] == 0
    assert len(place.letters("New invoice INV-LATER")) == 1


def test_a_viewer_cannot_choose(place: Place) -> None:
    with place.browser("ct_def456", "sam@acme.com") as sam:
        assert sam.post("/account/notices", data={"new": "1"}).status_code == 403
        assert "Mail about invoices" not in sam.get("/account").text


def test_no_token_is_in_the_portals_log(tmp_path: Path) -> None:
    with running_dev(tmp_path) as dev:
        token = "ImN0X2FiYzEyMyI.not-a-signature"
        assert httpx.get(f"{dev.portal}/notices/unsubscribe?token={token}").status_code == 400
        logged = stop(dev.process)
    assert "/notices/unsubscribe" in logged
    assert token not in logged


def _boxes(browser: httpx.Client) -> str:
    page = browser.get("/account").text
    found = re.search(r'<form class="notices".*?</form>', page, re.DOTALL)
    assert found, page
    return " ".join(re.findall(r"<input[^>]*>", found[0]))
