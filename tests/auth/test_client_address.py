"""The address of a client is what our own proxies saw, and never what it says of itself."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from portal.auth.client_address import UNKNOWN, client_address

PEER = "203.0.113.7"


def request_from(peer: str | None, *forwarded: str) -> Request:
    return Request(
        {
            "type": "http",
            "client": (peer, 1234) if peer else None,
            "headers": [(b"x-forwarded-for", f.encode("latin-1", "replace")) for f in forwarded],
        }
    )


def test_without_proxies_the_header_is_not_read() -> None:
    assert client_address(request_from(PEER, "198.51.100.1"), 0) == PEER
    assert client_address(request_from(None, "198.51.100.1"), 0) == UNKNOWN


@pytest.mark.parametrize(
    ("forwarded", "proxies", "found"),
    [
        (("198.51.100.1",), 1, "198.51.100.1"),
        (("10.0.0.1, 198.51.100.1",), 1, "198.51.100.1"),
        (("10.0.0.1, 198.51.100.1, 192.0.2.9",), 2, "198.51.100.1"),
        (("10.0.0.1", "198.51.100.1"), 1, "198.51.100.1"),
        (("10.0.0.1, 198.51.100.1", "192.0.2.9"), 2, "198.51.100.1"),
        (("2001:DB8::0001",), 1, "2001:db8::1"),
        (("198.51.100.1",), 2, PEER),
        (("not an address",), 1, PEER),
        (("198.51.100.1, unknown",), 1, PEER),
        ((), 1, PEER),
        ((" , ,",), 1, PEER),
    ],
)
def test_what_the_outermost_proxy_saw_counts(
    forwarded: tuple[str, ...], proxies: int, found: str
) -> None:
    assert client_address(request_from(PEER, *forwarded), proxies) == found


@given(st.lists(st.text(max_size=30), max_size=4), st.integers(0, 4))
def test_no_header_makes_it_anything_but_the_peer_or_a_real_address(
    forwarded: list[str], proxies: int
) -> None:
    found = client_address(request_from(PEER, *forwarded), proxies)
    assert found == PEER or (proxies > 0 and str(ip_address(found)) == found)


@given(st.lists(st.ip_addresses().map(str), min_size=2, max_size=5))
def test_what_a_client_adds_in_front_changes_nothing(hops: list[str]) -> None:
    plain = client_address(request_from(PEER, hops[-1]), 1)
    assert client_address(request_from(PEER, ", ".join(hops)), 1) == plain
