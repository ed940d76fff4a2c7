"""`/metrics`: what the worker counts of itself, for our own network or whoever holds the token."""

from __future__ import annotations

import asyncio
import hmac
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from portal.auth.client_address import UNKNOWN, client_address
from portal.edge.queue import Depth
from portal.env import Env, env_of
from portal.errors import NotFound
from portal.metrics import CONTENT_TYPE

NEAR: Final = tuple(
    ip_network(network)
    for network in (
        *("127.0.0.0/8", "::1/128"),
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    )
)
"""This machine, and the private networks of RFC 1918 and RFC 4193."""

LONGEST_LOOK: Final = 2.0
"""Seconds that the queue is given to say how full it is."""

log = structlog.get_logger(__name__)


async def metrics(request: Request) -> Response:
    """GET /metrics: the counts in Prometheus' text format.

    Raises NotFound for whoever may not read them.
    """
    env = env_of(request)
    if not may_scrape(request, env.settings.metrics_token, env.settings.trusted_proxies):
        log.info("metrics_refused")
        raise NotFound
    return Response(
        env.metrics.exposition(await _depth(env)),
        headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"},
    )


async def _depth(env: Env) -> Depth | None:
    """How full the queue is; None when it cannot be asked, which is no reason to say nothing."""
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            return await env.outbox.depth()
    except Exception as error:  # whatever the engine raises
        log.warning("queue_depth_unknown", error=type(error).__name__)
        return None


def may_scrape(request: Request, token: str | None, trusted_proxies: int) -> bool:
    """Whether the counts may be given out: to the token's holder; without one, to our network."""
    if token is None:
        return _is_near(request, trusted_proxies)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    is_same = hmac.compare_digest(given.strip().encode(), token.encode())
    return is_same and scheme.lower() == "bearer"


def _is_near(request: Request, trusted_proxies: int) -> bool:
    peer = request.client.host if request.client else UNKNOWN
    address = client_address(request, trusted_proxies)
    # A proxy passed it on and did not tell for whom, or is not one that we believe.
    if "x-forwarded-for" in request.headers and address == peer:
        return False
    try:
        near = ip_address(address)
    except ValueError:
        return False
    if isinstance(near, IPv6Address) and near.ipv4_mapped is not None:
        near = near.ipv4_mapped
    return any(near in network for network in NEAR)
