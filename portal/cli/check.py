"""`portal check`: the doctor. Asks everything the portal depends on and says how to mend it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from portal.asgi import build_env
from portal.cli.project import add_project_options, load_project
from portal.env import Env
from portal.errors import SMApiError, SMApiUnauthorized
from portal.mail import MailFailed

MARKS: Final = {"ok": "✔", "warning": "▲", "error": "✘"}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, how it is, and the mend when it is not well."""

    subject: str
    level: Literal["ok", "warning", "error"]
    says: str
    mend: str = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_project_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each thing checked; 1 when one is an error. Raises ConfigError."""
    config, settings = load_project(arguments.config, arguments.env)
    findings = [
        Finding("configuration", "ok", f"{config.path.name}, environment {settings.environment}"),
        Finding("secrets", "ok", f"all {len(config.required_secrets)} required ones are set"),
        *asyncio.run(_examine(build_env(settings))),
    ]
    print(report(findings))
    return 1 if any(finding.level == "error" for finding in findings) else 0


def report(findings: Iterable[Finding]) -> str:
    """The findings as lines, each error with its mend below it."""
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.level]} {finding.subject:<14} {finding.says}")
        if finding.mend:
            lines.append(f"  {'':<14} → {finding.mend}")
    return "\n".join(lines)


async def _examine(env: Env) -> list[Finding]:
    try:
        checks: list[Callable[[Env], Awaitable[Finding]]] = [_sm_api, _state, _queue, _smtp]
        return [await check(env) for check in checks]
    finally:
        await env.close()


async def _sm_api(env: Env) -> Finding:
    url = env.settings.sm_api_url
    try:
        await env.sm.check()
    except SMApiUnauthorized as error:
        mend = "set SM_API_CLIENT_ID and SM_API_CLIENT_SECRET to a valid service token"
        return Finding("SM API", "error", f"{url} {error.detail}", mend)
    except SMApiError as error:
        mend = f"see that {url} is up and reachable from here (locally: portal dev)"
        return Finding("SM API", "error", f"{url} {error.detail}", mend)
    return Finding("SM API", "ok", f"{url} accepts our service token")


async def _state(env: Env) -> Finding:
    url = env.settings.state_url
    try:
        await env.state.put("portal-check", b"1", ttl=1)
        kept = await env.state.get("portal-check")
    except Exception as error:  # whatever the engine raises
        return Finding("STATE", "error", f"{url}: {error}", "see that the store can be written")
    if kept != b"1":
        return Finding("STATE", "error", f"{url} forgets", "see that the store keeps what it gets")
    return Finding("STATE", "ok", url)


async def _queue(env: Env) -> Finding:
    depth = await env.outbox.depth()
    says = f"{env.settings.activities_url}: {depth.waiting} waiting, {depth.dead} dead letters"
    if depth.dead:
        return Finding("ACTIVITIES", "warning", says, "some activities were refused by SM API")
    return Finding("ACTIVITIES", "ok", says)


async def _smtp(env: Env) -> Finding:
    try:
        greeting = await env.mailer.check()
    except MailFailed as error:
        return Finding("SMTP", "error", str(error), "set SMTP_URL to a mail server that answers")
    return Finding("SMTP", "ok", greeting)
