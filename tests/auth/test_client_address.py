"""The address of a client is what our own proxies saw, and never what it says of itself."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from portal.auth.client_address import UNKNOWN, client_address

PEER = "203.0.113.7"
ADDRESSES = st.ip_addresses().map(str)
GARBAGE = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
HEADERS = st.lists(st.lists(ADDRESSES | GARBAGE, max_size=4).map(", ".join), max_size=4)


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
        (("198.51.100.1:443",), 1, "198.51.100.1"),
        (("[2001:db8::1]:443",), 1, "2001:db8::1"),
        (("::ffff:198.51.100.1",), 1, "198.51.100.1"),
        (("fe80::1%anything",), 1, "fe80::1"),
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
@settings(deadline=None)
def test_no_header_makes_it_anything_but_the_peer_or_a_real_address(
    forwarded: list[str], proxies: int
) -> None:
    found = client_address(request_from(PEER, *forwarded), proxies)
    assert found == PEER or (proxies > 0 and str(ip_address(found)) == found)


@given(HEADERS, st.integers(1, 4))
@settings(deadline=None)
def test_only_the_entry_that_our_outermost_proxy_wrote_counts(
    forwarded: list[str], proxies: int
) -> None:
    entries = [e for header in forwarded for e in map(str.strip, header.split(",")) if e]
    written = entries[-proxies] if len(entries) >= proxies else None
    found = client_address(request_from(PEER, *forwarded), proxies)
    assert found == (spelled(written) if written and is_address(written) else PEER)


def spelled(entry: str) -> str:
    """An address of IPv4 in IPv6 is that of IPv4, and a zone is none of ours."""
    address = ip_address(entry)
    return str(getattr(address, "ipv4_mapped", None) or address).partition("%")[0]


def is_address(entry: str) -> bool:
    try:
        ip_address(entry)
    except ValueError:
        return False
    return True


@given(HEADERS)
@settings(deadline=None)
def test_without_proxies_no_header_changes_it(forwarded: list[str]) -> None:
    assert client_address(request_from(PEER, *forwarded), 0) == PEER


@pytest.mark.parametrize(
    "name", ["forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip"]
)
@pytest.mark.parametrize("proxies", [0, 1])
def test_no_other_header_names_a_client(name: str, proxies: int) -> None:
    request = request_from(PEER)
    request.scope["headers"].append((name.encode(), b"198.51.100.1"))
    assert client_address(request, proxies) == PEER


@pytest.mark.parametrize(
    "garbage",
    [
        "198.51.100",
        "198.51.100.256",
        "3325256705",
        "0x7f.1",
        "localhost",
        "198.51.100.1; DROP",
        "\xe9",
    ],
)
def test_an_entry_that_is_no_address_counts_as_the_peer(garbage: str) -> None:
    assert client_address(request_from(PEER, f"192.0.2.9, {garbage}"), 1) == PEER


def test_one_ipv6_address_counts_as_one_however_it_is_written() -> None:
    written = ("2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:0db8::0001")
    assert {client_address(request_from(PEER, one), 1) for one in written} == {"2001:db8::1"}


@given(st.lists(st.ip_addresses().map(str), min_size=2, max_size=5))
@settings(deadline=None)
def test_what_a_client_adds_in_front_changes_nothing(hops: list[str]) -> None:
    plain = client_address(request_from(PEER, hops[-1]), 1)
    assert client_address(request_from(PEER, ", ".join(hops)), 1) == plain
