"""Traces: only for whoever asks for them, under the names of routes, and nothing secret in them."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2 as httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from portal.spans import Spans, exporting
from portal.tracing import exporter_in, tracing_from
from tests.stage import Stage, stage

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{CALLER}-01"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@dataclass
class Traced:
    """A portal that is traced into memory."""

    on: Stage
    exporter: InMemorySpanExporter

    def spans(self, kind: SpanKind | None = None) -> list[ReadableSpan]:
        return [s for s in self.exporter.get_finished_spans() if kind in (None, s.kind)]


@asynccontextmanager
async def traced(**changes: Any) -> AsyncIterator[Traced]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with stage(tracing=Spans(provider), **changes) as on:
        yield Traced(on, exporter)


@pytest.fixture
async def made() -> AsyncIterator[Traced]:
    async with traced() as one:
        yield one


async def test_a_request_is_a_span_named_by_its_route_and_its_calls_are_children(
    made: Traced,
) -> None:
    browser = await made.on.signed_in("jane@acme.com")
    made.exporter.clear()
    made.on.clock.forward(minutes=5)
    assert (await browser.get("/invoices")).status_code == 200
    [server] = made.spans(SpanKind.SERVER)
    assert server.name == "GET invoices"
    assert dict(server.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "invoices",
    }
    calls = [c for c in made.spans(SpanKind.CLIENT) if c.name != "POST activities"]
    assert {"GET invoices", "GET contacts"} <= {call.name for call in calls}
    assert server.context is not None
    for call in calls:
        assert call.parent is not None
        assert call.parent.span_id == server.context.span_id


async def test_a_callers_trace_goes_on_into_sm_api_and_the_log(
    made: Traced, log_lines: io.StringIO
) -> None:
    browser = await made.on.signed_in("jane@acme.com")
    made.exporter.clear()
    made.on.clock.forward(minutes=5)
    made.on.wire.calls.clear()
    await browser.get("/invoices", headers={"traceparent": PARENT})
    [server] = made.spans(SpanKind.SERVER)
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == CALLER
    sent = [call.headers["traceparent"].split("-") for call in made.on.wire.calls]
    assert {trace for _, trace, _, _ in sent} == {TRACE}
    made_by_us = {f"{s.context.span_id:016x}" for s in made.spans(SpanKind.CLIENT) if s.context}
    assert {span for _, _, span, _ in sent} <= made_by_us
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    [line] = [one for one in lines if one["event"] == "request" and one["path"] == "/invoices"]
    assert line["trace_id"] == TRACE


async def test_a_made_up_traceparent_begins_a_trace_of_ours(made: Traced) -> None:
    await made.on.browser().get("/auth/login", headers={"traceparent": "00-nonsense-01"})
    [server] = made.spans(SpanKind.SERVER)
    assert server.parent is None


async def test_no_span_holds_a_path_an_id_a_token_or_an_address(made: Traced) -> None:
    browser = await made.on.signed_in("jane@acme.com")
    invoices = (await browser.get("/api/invoices")).json()["data"]
    items = invoices["items"] if isinstance(invoices, dict) else invoices
    for path in (f"/invoices/{items[0]['id']}", "/calendar/feed/feedtoken.ics", "/made-up-path"):
        await browser.get(path)
    await browser.get("/auth/magic/verify?token=linktoken")
    told = str([(s.name, dict(s.attributes or {}), s.events, s.status) for s in made.spans()])
    assert "GET invoice" in told
    assert "GET none" in told
    secret = made.on.last_token()
    words = ("jane", "acme", "ct_", "inv_", "feedtoken", "linktoken", "made-up", "/", "@", secret)
    for word in words:
        assert word not in told, word


async def test_what_fails_is_an_error_by_its_kind_alone(made: Traced) -> None:
    browser = await made.on.signed_in("jane@acme.com")
    made.exporter.clear()
    made.on.wire.fault = lambda _request: httpx.Response(500, text="SECRET")
    made.on.clock.forward(minutes=5)
    await browser.get("/invoices")
    failed = [span for span in made.spans(SpanKind.CLIENT) if not span.status.is_ok]
    assert failed
    assert {str((span.attributes or {})["error.type"]) for span in failed} == {"SMApiFault"}
    assert "SECRET" not in str([(s.status, s.events, s.attributes) for s in made.spans()])


async def test_probes_and_assets_are_no_spans(made: Traced) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/static/css/base.css"):
        await made.on.browser().get(path)
    assert made.spans(SpanKind.SERVER) == []


# Asking for traces


@pytest.mark.parametrize(
    ("environ", "exporter"),
    [
        ({}, None),
        (ENDPOINT, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE "}, None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "false"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_SERVICE_NAME": "mode"}, None),
    ],
)
def test_the_standard_variables_decide(environ: dict[str, str], exporter: str | None) -> None:
    assert exporter_in(environ) == exporter


@pytest.mark.parametrize(
    "asked", [{"OTEL_TRACES_EXPORTER": "zipkin"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}]
)
def test_what_cannot_be_had_is_logged_and_costs_no_request(
    asked: dict[str, str], log_lines: io.StringIO
) -> None:
    assert tracing_from({**ENDPOINT, **asked}, "mode-portal") is None
    assert "tracing_unavailable" in log_lines.getvalue()


def test_without_the_extra_the_portal_starts_and_says_what_is_missing(
    log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "portal.spans")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert tracing_from(ENDPOINT, "mode-portal") is None
    [line] = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert line["event"] == "tracing_not_installed"
    assert line["mend"] == "mode-portal[telemetry]"


def test_nothing_is_loaded_for_whoever_does_not_ask() -> None:
    program = (
        "import sys, portal.cli.serve, portal.asgi\n"
        "from portal.tracing import tracing_from\n"
        "assert tracing_from({}, 'mode-portal') is None\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.'))])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")


# A collector


@dataclass
class Collector:
    """What an OTLP collector over HTTP is sent."""

    url: str
    received: list[ExportTraceServiceRequest] = field(default_factory=list)

    def names(self) -> Sequence[str]:
        return [
            span.name
            for sent in self.received
            for resource in sent.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def services(self) -> set[str]:
        return {
            attribute.value.string_value
            for sent in self.received
            for resource in sent.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collected.received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collected = Collector(f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield collected
    server.shutdown()
    thread.join()
    server.server_close()


async def test_what_is_held_reaches_the_collector_when_the_portal_ends(
    collector: Collector,
) -> None:
    async with stage(tracing=exporting("otlp", "mode-portal")) as on:
        await on.browser().get("/auth/login")
    assert "GET login" in collector.names()
    assert collector.services() == {"mode-portal"}


async def test_the_operators_name_for_the_service_comes_first(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mode-eu")
    async with stage(tracing=exporting("otlp", "mode-portal")) as on:
        await on.browser().get("/auth/login")
    assert collector.services() == {"mode-eu"}


async def test_a_collector_that_does_not_answer_does_not_hold_the_end_up(
    monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    answers = threading.Event()

    class Silent(InMemorySpanExporter):
        def shutdown(self) -> None:
            answers.wait()

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Silent()))
    monkeypatch.setattr("portal.spans.CLOSING_SECONDS", 0.02)
    async with asyncio.timeout(5):
        await Spans(provider).close()
    assert "spans_lost" in log_lines.getvalue()
    answers.set()
