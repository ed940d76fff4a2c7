"""A write as it lies in the queue: what earlier versions queued is read, too."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.activity.write import ACTIVITIES, Unreadable, Write, encoded, read_write

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), values, max_size=5), st.sampled_from(["POST", "PATCH"]))
def test_what_is_written_is_read_again(body: dict[str, object], method: str) -> None:
    write = Write("POST" if method == "POST" else "PATCH", "/api/contacts/ct_1", body)
    assert read_write(encoded(write)) == write


def test_numbers_stay_the_numbers_they_were() -> None:
    amount = Decimal("12345678901234567890.10")
    write = Write("POST", ACTIVITIES, {"metadata": {"amount": amount}})
    assert read_write(encoded(write)).body["metadata"]["amount"] == amount


def test_a_bare_activity_of_an_earlier_version_is_read() -> None:
    found = read_write(b'{"activity_type":"portal_login","title":"Signed in","method":"x"}')
    assert (found.method, found.path) == ("POST", "/api/activities")
    assert found.body == {"activity_type": "portal_login", "title": "Signed in", "method": "x"}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"method":"DELETE","path":"/api/contacts/ct_1","body":{}}',
        b'{"method":"POST","path":"/api/contacts","body":[]}',
        b'{"method":"POST","path":"/api/contacts","body":{},"more":1}',
    ],
)
def test_anything_else_is_no_write(message: bytes) -> None:
    with pytest.raises(Unreadable):
        read_write(message)
