"""Spans by OpenTelemetry: of requests and of calls to SM API, under the names of routes alone.

No attribute holds a path, a query, an id of a record or what an error says: those are for the log,
whose lines carry the trace's id.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.observe import QUIET_PATHS, method_name, route_name

CLOSING_SECONDS: Final = 1.0
SERVER_FAULT: Final = 500


class Spans:
    """Makes spans with a provider of its own; W3C `traceparent` in and out."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("portal")
        self._propagator = TraceContextTextMapPropagator()

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app, each of whose requests is a span; probes and assets are none."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"].startswith(QUIET_PATHS):
                await app(scope, receive, send)
                return
            with self._request(scope) as span:

                async def note(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        _note_status(span, message["status"])
                    await send(message)

                await app(scope, receive, note)

        return traced

    @contextmanager
    def call(self, method: str, resource: str) -> Iterator[Mapping[str, str]]:
        """A client span; yields the headers that make SM API's spans its children."""
        with self._tracer.start_as_current_span(
            f"{method} {resource}",
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, "sm_api.resource": resource},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            headers: dict[str, str] = {}
            self._propagator.inject(headers)
            with _failing(span):
                yield headers

    async def close(self) -> None:
        """Export what is held. A collector that does not answer is not waited for."""
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(closed.set)

        # Not the loop's own threads: the process would wait for those at its end.
        threading.Thread(target=close, name="closing spans", daemon=True).start()
        try:
            await asyncio.wait_for(closed.wait(), CLOSING_SECONDS)
        except TimeoutError:
            structlog.get_logger(__name__).warning("spans_lost")

    @contextmanager
    def _request(self, scope: Scope) -> Iterator[Span]:
        """A server span, child of the caller's. The route is known once the request is over."""
        method = method_name(scope)
        with self._tracer.start_as_current_span(
            method,
            context=self._propagator.extract(dict(Headers(scope=scope))),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            trace_id = format_trace_id(span.get_span_context().trace_id)
            try:
                with structlog.contextvars.bound_contextvars(trace_id=trace_id), _failing(span):
                    yield span
            finally:
                route = route_name(scope)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)


def exporting(exporter: str, service: str) -> Spans:
    """Spans that go to `otlp` (HTTP, by its variables) or to the `console`, in the background.

    Sampling, limits, headers and timeouts are the SDK's, by its variables. OTEL_SERVICE_NAME, or
    `service.name` in OTEL_RESOURCE_ATTRIBUTES, comes before `service`.
    """
    named = Resource.create({"service.name": service}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    to: SpanExporter = ConsoleSpanExporter() if exporter == "console" else OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(to))
    return Spans(provider)


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= SERVER_FAULT:
        span.set_status(StatusCode.ERROR)


@contextmanager
def _failing(span: Span) -> Iterator[None]:
    """Note what kind of error goes through, and nothing that it says."""
    try:
        yield
    except BaseException as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(StatusCode.ERROR)
        raise
