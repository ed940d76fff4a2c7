"""The network address a request came from, as far as it can be trusted."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from starlette.requests import Request

UNKNOWN: Final = "unknown"


def client_address(request: Request, trusted_proxies: int) -> str:
    """The address that the outermost of our own proxies saw.

    Each proxy appends to `X-Forwarded-For` whom it saw, so with n proxies the n-th entry from the
    right is theirs; everything left of it came from the client and may be made up. Without
    proxies the header is not read.
    """
    peer = request.client.host if request.client else UNKNOWN
    if trusted_proxies <= 0:
        return peer
    header = ",".join(request.headers.getlist("x-forwarded-for"))
    hops = [hop.strip() for hop in header.split(",") if hop.strip()]
    if len(hops) < trusted_proxies:
        return peer
    try:
        return str(ip_address(hops[-trusted_proxies]))
    except ValueError:
        return peer
