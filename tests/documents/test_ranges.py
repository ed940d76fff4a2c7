"""Which bytes a `Range` header asks for."""

from __future__ import annotations

import pytest

from portal.documents.ranges import Span, Unsatisfiable, read_span


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 0)),
        ("bytes=10-19", Span(10, 19)),
        ("bytes=90-", Span(90, 99)),
        ("bytes=90-500", Span(90, 99)),
        ("bytes=-7", Span(93, 99)),
        ("bytes=-500", Span(0, 99)),
        ("Bytes = 5 - 6", Span(5, 6)),
    ],
)
def test_a_single_range_is_read_as_far_as_the_file_goes(header: str, span: Span) -> None:
    assert read_span(header, 100) == span
    assert span.length == span.last - span.first + 1


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "items=0-5", "0-5"),
        *("bytes=0-1,5-6", "bytes=--5", f"bytes=0-{'9' * 40}"),
    ],
)
def test_what_is_no_single_range_gets_the_whole(header: str | None) -> None:
    assert read_span(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_what_lies_beyond_the_end_cannot_be_had(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        read_span(header, 100)
