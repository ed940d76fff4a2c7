"""Whether requests and calls are traced: by OpenTelemetry's own variables, and without them not.

Nothing of OpenTelemetry is loaded before somebody asks for traces. Its code is in `portal.spans`,
for the extra `portal[telemetry]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Final, Protocol

import structlog
from starlette.types import ASGIApp

Span = Callable[[str, str], AbstractContextManager[Mapping[str, str]]]
"""Entered for each request to SM API, given its method and resource; yields headers to send."""

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
OTLP: Final = "otlp"
OTLP_PROTOCOL: Final = "http/protobuf"
EXPORTERS: Final = (OTLP, "console")

log = structlog.get_logger(__name__)


class Tracing(Protocol):
    """Makes spans: one of each request, one of each call to SM API."""

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app, each of whose requests is a span."""

    def call(self, method: str, resource: str) -> AbstractContextManager[Mapping[str, str]]:
        """See `Span`."""

    async def close(self) -> None:
        """Hand on what is still held, for about a second at most."""


def no_span(_method: str, _resource: str) -> AbstractContextManager[Mapping[str, str]]:
    """A `Span` that is none."""
    return nullcontext({})


def exporter_in(environ: Mapping[str, str]) -> str | None:
    """The exporter that OpenTelemetry's variables ask for: `otlp`, `console`, or None.

    An endpoint alone asks for `otlp`. What is asked for and cannot be had is logged.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    has_endpoint = any(environ.get(name) for name in ENDPOINTS)
    asked = environ.get(EXPORTER, "").strip().lower() or (OTLP if has_endpoint else "none")
    if asked == "none":
        return None
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), OTLP_PROTOCOL)
    if asked not in EXPORTERS or (asked == OTLP and protocol != OTLP_PROTOCOL):
        log.error("tracing_unavailable", exporter=asked, protocol=protocol)
        return None
    return asked


def tracing_from(environ: Mapping[str, str], service: str) -> Tracing | None:
    """What makes the spans that the variables ask for; None without them, or when it is missing.

    `service` names us where OTEL_SERVICE_NAME does not.
    """
    exporter = exporter_in(environ)
    if exporter is None:
        return None
    try:
        spans = import_module("portal.spans")
    except ModuleNotFoundError as error:
        log.warning("tracing_not_installed", missing=error.name, mend="mode-portal[telemetry]")
        return None
    made: Tracing = spans.exporting(exporter, service)
    return made
