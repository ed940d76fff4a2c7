"""Open pages hear of what changes in the CRM, over real HTTP."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.blackbox.browser import Portal
from tests.blackbox.stand import SECRETS, Person, Stand, until
from tests.live.events import listening
from tests.processes import UNHURRIED, free_ports, portal_writing_to, project_in, stop
from tests.staff.stand import REASON

SOON = 5.0
"""Seconds in which a page hears of a change that is looked for every 0.2."""


@dataclass(frozen=True)
class Client:
    """A company of its own with one engagement and one invoice, and its admin."""

    stand: Stand
    company_id: str
    engagement_id: str
    invoice_id: str
    admin: Person

    def change(self, path: str, **values: Any) -> None:
        answer = self.stand.crm.patch(path, json=values)
        assert answer.status_code == 200, answer.text

    def pay(self) -> None:
        """The invoice is paid in the CRM."""
        self.change(f"/api/invoices/{self.invoice_id}", status="paid", paid_date="2026-11-24")

    def log(self, activity_type: str, **values: Any) -> None:
        """Something happens in the work."""
        made(
            self.stand,
            "activities",
            activity_type=activity_type,
            company_id=self.company_id,
            engagement_id=self.engagement_id,
            source="mode",
            **values,
        )


def made(stand: Stand, resource: str, **values: Any) -> str:
    answer = stand.crm.post(f"/api/{resource}", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def new_client(stand: Stand) -> Client:
    name = uuid4().hex[:10]
    company = made(stand, "companies", name=f"Live {name}", product="mode")
    engagement = made(stand, "engagements", company_id=company, name=f"Work {name}", product="mode")
    invoice = made(
        stand,
        "invoices",
        company_id=company,
        engagement_id=engagement,
        invoice_number=f"L-{name}",
        amount=1200,
        currency="USD",
        status="sent",
        product="mode",
    )
    admin = stand.person(f"ada@{name}.example", company_id=company)
    return Client(stand, company, engagement, invoice, admin)


@pytest.fixture
def client(stand: Stand) -> Client:
    return new_client(stand)


def test_the_first_event_comes_while_the_stream_is_open(stand: Stand, client: Client) -> None:
    with listening(stand.signed_in(client.admin)) as page:
        assert set(page.expect("now")["versions"]) == {"engagements", "invoices", "activities"}
        headers = page.answer.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-encoding" not in headers
        assert "content-length" not in headers
        assert "set-cookie" not in headers


def test_an_invoice_that_is_paid_is_told_of_within_seconds(stand: Stand, client: Client) -> None:
    with listening(stand.signed_in(client.admin)) as page:
        before = page.expect("now")["versions"]
        client.pay()
        started = time.monotonic()
        told = page.expect("changed")
        assert time.monotonic() - started < SOON
        assert told["parts"] == ["invoices"]
        assert {part for part in before if before[part] != told["versions"][part]} == {"invoices"}


def test_a_phase_that_starts_is_told_of(stand: Stand, client: Client) -> None:
    with listening(stand.signed_in(client.admin)) as page:
        page.expect("now")
        client.log("phase_started", title="Build")
        assert page.expect("changed")["parts"] == ["activities"]


def test_what_changes_elsewhere_or_inside_is_not_told_of(stand: Stand, client: Client) -> None:
    other = new_client(stand)
    with (
        listening(stand.signed_in(client.admin)) as page,
        listening(stand.signed_in(other.admin)) as theirs,
    ):
        page.expect("now")
        theirs.expect("now")
        other.pay()
        client.log("note", title="Internal", description="Not for the client")
        made(
            stand,
            "invoices",
            company_id=client.company_id,
            amount=1,
            product="mode",
            status="draft",
        )
        assert theirs.expect("changed")["parts"] == ["invoices"]
        client.change(f"/api/engagements/{client.engagement_id}", plain_status="On course")
        assert page.expect("changed")["parts"] == ["engagements"]


def test_a_viewer_hears_nothing_of_amounts(stand: Stand, client: Client) -> None:
    viewer = stand.person(company_id=client.company_id, portal_role="client_viewer")
    with (
        listening(stand.signed_in(viewer)) as page,
        listening(stand.signed_in(client.admin)) as admins,
    ):
        assert set(page.expect("now")["versions"]) == {"engagements", "activities"}
        admins.expect("now")
        client.change(f"/api/invoices/{client.invoice_id}", amount=1300)
        assert admins.expect("changed")["parts"] == ["invoices"]
        client.log("milestone", title="First release")
        assert page.expect("changed")["parts"] == ["activities"]


@pytest.mark.parametrize(
    "values",
    [{"portal_access": 0}, {"portal_role": "client_viewer"}, {"company_id": "co_abc123"}],
    ids=["access", "role", "company"],
)
def test_the_stream_ends_with_what_the_crm_granted(
    stand: Stand, client: Client, values: dict[str, Any]
) -> None:
    with listening(stand.signed_in(client.admin)) as page:
        page.expect("now")
        stand.change(client.admin, **values)
        assert page.expect("end") == {"reason": "over"}
        assert page.is_at_its_end()


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-everywhere"])
def test_the_stream_ends_with_the_session(stand: Stand, client: Client, path: str) -> None:
    browser = stand.signed_in(client.admin)
    leaving = stand.browser(session=browser.session)
    with listening(browser) as page:
        page.expect("now")
        assert leaving.post(path).status_code == 303
        assert page.expect("end") == {"reason": "over"}
        assert page.is_at_its_end()


def test_the_stream_ends_when_the_session_expires(stand: Stand, client: Client) -> None:
    token = stand.token(client.admin, exp=int(time.time()) + 3)
    with listening(stand.browser(session=token)) as page:
        page.expect("now")
        assert page.expect("end") == {"reason": "over"}


def test_a_preview_listens_and_the_stream_ends_with_it(stand: Stand, client: Client) -> None:
    browser = stand.browser()
    stand.by_google(browser, "ava@sprintmode.ai")
    wanted = {"contact_id": client.admin.id, "reason": REASON}
    assert browser.post("/auth/view-as", wanted).headers["location"] == "/"
    lens = stand.browser()
    lens.cookies |= browser.cookies
    with listening(lens) as page:
        page.expect("now")
        client.pay()
        assert page.expect("changed")["parts"] == ["invoices"]
        assert browser.post("/auth/exit-view-as").status_code == 303
        assert page.expect("end") == {"reason": "over"}


def test_the_fifth_stream_of_a_session_closes_its_first(stand: Stand, client: Client) -> None:
    browser = stand.signed_in(client.admin)
    with ExitStack() as stack:
        pages = [stack.enter_context(listening(browser)) for _ in range(4)]
        for page in pages:
            page.expect("now")
        fifth = stack.enter_context(listening(browser))
        fifth.expect("now")
        assert pages[0].expect("end") == {"reason": "replaced"}
        assert pages[0].is_at_its_end()
        client.pay()
        for page in (*pages[1:], fifth):
            assert page.expect("changed")["parts"] == ["invoices"]


def test_nobody_and_staff_get_no_stream(stand: Stand) -> None:
    with listening(stand.browser()) as page:
        assert page.answer.status_code == 401
        assert page.answer.json()["ok"] is False
    browser = stand.browser()
    stand.by_google(browser, "ava@sprintmode.ai")
    with listening(browser) as page:
        assert page.answer.status_code == 403


def test_a_page_that_is_opened_there_is_refused(stand: Stand, client: Client) -> None:
    assert stand.signed_in(client.admin).get("/live").status_code == 406


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_server_stops_at_once_though_streams_are_open(
    stand: Stand, client: Client, tmp_path: Path, workers: str
) -> None:
    (port,) = free_ports(1)
    origin, log = f"http://127.0.0.1:{port}", tmp_path / "log"
    told = {
        **SECRETS,
        **UNHURRIED,
        "PORTAL_ORIGIN": origin,
        "SM_API_URL": str(stand.crm.base_url),
    }
    words = ("serve", "--port", str(port), "--workers", workers)
    process = portal_writing_to(log, *words, folder=project_in(tmp_path / "own"), **told)
    token = stand.token(client.admin)
    with httpx.Client(base_url=origin, timeout=20, trust_env=False) as http, ExitStack() as stack:
        stack.callback(stop, process)
        own = Portal("own", origin, port, tmp_path, log, process, http)

        def is_ready() -> bool:
            try:
                return http.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        until(is_ready, seconds=60)
        browser = stand.browser(own, session=token)
        pages = [stack.enter_context(listening(browser)) for _ in range(3)]
        for page in pages:
            page.expect("now")
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        for page in pages:
            assert page.is_at_its_end()
        process.wait(timeout=10)
        assert time.monotonic() - started < SOON
        assert "graceful shutdown exceeded" not in log.read_text()
