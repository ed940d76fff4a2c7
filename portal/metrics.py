"""What the worker counts of itself, for Prometheus: numbers under names that say nothing of anyone.

Labels have few values, all of them ours: never a path, an id, a token or an address.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from portal.edge.queue import Depth

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The counts of one worker since it began, in a registry of their own.

    Each process of a server counts for itself.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
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
        self._sign_ins = Counter(
            "portal_sign_ins_total",
            "Sign-ins, and those that did not happen.",
            ("method", "outcome"),
            registry=registry,
        )
        self._queued = Gauge(
            "portal_activities_queued",
            "Activities that wait for delivery to the CRM.",
            registry=registry,
        )
        self._oldest_seconds = Gauge(
            "portal_activities_oldest_seconds",
            "Seconds that the first of them has waited.",
            registry=registry,
        )
        self._dead = Gauge(
            "portal_activities_dead",
            "Activities that were given up: dead letters.",
            registry=registry,
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that is over."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def sm_api_call(self, resource: str, outcome: str, seconds: float) -> None:
        """Count a request to SM API."""
        self._sm_api_calls.labels(resource, outcome).inc()
        self._sm_api_call_seconds.labels(resource).observe(seconds)

    def signed_in(self, method: str) -> None:
        """Count a sign-in; `method` is `magic_link`, `code` or `google`."""
        self._sign_ins.labels(method, "signed_in").inc()

    def sign_in_refused(self, method: str) -> None:
        """Count a sign-in that did not happen."""
        self._sign_ins.labels(method, "refused").inc()

    def exposition(self, activities: Depth) -> bytes:
        """Everything in Prometheus' text format 0.0.4, with the outbox as it is now."""
        self._queued.set(activities.waiting)
        self._oldest_seconds.set(activities.oldest_age_seconds)
        self._dead.set(activities.dead)
        return generate_latest(self._registry)
