"""A year pack over real HTTP: begun, its maker killed, gone on with, and whole to the cent."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import signal
import time
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
import pytest

from tests.blackbox.browser import Browser, Portal
from tests.blackbox.launch import ROOM_FOR_TESTS
from tests.blackbox.stand import SECRETS, Person, Stand, until
from tests.processes import free_ports, portal_writing_to, project_in, stop

YEAR: Final = 2026
INVOICES: Final = 60
"""More than can be drawn before the program is killed."""

PATIENCE: Final = 60.0
PROMPT: Final = 8.0
"""Seconds in which a program that is asked to stop has stopped, whatever it was making."""


class Restarted:
    """A portal of this test's own, on a state that outlives it."""

    def __init__(self, stand: Stand, folder: Path) -> None:
        self._stand, self._folder = stand, project_in(folder)
        [self._port] = free_ports(1)
        self._origin = f"http://127.0.0.1:{self._port}"
        self.portal = self._start()

    def kill(self) -> None:
        """End it as a machine does that loses power."""
        self.portal.process.kill()
        self.portal.process.wait()

    def again(self) -> None:
        """Start it anew."""
        self.portal.http.close()
        self.portal = self._start()

    def close(self) -> None:
        """End it for good."""
        self.portal.http.close()
        stop(self.portal.process)

    def ask_to_stop(self) -> float:
        """Ask it to stop; how many seconds it took."""
        began = time.monotonic()
        self.portal.process.send_signal(signal.SIGTERM)
        self.portal.process.wait(timeout=PATIENCE)
        return time.monotonic() - began

    def _start(self) -> Portal:
        log = self._folder.with_suffix(".log")
        environ = {
            **SECRETS,
            **ROOM_FOR_TESTS,
            "SM_API_URL": str(self._stand.crm.base_url).rstrip("/"),
            "PORTAL_ORIGIN": self._origin,
        }
        words = ("serve", "--port", str(self._port))
        process = portal_writing_to(log, *words, folder=self._folder, **environ)
        http = httpx.Client(base_url=self._origin, timeout=20, trust_env=False)
        made = Portal("packs", self._origin, self._port, self._folder, log, process, http)

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return bool(http.get("/readyz").status_code == 200)
            except httpx.TransportError:
                return False

        until(is_ready, seconds=PATIENCE)
        return made


@pytest.fixture
def own(stand: Stand, tmp_path: Path) -> Iterator[Restarted]:
    made = Restarted(stand, tmp_path / "packs")
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(stand: Stand) -> Person:
    """The admin of a company with many invoices, whose numbers hold what names may not."""
    answer = stand.crm.post("/api/companies", json={"name": "Łódź / Søn", "product": "mode"})
    assert answer.status_code == 201, answer.text
    company_id = answer.json()["data"]["id"]
    for n in range(INVOICES):
        invoice = {
            "company_id": company_id,
            "product": "mode",
            "invoice_number": f"Fä/{YEAR}/{n:03}",
            "amount": round(1000 + 1.01 * n, 2),
            "amount_paid": round(0.05 * n, 2),
            "currency": ("USD", "EUR")[n % 2],
            "status": "void" if n == 7 else "sent",
            "issued_date": f"{YEAR}-{n % 9 + 1:02}-15",
            "due_date": f"{YEAR}-12-15",
        }
        made = stand.crm.post("/api/invoices", json=invoice)
        assert made.status_code == 201, made.text
    return stand.person("books@son.example", company_id=company_id)


def start(browser: Browser) -> str:
    answer = browser.post("/year-pack", {"year": str(YEAR)})
    assert answer.status_code == 303, answer.text
    place: str = answer.headers["location"]
    return place


def finished_in(browser: Browser, place: str) -> int:
    """How many files are finished, as the page says it."""
    found = re.search(r"<progress [^>]*value=\"(\d+)\"", browser.get(place).text)
    return int(found[1]) if found else -1


def last_event(browser: Browser, place: str) -> tuple[str, dict[str, Any]]:
    """The last event of one stream of events."""
    text = browser.get(f"{place}/events", headers={"Last-Event-ID": "1"}).text
    kind, data = re.findall(r"^event: (\w+)\ndata: (.*)$", text, re.MULTILINE)[-1]
    return kind, json.loads(data)


def is_done(browser: Browser, place: str) -> bool:
    return last_event(browser, place)[0] == "done"


def downloaded_in_two(browser: Browser, place: str) -> zipfile.ZipFile:
    """The ZIP, by a download that breaks off in the middle and goes on."""
    head = browser.request("HEAD", f"{place}.zip")
    size, tag = int(head.headers["content-length"]), head.headers["etag"]
    first = browser.get(f"{place}.zip", headers={"Range": f"bytes=0-{size // 2}"})
    more = {"Range": f"bytes={size // 2 + 1}-", "If-Range": tag}
    second = browser.get(f"{place}.zip", headers=more)
    assert (first.status_code, second.status_code) == (206, 206)
    content = first.content + second.content
    assert tag == f'"{hashlib.sha256(content).hexdigest()}"'
    assert browser.get(f"{place}.zip").content == content
    return zipfile.ZipFile(io.BytesIO(content))


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def check(archive: zipfile.ZipFile, company: str) -> None:
    """Every sum is right, nothing lacks, and the tables say the same as each other."""
    assert archive.testzip() is None
    lines = archive.read("SHA256SUMS").decode().splitlines()
    told = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    assert sorted([*told, "SHA256SUMS"]) == sorted(archive.namelist())
    assert all(hashlib.sha256(archive.read(name)).hexdigest() == told[name] for name in told)
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["product"], manifest["company"], manifest["year"]) == ("mode", company, YEAR)
    assert all(told[file["name"]] == file["sha256"] for file in manifest["files"])
    invoices = {name for name in archive.namelist() if name.startswith("invoices/")}
    assert invoices == {f"invoices/Fa-{YEAR}-{n:03}.pdf" for n in range(INVOICES)}
    assert all(archive.read(name).startswith(b"%PDF-") for name in invoices)
    [stated] = [name for name in archive.namelist() if re.fullmatch(r"statement.*\.csv", name)]
    billed, entries = rows_of(archive.read(f"invoices-{YEAR}.csv")), rows_of(archive.read(stated))
    assert len(billed) == INVOICES
    for currency in ("USD", "EUR"):
        counted = [r for r in billed if r["currency"] == currency and r["status"] != "Void"]
        moved = [r for r in entries if r["currency"] == currency]
        figures = {
            name: sum((Decimal(row[name]) for row in counted), Decimal(0))
            for name in ("amount", "paid", "left_to_pay")
        }
        charged = sum((Decimal(r["charged"]) for r in moved if r["charged"]), Decimal(0))
        credited = sum((Decimal(r["credited"]) for r in moved if r["credited"]), Decimal(0))
        assert (charged, credited) == (figures["amount"], figures["paid"])
        assert Decimal(moved[-1]["balance"]) == figures["left_to_pay"]


def test_a_pack_whose_maker_was_killed_is_gone_on_with(
    stand: Stand, own: Restarted, client: Person
) -> None:
    session = stand.token(client)
    browser = stand.browser(own.portal, session=session)
    place = start(browser)
    until(lambda: finished_in(browser, place) > 3, seconds=PATIENCE)
    own.kill()
    own.again()
    browser = stand.browser(own.portal, session=session)
    before = finished_in(browser, place)
    assert 3 < before < INVOICES
    assert browser.get(f"{place}.zip").status_code == 404
    # Its lease has to run out first; then watching is enough.
    until(lambda: is_done(browser, place), seconds=PATIENCE)
    check(downloaded_in_two(browser, place), "Łódź / Søn")


def test_a_program_that_is_asked_to_stop_leaves_its_pack_to_the_next(
    stand: Stand, own: Restarted, client: Person
) -> None:
    session = stand.token(client)
    browser = stand.browser(own.portal, session=session)
    place = start(browser)
    until(lambda: finished_in(browser, place) > 3, seconds=PATIENCE)
    assert own.ask_to_stop() < PROMPT
    assert "background_work_cancelled" not in own.portal.log.read_text()
    own.again()
    browser = stand.browser(own.portal, session=session)
    # Nobody holds it any more: no waiting.
    assert "Making it was interrupted." in browser.get(place).text
    assert browser.post(f"{place}/go-on").headers["location"] == place
    until(lambda: is_done(browser, place), seconds=PATIENCE)
    check(downloaded_in_two(browser, place), "Łódź / Søn")


def test_the_events_come_one_by_one_and_not_all_at_the_end(
    stand: Stand, own: Restarted, client: Person
) -> None:
    browser = stand.browser(own.portal, session=stand.token(client))
    place = start(browser)
    sent = {
        "Cookie": f"sm_client={browser.cookies['sm_client']}",
        "Sec-Fetch-Site": "same-origin",
        "Accept-Encoding": "gzip",
    }
    with own.portal.http.stream("GET", f"{place}/events", headers=sent) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        first = next(line for line in lines if line.startswith("data: "))
        # While the stream is still open, the pack is still being made.
        assert json.loads(first.removeprefix("data: "))["done"] < INVOICES
        assert browser.post(f"{place}/cancel").status_code == 303
        kinds = [line for line in lines if line.startswith("event: ")]
    assert kinds[-1] == "event: cancelled"
    assert browser.get(f"{place}.zip").status_code == 404


def test_whoever_watches_does_not_hold_up_the_end_of_the_program(
    stand: Stand, own: Restarted, client: Person
) -> None:
    browser = stand.browser(own.portal, session=stand.token(client))
    place = start(browser)
    sent = {"Cookie": f"sm_client={browser.cookies['sm_client']}", "Sec-Fetch-Site": "same-origin"}
    with own.portal.http.stream("GET", f"{place}/events", headers=sent) as answer:
        assert next(answer.iter_lines()) == "retry: 1000"
        assert own.ask_to_stop() < PROMPT
    assert "graceful shutdown exceeded" not in own.portal.log.read_text()
