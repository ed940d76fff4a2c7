"""`portal grant` and `portal revoke`: access without curl, from a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.cli.test_sandbox import running_sandbox
from tests.processes import free_ports, project_in, run_portal

PAT = "/api/contacts/ct_patdoy1"


@dataclass(frozen=True)
class Place:
    """A project whose sandbox runs."""

    folder: Path
    sandbox: str
    smtp: str

    def run(self, *words: str) -> tuple[int, str]:
        return run_portal(*words, folder=self.folder, SM_API_URL=self.sandbox, SMTP_URL=self.smtp)

    def get(self, path: str, **params: str) -> Any:
        lines = (self.folder / ".dev.vars").read_text().splitlines()
        secrets = dict(line.split("=", 1) for line in lines if "=" in line)
        key = secrets["SM_API_KEY"].strip('"')
        answer = httpx.get(f"{self.sandbox}{path}", params=params, headers={"X-SM-Key": key})
        return answer.json()["data"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = project_in(tmp_path_factory.mktemp("granting"))
    [smtp_port] = free_ports(1)
    with running_sandbox(folder, "--smtp-port", str(smtp_port)) as url:
        yield Place(folder, url, f"smtp://127.0.0.1:{smtp_port}")


def test_access_is_shown_given_and_on_record(place: Place) -> None:
    code, printed = place.run("grant", "PAT@acme.com", "--role", "client_admin")
    assert code == 0, printed
    assert "Pat Doyle, Acme Corp" in printed
    assert "invoices         18" in printed
    assert "pat@acme.com has access as client_admin." in printed
    pat = place.get(PAT)
    assert (pat["portal_access"], pat["portal_role"]) == (1, "client_admin")
    [noted] = place.get("/api/activities", type="portal_access_granted")
    assert noted["contact_id"] == "ct_patdoy1"
    assert noted["metadata"]["staff_id"].startswith("cli:")


def test_access_is_taken_away(place: Place) -> None:
    code, printed = place.run("revoke", "pat@acme.com", "--yes")
    assert code == 0, printed
    assert "will see nothing" in printed
    assert place.get(PAT)["portal_access"] == 0
    assert place.get("/api/activities", type="portal_access_revoked")


def test_an_invitation_is_mailed_on_request(place: Place) -> None:
    code, printed = place.run("grant", "pat@acme.com", "--invite")
    assert code == 0, printed
    assert "The invitation is on its way." in printed
    found = httpx.get(f"{place.sandbox}/mailbox/messages", params={"to": "pat@acme.com"}).json()
    assert [letter["subject"] for letter in found] == ["Your access to Mode"]
    place.run("revoke", "pat@acme.com")


def test_an_address_that_is_nobodys_or_another_products_is_refused(place: Place) -> None:
    for email in ("nobody@acme.com", "nadia@wayne.example", "acme.com"):
        code, printed = place.run("grant", email)
        assert code == 1
        assert f"No contact of mode has the address {email}." in printed


def test_an_address_of_two_contacts_is_not_guessed_at(place: Place) -> None:
    code, printed = place.run("grant", "robin@parkadvisory.example", "--role", "client_admin")
    assert code == 1
    assert "2 contacts of mode share" in printed
    assert "Hooli" in printed
    assert place.get("/api/activities", type="portal_access_granted")[0]["contact_name"] != "Robin"


def test_our_own_people_are_not_made_clients(place: Place) -> None:
    code, printed = place.run("grant", "ava@sprintmode.ai")
    assert code == 1
    assert "own people" in printed or "No contact of mode" in printed


def test_a_role_that_there_is_not_is_refused(place: Place) -> None:
    code, printed = place.run("grant", "pat@acme.com", "--role", "owner")
    assert code == 2
    assert "client_admin" in printed


def test_an_sm_api_that_is_away_is_said(place: Place) -> None:
    code, printed = run_portal(
        "grant", "pat@acme.com", folder=place.folder, SM_API_URL="http://127.0.0.1:9"
    )
    assert code == 1
    assert "cannot reach our records" in printed
