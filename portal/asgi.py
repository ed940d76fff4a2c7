"""From configuration to a worker: opens the bindings and builds the app that a server imports."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from portal.activity.outbox import Outbox
from portal.activity.write import Write
from portal.app import create_app
from portal.auth.google.provider import GoogleProvider
from portal.auth.limits import AskLimits, RefusalLimit
from portal.crm.breaker import Breaker
from portal.crm.cache import ReadCache
from portal.crm.client import SMApi
from portal.crm.contacts import Contacts
from portal.crm.magic_sessions import CrmMagicSessions, MagicSessions
from portal.crm.magic_sessions_kv import KvMagicSessions
from portal.crm.reads import keeping_for
from portal.edge.ctx import Context
from portal.edge.kv import KV, open_kv
from portal.edge.queue import Queue, open_queue
from portal.env import Clock, Env
from portal.errors import StateUnavailable
from portal.kept_pages import KeptPages
from portal.mail import Mailer, SmtpMailer
from portal.metrics import Metrics
from portal.observe import configure_logging
from portal.server_timing import timing_calls, timing_reads
from portal.settings import CONFIG_VARIABLE, ENV_VARIABLE, Settings, load_settings
from portal.templating import Templates, build_templates
from portal.tracing import Tracing, no_span, tracing_from

if TYPE_CHECKING:
    import httpx2 as httpx


def utc_now() -> datetime:
    """The clock of real life."""
    return datetime.now(UTC)


def build_env(
    settings: Settings,
    clock: Clock = utc_now,
    *,
    sm: SMApi | None = None,
    mailer: Mailer | None = None,
    google_transport: httpx.AsyncBaseTransport | None = None,
    templates: Templates | None = None,
    metrics: Metrics | None = None,
    tracing: Tracing | None = None,
    state: KV | None = None,
    queue: Queue | None = None,
) -> Env:
    """Open everything the settings name; connections to elsewhere can be given instead.

    An `sm` that is given counts its calls in the `metrics` that were given to it, if any.
    Raises ValueError for an engine that is not installed.
    """
    metrics = metrics or Metrics()
    sm = sm or SMApi(
        settings.sm_api_url,
        client_id=settings.sm_api_client_id,
        client_secret=settings.sm_api_client_secret,
        product=settings.product,
        observe=timing_calls(metrics.sm_api_call),
        breaker=Breaker(observe=metrics.breaker_state),
        span=no_span if tracing is None else tracing.call,
    )

    def seconds() -> float:
        return clock().timestamp()

    state = state or open_kv(settings.state_url, seconds, StateUnavailable)
    queue = queue or open_queue(settings.activities_url, seconds, StateUnavailable)
    reads: ReadCache[Any] = ReadCache(
        keeping_for(settings.read_freshness), clock, observe=timing_reads(metrics.cache_read)
    )
    return Env(
        settings=settings,
        clock=clock,
        sm=sm,
        reads=reads,
        contacts=Contacts(
            sm,
            settings.product,
            clock,
            freshness=timedelta(seconds=settings.access_freshness),
            observe=timing_reads(metrics.cache_read),
        ),
        magic=_magic_sessions(settings, sm, state, clock),
        state=state,
        outbox=Outbox(
            queue,
            sm,
            settings.product,
            clock,
            lease=settings.delivery_lease,
            on_delivered=partial(_expire, reads, settings.product),
        ),
        mailer=mailer or SmtpMailer(settings.smtp_url, settings.mail_from),
        templates=templates or build_templates(settings),
        ctx=Context(),
        ask_limits=AskLimits(state, settings.ask_limit_address, settings.ask_limit_client),
        refusal_limit=RefusalLimit(state, settings.refusal_limit_client),
        google=_google(settings, clock, google_transport),
        metrics=metrics,
        pages=KeptPages(),
        tracing=tracing,
    )


def _expire(reads: ReadCache[Any], product: str, write: Write) -> None:
    """What has just reached the CRM shows at once where its company's records are read."""
    company_id = write.body.get("company_id")
    if isinstance(company_id, str):
        reads.expire((product, company_id))


def _google(
    settings: Settings, clock: Clock, transport: httpx.AsyncBaseTransport | None
) -> GoogleProvider | None:
    if settings.google_client_id is None or settings.google_client_secret is None:
        return None
    return GoogleProvider(
        settings.google_discovery_url,
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret,
        redirect_uri=f"{settings.portal_origin}/auth/sso/google/callback",
        clock=clock,
        transport=transport,
    )


def _magic_sessions(settings: Settings, sm: SMApi, state: KV, clock: Clock) -> MagicSessions:
    if settings.magic_sessions == "kv":
        return KvMagicSessions(state, clock)
    return CrmMagicSessions(sm, settings.product)


def build_app(settings: Settings) -> Starlette:
    """The worker that `portal serve` and `portal dev` run."""
    tracing = tracing_from(os.environ, f"{settings.product}-portal")
    return create_app(build_env(settings, tracing=tracing))


def app() -> Starlette:
    """What a server imports: the worker as the process environment configures it.

    Raises ConfigError when the configuration cannot be used.
    """
    path = Path(os.environ.get(CONFIG_VARIABLE, "wrangler-like.toml"))
    _, settings = load_settings(path, os.environ.get(ENV_VARIABLE) or None, os.environ)
    configure_logging(json_lines=settings.environment != "local")
    return build_app(settings)
