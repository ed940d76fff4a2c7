"""What `portal grant` and `portal revoke` share: find, show, ask, and the running portal obeys."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.blackbox.tokens import HS256, claims_of, forged
from tests.processes import Dev, run_portal, running_dev


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with running_dev(tmp_path_factory.mktemp("project")) as running:
        yield running


def variables(dev: Dev) -> dict[str, str]:
    """What `portal dev` told its own processes: where SM API and the mail server are."""
    smtp = re.search(r"env\.SMTP_URL \((\S+)\)", dev.printed)
    assert smtp
    return {"SM_API_URL": dev.sandbox, "SMTP_URL": smtp[1], "PORTAL_ORIGIN": dev.portal}


def run(dev: Dev, *words: str, **environ: str) -> tuple[int, str]:
    """A command's exit code, and what it printed."""
    return run_portal(*words, folder=dev.folder, **{**variables(dev), **environ})


def at_a_terminal(dev: Dev, said: str, *words: str) -> tuple[int, str]:
    """As `run`, with a person at a terminal who types one line."""
    ours, theirs = os.openpty()
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    os.write(ours, f"{said}\n".encode())
    try:
        done = subprocess.run(
            [sys.executable, "-m", "portal", *words],
            cwd=dev.folder,
            env={**inherited, **variables(dev)},
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout + done.stderr


def secrets(dev: Dev) -> dict[str, str]:
    lines = (dev.folder / ".dev.vars").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def crm(dev: Dev, path: str, **params: str) -> Any:
    key = secrets(dev)["SM_API_KEY"]
    answer = httpx.get(f"{dev.sandbox}{path}", headers={"X-SM-Key": key}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def patch(dev: Dev, contact_id: str, **values: Any) -> None:
    answer = httpx.patch(
        f"{dev.sandbox}/api/contacts/{contact_id}",
        headers={"X-SM-Key": secrets(dev)["SM_API_KEY"]},
        json=values,
    )
    assert answer.status_code == 200, answer.text


def browser(dev: Dev, contact_id: str, email: str) -> httpx.Client:
    """A browser with a session that another portal signed, a moment old."""
    claims = claims_of(contact_id, email, iat=int(time.time()) - 5)
    token = forged(HS256, claims, secrets(dev)["SESSION_SECRET"])
    headers = {"Cookie": f"sm_client={token}", "Accept": "text/html"}
    return httpx.Client(base_url=dev.portal, headers=headers, follow_redirects=False)


def test_access_is_shown_given_in_the_least_role_and_on_record(dev: Dev) -> None:
    code, printed = run(dev, "grant", "PAT@acme.com")
    assert code == 0, printed
    assert "Pat Doyle, Acme Corp" in printed
    assert re.search(r"invoices\s+0\n", printed)
    assert re.search(r"engagements\s+5\n", printed)
    assert "pat@acme.com has access as client_viewer." in printed
    contact = crm(dev, "/api/contacts/ct_patdoy1")
    assert (contact["portal_access"], contact["portal_role"]) == (1, "client_viewer")
    [noted] = crm(dev, "/api/activities", type="portal_access_granted", contact_id="ct_patdoy1")
    assert noted["metadata"]["role"] == "client_viewer"
    assert noted["metadata"]["staff_id"].startswith("cli:")


def test_an_admin_is_shown_to_see_money_and_is_mailed_the_way_in(dev: Dev) -> None:
    patch(dev, "ct_def456", portal_access=0)
    code, printed = run(dev, "grant", "sam@acme.com", "--role", "client_admin", "--invite", "-y")
    assert code == 0, printed
    assert re.search(r"invoices\s+18\n", printed)
    assert printed.rstrip().endswith("The invitation is on its way.")
    messages = httpx.get(f"{dev.sandbox}/mailbox/messages", params={"to": "sam@acme.com"}).json()
    found = messages["data"] if isinstance(messages, dict) else messages
    assert found[0]["subject"] == "Your access to Mode"
    assert f"{dev.portal}/auth/login?email=sam%40acme.com" in found[0]["text"]


def test_a_mail_server_that_is_down_is_said_and_the_access_stands(dev: Dev) -> None:
    patch(dev, "ct_robin01", email="robin.alone@parkadvisory.example", portal_access=0)
    code, printed = run(
        dev,
        *("grant", "robin.alone@parkadvisory.example", "--invite"),
        SMTP_URL="smtp://127.0.0.1:9",
    )
    assert code == 0
    assert "has access as client_viewer. The mail server did not take the invitation." in printed
    assert crm(dev, "/api/contacts/ct_robin01")["portal_access"] == 1
    patch(dev, "ct_robin01", email="robin@parkadvisory.example")


def test_access_that_is_taken_away_ends_the_session_in_the_running_portal(dev: Dev) -> None:
    with browser(dev, "ct_globex1", "hank@globex.com") as hank:
        assert hank.get("/invoices").status_code == 200
        code, printed = run(dev, "revoke", "hank@globex.com", "--yes")
        assert code == 0, printed
        assert "Hank Scorpio, Globex Corp" in printed
        assert "hank@globex.com has no access any more." in printed
        assert hank.get("/invoices").headers["location"].startswith("/auth/login")
        assert crm(dev, "/api/contacts/ct_globex1")["portal_access"] == 0
        [noted] = crm(dev, "/api/activities", type="portal_access_revoked", contact_id="ct_globex1")
        assert noted["metadata"]["staff_id"].startswith("cli:")
        # Access that is given again does not wake the old session.
        assert run(dev, "grant", "hank@globex.com", "--role", "client_admin")[0] == 0
        assert hank.get("/invoices").headers["location"].startswith("/auth/login")


@pytest.mark.parametrize("command", ["grant", "revoke"])
def test_an_address_at_two_companies_is_not_guessed(dev: Dev, command: str) -> None:
    before = [crm(dev, f"/api/contacts/{c}") for c in ("ct_robin01", "ct_robin02")]
    code, printed = run(dev, command, "robin@parkadvisory.example")
    assert code == 1
    assert "2 contacts of mode share robin@parkadvisory.example" in printed
    for text in ("ct_robin01", "Initech", "ct_robin02", "Hooli", "staff pages"):
        assert text in printed
    assert [crm(dev, f"/api/contacts/{c}") for c in ("ct_robin01", "ct_robin02")] == before


@pytest.mark.parametrize("command", ["grant", "revoke"])
@pytest.mark.parametrize(
    "email",
    ["nobody@acme.com", "ane@acme.com", "acme.com", "nadia@wayne.example", "ava@sprintmode.ai"],
    ids=["unknown", "part of one", "a domain", "another product's", "staff"],
)
def test_whoever_is_no_contact_of_this_product_is_not_found(
    dev: Dev, command: str, email: str
) -> None:
    code, printed = run(dev, command, email)
    assert code == 1
    assert printed.strip() == f"No contact of mode has the address {email}."


def test_one_of_our_own_people_is_refused_with_the_reason(dev: Dev) -> None:
    patch(dev, "ct_mjwats1", is_sm_team=1)
    code, printed = run(dev, "grant", "mary-jane@acme.com", "--role", "client_admin")
    assert code == 1
    assert "one of our own people" in printed
    assert "Traceback" not in printed
    patch(dev, "ct_mjwats1", is_sm_team=0)


@pytest.mark.parametrize(
    "words",
    [
        ("grant",),
        ("revoke",),
        ("grant", "jane@acme.com", "--role", "team"),
        ("revoke", "jane@acme.com", "--role", "client_admin"),
    ],
)
def test_words_that_do_not_fit_are_explained(dev: Dev, words: tuple[str, ...]) -> None:
    code, printed = run(dev, *words)
    assert code == 2
    assert printed.startswith("usage: portal")


@pytest.mark.parametrize("command", ["grant", "revoke"])
def test_a_crm_that_is_down_is_said_without_a_trace(dev: Dev, command: str) -> None:
    code, printed = run(dev, command, "jane@acme.com", SM_API_URL="http://127.0.0.1:9")
    assert code == 1
    assert "We cannot reach our records right now" in printed
    assert "Traceback" not in printed
    assert crm(dev, "/api/contacts/ct_abc123")["portal_access"] == 1


def test_a_crm_that_refuses_our_service_token_is_said(dev: Dev) -> None:
    code, printed = run(dev, "grant", "jane@acme.com", SM_API_CLIENT_SECRET="not-the-secret")
    assert code == 1
    assert "Traceback" not in printed
    assert "not-the-secret" not in printed


@pytest.mark.parametrize(
    ("said", "access"), [("", 1), ("n", 1), ("nonsense", 1), ("y", 0), (" YES ", 0)]
)
def test_at_a_terminal_nothing_happens_without_a_yes(dev: Dev, said: str, access: int) -> None:
    patch(dev, "ct_zoeluk1", portal_access=1)
    code, printed = at_a_terminal(dev, said, "revoke", "zoe@lukasiewicz.example")
    assert "Go on? [y/N]" in printed
    assert code == access
    assert ("Nothing was changed." in printed) == bool(access)
    assert crm(dev, "/api/contacts/ct_zoeluk1")["portal_access"] == access


def test_at_a_terminal_yes_can_be_said_before(dev: Dev) -> None:
    code, printed = at_a_terminal(dev, "n", "grant", "zoe@lukasiewicz.example", "--yes")
    assert code == 0
    assert "Go on?" not in printed


def test_no_command_prints_a_secret(dev: Dev, tmp_path: Path) -> None:
    code, printed = run(dev, "grant", "jane@acme.com", "--role", "client_admin")
    assert code == 0
    assert not [value for value in secrets(dev).values() if value and value in printed]
    nowhere = run_portal("grant", "jane@acme.com", folder=tmp_path)
    assert nowhere[0] == 1
    assert "Traceback" not in nowhere[1]
