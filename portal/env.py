"""Everything the worker is given from outside, in one value: tests build their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import HTTPConnection

from portal.activity.outbox import Outbox
from portal.auth.google.provider import GoogleProvider
from portal.auth.limits import AskLimits, RefusalLimit
from portal.crm.cache import ReadCache
from portal.crm.client import SMApi
from portal.crm.contacts import Contacts
from portal.crm.magic_sessions import MagicSessions
from portal.edge.ctx import Context
from portal.edge.kv import KV
from portal.kept_pages import KeptPages
from portal.mail import Mailer
from portal.metrics import Metrics
from portal.settings import Settings
from portal.templating import Templates
from portal.tracing import Tracing

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Env:
    """The bindings and settings of one worker. `clock` gives aware UTC."""

    settings: Settings
    clock: Clock
    sm: SMApi
    reads: ReadCache[Any]
    contacts: Contacts
    magic: MagicSessions
    state: KV
    outbox: Outbox
    mailer: Mailer
    templates: Templates
    ctx: Context
    ask_limits: AskLimits
    refusal_limit: RefusalLimit
    google: GoogleProvider | None
    metrics: Metrics
    pages: KeptPages
    tracing: Tracing | None = None

    async def close(self) -> None:
        """Close connections and stores, once nothing uses them any more."""
        await self.outbox.close()
        await self.sm.close()
        await self.state.close()
        if self.tracing is not None:
            await self.tracing.close()


def env_of(connection: HTTPConnection) -> Env:
    """The environment of the app that serves this request."""
    env = connection.app.state.env
    assert isinstance(env, Env)
    return env
