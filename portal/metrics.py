"""What the worker counts of itself, for Prometheus: numbers under names that say nothing of anyone.

Labels have few values, all of them ours: never a path, an id, a token or an address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from portal.edge.queue import Depth

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes of one server keep their counts; the Prometheus client reads it too."""


T = TypeVar("T", Counter, Histogram)


class Metrics:
    """The counts of one worker, in a registry of its own.

    After `share_counts` they are in the server's folder, and `exposition` gives the sum of them.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._children: dict[tuple[Counter | Histogram, tuple[str, ...]], Any] = {}
        self._requests = Counter(
            "portal_requests_total",
            "Requests that are over, by the name of the route.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "portal_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("route",),
            registry=registry,
        )
        self._sm_api_calls = Counter(
            "portal_sm_api_calls_total",
            "Requests sent to SM API, each repeat of one too.",
            ("resource", "outcome"),
            registry=registry,
        )
        self._sm_api_call_seconds = Histogram(
            "portal_sm_api_call_seconds",
            "Seconds that SM API took to answer, or not to.",
            ("resource",),
            registry=registry,
        )
        self._sm_api_open = Gauge(
            "portal_sm_api_open",
            "1 while the breaker keeps calls from an SM API that failed, else 0.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._cache_reads = Counter(
            "portal_cache_reads_total",
            "Readings of the CRM through the cache.",
            ("resource", "outcome"),
            registry=registry,
        )
        self._sign_ins = Counter(
            "portal_sign_ins_total",
            "Sign-ins, and those that did not happen.",
            ("method", "outcome"),
            registry=registry,
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that is over."""
        self._child(self._requests, route, method, str(status)).inc()
        self._child(self._request_seconds, route).observe(seconds)

    def sm_api_call(self, resource: str, outcome: str, seconds: float) -> None:
        """Count a request to SM API."""
        self._child(self._sm_api_calls, resource, outcome).inc()
        self._child(self._sm_api_call_seconds, resource).observe(seconds)

    def breaker_state(self, is_open: bool) -> None:
        """Note whether calls are kept from SM API."""
        self._sm_api_open.set(is_open)

    def cache_read(self, resource: str, outcome: str) -> None:
        """Count a reading: `fresh`, `stale`, `last_good`, `missed` or `unavailable`."""
        self._child(self._cache_reads, resource, outcome).inc()

    def _child(self, parent: T, *labels: str) -> T:
        """`parent.labels(*labels)`, found without its lock and its checks: five are counted a page.

        There are as few as there are values of labels, which are all ours.
        """
        child = self._children.get((parent, labels))
        if child is None:
            child = self._children[parent, labels] = parent.labels(*labels)
        found: T = child
        return found

    def signed_in(self, method: str) -> None:
        """Count a sign-in; `method` is `magic_link`, `code` or `google`."""
        self._sign_ins.labels(method, "signed_in").inc()

    def sign_in_refused(self, method: str) -> None:
        """Count a sign-in that did not happen."""
        self._sign_ins.labels(method, "refused").inc()

    def exposition(self, activities: Depth | None) -> bytes:
        """Everything in Prometheus' text format 0.0.4, with the outbox as it is now.

        None for `activities` leaves them out: a queue that cannot be asked has no numbers.
        """
        counts = generate_latest(_counts(self._registry))
        if activities is None:
            return counts
        outbox = CollectorRegistry()
        outbox.register(_Outbox(activities))
        return counts + generate_latest(outbox)


@dataclass(frozen=True)
class _Outbox(Collector):
    """The queue, which all processes share: read when asked for, and never added up."""

    depth: Depth

    def collect(self) -> Iterator[Metric]:
        """One gauge for each of its numbers."""
        yield GaugeMetricFamily(
            "portal_activities_queued",
            "Activities that wait for delivery to the CRM.",
            self.depth.waiting,
        )
        yield GaugeMetricFamily(
            "portal_activities_oldest_seconds",
            "Seconds that the first of them has waited.",
            self.depth.oldest_age_seconds,
        )
        yield GaugeMetricFamily(
            "portal_activities_dead",
            "Activities that were given up: dead letters.",
            self.depth.dead,
        )


def share_counts(place: str) -> None:
    """Keep the counts of this process in the server's folder, under the name of its place.

    To be called before there are any. Of the processes that live, each has a `place` of its own;
    who comes into one that is free goes on counting where the last one ended.
    """
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def forget_state(folder: str, place: str) -> None:
    """A process has ended: what it said of its state is no longer so. What it counted stays."""
    multiprocess.mark_process_dead(place, folder)  # type: ignore[no-untyped-call]


def _counts(own: CollectorRegistry) -> CollectorRegistry:
    folder = os.environ.get(SHARED_FOLDER)
    if folder is None:
        return own
    every = CollectorRegistry()
    multiprocess.MultiProcessCollector(every, folder)  # type: ignore[no-untyped-call]
    return every
