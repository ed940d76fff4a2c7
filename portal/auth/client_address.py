"""The network address a request came from, as far as it can be trusted."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.requests import Request

UNKNOWN: Final = "unknown"
WITH_PORT: Final = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]+)?")


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
    return _address(hops[-trusted_proxies]) or peer


def _address(hop: str) -> str | None:
    """The address of an entry, in one spelling: some proxies write the port, too."""
    match = WITH_PORT.fullmatch(hop)
    try:
        address = ip_address((match["six"] or match["four"]) if match else hop)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)
