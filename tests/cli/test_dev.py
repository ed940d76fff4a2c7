"""`portal dev`: one command from nothing to a portal that someone can sign in to."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.processes import Dev, free_ports, portal, project_in, run_portal, running_dev, stop
from tests.stage import FETCH, LINK


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with running_dev(tmp_path_factory.mktemp("dev")) as running:
        yield running


def test_the_terminal_shows_bindings_addresses_and_people_and_no_secret(dev: Dev) -> None:
    for word in (dev.portal, dev.sandbox, "/mailbox", "jane@acme.com", "STATE", "SESSION_SECRET"):
        assert word in dev.printed
    secrets = [
        line.partition("=")[2].strip("'\"")
        for line in (dev.folder / ".dev.vars").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    ]
    assert len(secrets) >= 4
    for secret in secrets:
        assert secret not in dev.printed


def test_the_secrets_are_written_for_their_owner_alone(dev: Dev) -> None:
    assert stat.S_IMODE((dev.folder / ".dev.vars").stat().st_mode) == 0o600


def test_the_mail_arrives_over_smtp_and_its_link_signs_in(dev: Dev) -> None:
    with httpx.Client(base_url=dev.portal, headers=FETCH, follow_redirects=False) as browser:
        asked = browser.post("/auth/magic", data={"email": "sam@acme.com", "redirect": "/"})
        assert asked.status_code == 303
        token = LINK.search(_newest_mail(dev, "sam@acme.com"))
        assert token
        pressed = browser.post("/auth/magic/verify", data={"token": token[1]})
        assert pressed.status_code == 303
        assert "Acme Corp" in browser.get("/").text


def _newest_mail(dev: Dev, to: str) -> str:
    for _ in range(200):
        found = httpx.get(f"{dev.sandbox}/mailbox/messages", params={"to": to}).json()
        if found:
            return str(found[0]["text"])
    raise AssertionError("no mail came")


def test_the_doctor_finds_everything_well(dev: Dev) -> None:
    port = dev.sandbox.rpartition(":")[2]
    code, printed = run_portal(
        "check",
        folder=dev.folder,
        SM_API_URL=dev.sandbox,
        SMTP_URL=_smtp_of(dev),
        GOOGLE_DISCOVERY_URL=f"{dev.sandbox}/google/.well-known/openid-configuration",
    )
    assert code == 0, printed
    assert printed.count("✔") == 7
    assert f"127.0.0.1:{port} accepts our service token" in printed


def _smtp_of(dev: Dev) -> str:
    words = list(map(str, dev.process.args))  # type: ignore[arg-type] # we started it with a list
    return f"smtp://127.0.0.1:{words[words.index('--smtp-port') + 1]}"


def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(dev: Dev) -> None:
    nothing = free_ports(1)[0]
    code, printed = run_portal(
        "check",
        folder=dev.folder,
        SM_API_URL=dev.sandbox,
        SM_API_CLIENT_SECRET="not-the-secret-of-this-sandbox",
        SMTP_URL=f"smtp://127.0.0.1:{nothing}",
    )
    assert code == 1
    assert "✘ SM API" in printed
    assert "→ set SM_API_CLIENT_ID and SM_API_CLIENT_SECRET" in printed
    assert "✘ SMTP" in printed


def test_a_taken_port_is_named(dev: Dev, tmp_path: Path) -> None:
    taken = dev.portal.rpartition(":")[2]
    code, printed = run_portal("dev", "--port", taken, folder=project_in(tmp_path))
    assert code == 1
    assert f"127.0.0.1:{taken} is taken by another program" in printed


def test_data_outlives_a_restart(tmp_path: Path) -> None:
    with running_dev(tmp_path) as first:
        with httpx.Client(base_url=first.portal, headers=FETCH) as browser:
            browser.post("/auth/magic", data={"email": "jane@acme.com"})
            _newest_mail(first, "jane@acme.com")
        assert "Stopping." in stop(first.process)
        assert first.process.returncode == 0
    with running_dev(tmp_path) as second:
        assert _newest_mail(second, "jane@acme.com")


def test_serving_without_a_required_secret_says_which_and_where(tmp_path: Path) -> None:
    folder = project_in(tmp_path)
    code, printed = run_portal("serve", "--env", "production", folder=folder)
    assert code == 1
    assert "SESSION_SECRET" in printed
    assert "SM_API_CLIENT_SECRET" in printed
    assert "environment" in printed


def test_all_problems_of_the_file_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "wrangler-like.toml").write_text(
        'name = 7\nmian = "portal/asgi.py"\n[vars]\nPORTAL_ORIGIN = "not an origin"\n'
    )
    code, printed = run_portal("serve", folder=tmp_path)
    assert code == 1
    for word in ('"name"', '"mian"', "PORTAL_ORIGIN", "SESSION_SECRET"):
        assert word in printed


def test_an_unknown_environment_lists_those_there_are(tmp_path: Path) -> None:
    code, printed = run_portal("serve", "--env", "prod", folder=project_in(tmp_path))
    assert code == 1
    assert "production" in printed
    assert "staging" in printed


def test_a_production_server_starts_from_the_process_environment(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    process = portal(
        "serve",
        "--env",
        "production",
        "--port",
        str(port),
        folder=project_in(tmp_path),
        SESSION_SECRET="s" * 40,
        SM_API_CLIENT_ID="id",
        SM_API_CLIENT_SECRET="secret",
        SMTP_URL="smtp://127.0.0.1:25",
        GOOGLE_CLIENT_ID="id",
        GOOGLE_CLIENT_SECRET="secret",
    )
    try:
        answer = _when_it_answers(f"http://127.0.0.1:{port}/healthz")
        assert answer.json() == {"ok": True}
        assert "strict-transport-security" in answer.headers
        other = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": "evil.example"})
        assert other.status_code == 400
    finally:
        stop(process)


def _when_it_answers(url: str) -> httpx.Response:
    """The first answer; the client itself waits longer and longer while nobody listens."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=7)) as client:
        return client.get(url)
