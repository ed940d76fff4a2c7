"""Starting the sandbox and the portals as real processes, and stopping them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final

import httpx2 as httpx

from tests.blackbox.browser import Portal
from tests.blackbox.stand import NEWER_SESSION_SECRET, SECRETS, Stand, until
from tests.processes import UNHURRIED, free_ports, portal_writing_to, project_in, stop

PRODUCTION: Final = "https://mode.portal.example"
ROOM_FOR_TESTS: Final = {
    **UNHURRIED,
    "REFUSAL_LIMIT_CLIENT": "1000/minute",
    "ACCESS_FRESHNESS": "1",
}


IN_PRODUCTION: Final = {
    **SECRETS,
    **ROOM_FOR_TESTS,
    "SESSION_SECRET": NEWER_SESSION_SECRET,
    "SESSION_SECRET_PREVIOUS": SECRETS["SESSION_SECRET"],
    "SESSION_COOKIE_DOMAIN": ".portal.example",
    "GOOGLE_CLIENT_ID": "",
    "GOOGLE_CLIENT_SECRET": "",
}


@contextmanager
def standing(folder: Path) -> Iterator[Stand]:
    """The four processes, ready; stopped at the end."""
    api, smtp, *ports = free_ports(5)
    main_origin = _local(ports[0])
    elsewhere = {
        "SM_API_URL": _local(api),
        "SMTP_URL": f"smtp://127.0.0.1:{smtp}",
        "GOOGLE_DISCOVERY_URL": f"{_local(api)}/google/.well-known/openid-configuration",
    }
    home = project_in(folder / "main")
    _write_secrets(home)
    _without_google(project_in(folder / "production"))
    limited = {**SECRETS, "TRUSTED_PROXIES": "1", "ACCESS_FRESHNESS": "1", "READ_FRESHNESS": "0"}
    with ExitStack() as stack:
        words = ("sandbox", "--strict", "--port", str(api), "--smtp-port", str(smtp))
        log = folder / "sandbox.log"
        sandbox = portal_writing_to(log, *words, folder=home, PORTAL_ORIGIN=main_origin)
        stack.callback(stop, sandbox)
        start = partial(_portal, stack, elsewhere)
        portals = (
            start(home, ports[0], main_origin, ROOM_FOR_TESTS),
            start(project_in(folder / "limited"), ports[1], _local(ports[1]), limited),
            start(folder / "production", ports[2], PRODUCTION, IN_PRODUCTION, "--env=production"),
        )
        crm = stack.enter_context(_client(_local(api)))
        crm.headers["X-SM-Key"] = SECRETS["SM_API_KEY"]
        for portal in portals:
            until(partial(_is_ready, portal), seconds=60)
        made = Stand(*portals, crm=crm, data=home / ".portal" / "sandbox.db")
        made.seen.note(*SECRETS.values(), NEWER_SESSION_SECRET)
        yield made


def _portal(
    stack: ExitStack,
    elsewhere: Mapping[str, str],
    place: Path,
    port: int,
    origin: str,
    environ: Mapping[str, str],
    *options: str,
) -> Portal:
    """Start `portal serve` in the folder `place`; not yet ready."""
    log = place.with_suffix(".log")
    told = {**environ, **elsewhere, "PORTAL_ORIGIN": origin}
    process = portal_writing_to(log, "serve", "--port", str(port), *options, folder=place, **told)
    stack.callback(stop, process)
    http = stack.enter_context(_client(_local(port)))
    made = Portal(place.name, origin, port, place, log, process, http)
    http.headers["Host"] = made.host
    return made


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _client(url: str) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        headers={"Accept": "application/json"},
        # Cookies are the test browsers' own: one client speaks for all of them.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=20,
        trust_env=False,
    )


def _is_ready(portal: Portal) -> bool:
    assert portal.process.poll() is None, portal.log.read_text()
    try:
        return bool(portal.http.get("/readyz").json()["ok"])
    except httpx.TransportError:
        return False


def _write_secrets(folder: Path) -> None:
    file = folder / ".dev.vars"
    file.write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    file.chmod(0o600)


def _without_google(folder: Path) -> None:
    """Make the configuration that of an owner who has no Google client."""
    file = folder / "wrangler-like.toml"
    required = '  "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "SMTP_URL",\n'
    text = file.read_text()
    assert required in text
    file.write_text(text.replace(required, '  "SMTP_URL",\n'))
