"""One plain e-mail address, and nothing around it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.address import masked, parse_address
from portal.errors import BadInput


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("jane@acme.com", "jane@acme.com"),
        ("  jane@acme.com ", "jane@acme.com"),
        ("Jane.Smith+portal@ACME.com", "Jane.Smith+portal@acme.com"),
        ("o'brien@acme.co.uk", "o'brien@acme.co.uk"),
        ("jane@bücher.example", "jane@bücher.example"),
        ("jane@xn--bcher-kva.example", "jane@bücher.example"),
        ("zoe\u0308@acme.com", "zo\u00eb@acme.com"),
        ("jane@mail.test", "jane@mail.test"),
    ],
)
def test_a_plain_address_is_normalised(typed: str, address: str) -> None:
    assert parse_address(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "jane",
        "@",
        "jane@",
        "@acme.com",
        "jane@acme",
        "jane@@acme.com",
        "jane@acme.com\r\nBcc: x@evil.example",
        "jane@acme.com\n",
        "\tjane@acme.com",
        "jane@acme.com\0",
        "jane\u200b@acme.com",
        "jane@ac\u00adme.com",
        "jane@acme\u200b.com",
        "\u202ejane@acme.com",
        "jane\uff20acme.com",
        "jane\ufe6bacme.com",
        "Jane <jane@acme.com>",
        "<jane@acme.com>",
        "jane@acme.com,x@evil.example",
        "jane@acme.com;x@evil.example",
        "jane@acme.com x@evil.example",
        "jane@acme.com@evil.example",
        '"jane"@acme.com',
        '"jane@evil.example"@acme.com',
        "jane(comment)@acme.com",
        "jane@acme.com (Jane)",
        "jane@[127.0.0.1]",
        "jane@[IPv6:::1]",
        "jane..smith@acme.com",
        ".jane@acme.com",
        "jane.@acme.com",
        "jane@acme..com",
        "jane@-acme.com",
        "jane@acme_corp.com",
        "mailto:jane@acme.com",
        f"jane@{'x' * 64}.com",
        f"jane@{'x.' * 130}com",
        "ja\ud800ne@acme.com",
    ],
)
def test_anything_else_is_refused_and_names_the_field(typed: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_address(typed)
    assert caught.value.field == "email"


@given(
    st.text(max_size=60)
    | st.emails()
    | st.tuples(st.text(max_size=20), st.text(max_size=20)).map("@".join)
)
@settings(deadline=None)
def test_whatever_is_typed_gives_an_address_or_a_refusal(typed: str) -> None:
    with suppress(BadInput):
        address = parse_address(typed)
        assert address.isprintable()
        assert address.count("@") == 1
        assert not set(address) & set(' ,;<>()"')
        assert parse_address(address) == address


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("jane@acme.com", "j•••@a•••.com"),
        ("j@a.co.uk", "j•••@a•••.uk"),
        ("jane@localhost", "j•••@l•••"),
        ("zoë@bücher.example", "z•••@b•••.example"),
        ("", "•••@•••"),
    ],
)
def test_a_masked_address_shows_two_letters_and_the_ending(email: str, shown: str) -> None:
    assert masked(email) == shown


@given(st.emails())
@settings(deadline=None)
def test_no_masked_address_tells_the_names_or_their_length(email: str) -> None:
    local, _, domain = email.partition("@")
    shown_local, _, shown_domain = masked(email).partition("@")
    assert shown_local == f"{local[0]}•••"
    assert shown_domain == f"{domain[0]}•••.{domain.rpartition('.')[2]}"
