"""`portal check`: the doctor. Asks everything the portal depends on and says how to mend it."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from portal.asgi import build_env
from portal.cli.project import add_project_options
from portal.edge.diagnostics import ConfigError, Diagnostic
from portal.edge.engine import MEMORY
from portal.edge.kv import open_kv
from portal.edge.queue import open_queue
from portal.edge.values import without_credentials
from portal.env import Env
from portal.errors import (
    GoogleUnavailable,
    SMApiError,
    SMApiMalformed,
    SMApiRejected,
    SMApiUnauthorized,
    StateUnavailable,
)
from portal.mail import MailFailed
from portal.observe import configure_logging
from portal.settings import ACTIVITIES, STATE, Settings, load_settings
from portal.variables import VARIABLES

T = TypeVar("T")
Level = Literal["ok", "warning", "error"]

MEND: Final = "see that the engine is up and can be written"
MARKS: Final[dict[Level, str]] = {"ok": "✔", "warning": "▲", "error": "✘"}
LONGEST_LOOK: Final = 15.0
"""Seconds that one thing is given to answer, and to be asked again."""

LONG_WAIT: Final = 300.0
"""Seconds that an activity may wait for delivery before that is worth a word."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, how it is, and the mend when it is not well."""

    subject: str
    level: Level
    says: str
    mend: str = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_project_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each thing checked; 1 when one is an error."""
    configure_logging(json_lines=False)
    try:
        config, settings = load_settings(arguments.config, arguments.env, os.environ)
    except ConfigError as error:
        print(report(map(_of_file, error.diagnostics)))
        return 1
    findings = [
        *map(_of_file, config.warnings),
        Finding("configuration", "ok", f"{config.path.name}, environment {settings.environment}"),
        Finding("secrets", "ok", f"all {len(config.required_secrets)} required ones are set"),
        *asyncio.run(examine(settings)),
    ]
    print(report(findings))
    return 1 if any(finding.level == "error" for finding in findings) else 0


def report(findings: Iterable[Finding]) -> str:
    """The findings as lines, each with its mend below it."""
    lines = []
    for finding in findings:
        says = finding.says.splitlines() or [""]
        lines.append(f"{MARKS[finding.level]} {finding.subject:<14} {says[0]}")
        lines.extend(f"  {'':<14} {line}" for line in says[1:])
        lines.extend(f"  {'':<14} → {line}" for line in finding.mend.splitlines())
    return "\n".join(lines)


async def examine(settings: Settings) -> list[Finding]:
    """What is found of everything outside, all of it asked at the same time."""
    state, no_state = _opened(
        STATE, settings.state_url, lambda url: open_kv(url, unavailable=StateUnavailable)
    )
    queue, no_queue = _opened(
        ACTIVITIES,
        settings.activities_url,
        lambda url: open_queue(url, unavailable=StateUnavailable),
    )
    env = build_env(settings, state=state, queue=queue)
    try:
        looks = (
            _look("SM API", _sm_api, env),
            _look("Google", _google, env),
            _look("SMTP", _smtp, env),
            _look(STATE, _state, env, no_state),
            _look(ACTIVITIES, _queue, env, no_queue),
        )
        return list(await asyncio.gather(*looks))
    finally:
        await env.close()


def _of_file(diagnostic: Diagnostic) -> Finding:
    secrets = {name for variable in VARIABLES if variable.secret for name in variable.names}
    subject = "secrets" if diagnostic.where in secrets else "configuration"
    return Finding(subject, diagnostic.level, diagnostic.message, diagnostic.mend)


def _opened(binding: str, url: str, opening: Callable[[str], T]) -> tuple[T, Finding | None]:
    """The engine of a binding; when it cannot be opened, another in its place, and why."""
    try:
        return opening(url), None
    except Exception as error:  # whatever the engine raises
        said = f"{without_credentials(url)}: {error}"
        return opening(MEMORY), Finding(binding, "error", said, MEND)


async def _look(
    subject: str,
    check: Callable[[Env], Awaitable[Finding]],
    env: Env,
    known: Finding | None = None,
) -> Finding:
    if known is not None:
        return known
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            return await check(env)
    except TimeoutError:
        return Finding(subject, "error", f"no answer within {LONGEST_LOOK:g} s")


async def _sm_api(env: Env) -> Finding:
    url = env.settings.sm_api_url
    try:
        await env.sm.check()
    except SMApiUnauthorized as error:
        mend = "set SM_API_CLIENT_ID and SM_API_CLIENT_SECRET to a valid service token"
        return Finding("SM API", "error", f"{url} {error.detail}", mend)
    except (SMApiMalformed, SMApiRejected) as error:
        mend = (
            "see that SM_API_URL is SM API's, and that SM_API_CLIENT_ID and SM_API_CLIENT_SECRET "
            "are valid there"
        )
        return Finding("SM API", "error", f"{url} {error.detail}", mend)
    except SMApiError as error:
        mend = f"see that {url} is up and reachable from here (locally: portal dev)"
        return Finding("SM API", "error", f"{url} {error.detail}", mend)
    return Finding("SM API", "ok", f"{url} accepts our service token")


async def _google(env: Env) -> Finding:
    if env.google is None:
        return Finding("Google", "ok", "no client: sign-in is by mail alone")
    try:
        issuer = await env.google.check()
    except GoogleUnavailable as error:
        mend = "set GOOGLE_DISCOVERY_URL to a discovery document that answers from here"
        return Finding("Google", "error", error.detail, mend)
    return Finding("Google", "ok", f"{issuer} can be asked")


async def _smtp(env: Env) -> Finding:
    try:
        greeting = await env.mailer.check()
    except MailFailed as error:
        mend = "set SMTP_URL to a mail server that answers and takes our user and password"
        return Finding("SMTP", "error", str(error), mend)
    return Finding("SMTP", "ok", greeting)


async def _state(env: Env) -> Finding:
    url = without_credentials(env.settings.state_url)
    try:
        await env.state.put("portal-check", b"1", ttl=1)
        kept = await env.state.get("portal-check")
    except Exception as error:  # whatever the engine raises
        return Finding(STATE, "error", f"{url}: {error}", MEND)
    if kept != b"1":
        return Finding(STATE, "error", f"{url} forgets", "see that the store keeps what it gets")
    return _in_memory(STATE, url) or Finding(STATE, "ok", url)


async def _queue(env: Env) -> Finding:
    url = without_credentials(env.settings.activities_url)
    try:
        depth = await env.outbox.depth()
    except StateUnavailable as error:
        return Finding(ACTIVITIES, "error", f"{url}: {error}", MEND)
    says = f"{url}: {depth.waiting} waiting, {depth.dead} dead letters"
    if depth.dead:
        mend = "see why with portal activities dead, and send them again with replay"
        return Finding(ACTIVITIES, "warning", says, mend)
    if depth.oldest_age_seconds > LONG_WAIT:
        minutes = f"{depth.oldest_age_seconds / 60:.0f} minutes"
        mend = "see that SM API takes writes and that portal serve runs: it delivers them"
        return Finding(ACTIVITIES, "warning", f"{says}, the first for {minutes}", mend)
    return _in_memory(ACTIVITIES, url) or Finding(ACTIVITIES, "ok", says)


def _in_memory(binding: str, url: str) -> Finding | None:
    if url != MEMORY:
        return None
    return Finding(binding, "warning", f"{url} ends with the process", "name a file or a server")
