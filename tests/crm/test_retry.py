"""When a call is tried again, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.crm.retry import (
    LONGEST_DELAY,
    MAX_ATTEMPTS,
    delay_before,
    may_repeat,
    parse_retry_after,
)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_may_be_repeated(method: str) -> None:
    assert may_repeat(method, has_idempotency_key=False)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "get"])
def test_a_write_may_be_repeated_only_under_a_key(method: str) -> None:
    assert not may_repeat(method, has_idempotency_key=False)
    assert may_repeat(method, has_idempotency_key=True)


def test_waits_double_and_jitter_takes_at_most_half() -> None:
    assert delay_before(2, retry_after=None, jitter=0) == 0.1
    assert delay_before(3, retry_after=None, jitter=0) == 0.2
    assert delay_before(3, retry_after=None, jitter=1) == 0.1


def test_the_attempts_end() -> None:
    assert delay_before(MAX_ATTEMPTS, retry_after=None, jitter=0) is not None
    assert delay_before(MAX_ATTEMPTS + 1, retry_after=None, jitter=0) is None
    assert delay_before(MAX_ATTEMPTS + 1, retry_after=0, jitter=0) is None


def test_retry_after_is_obeyed_or_ends_the_attempts() -> None:
    assert delay_before(2, retry_after=0.5, jitter=1) == 0.5
    assert delay_before(2, retry_after=LONGEST_DELAY, jitter=0) == LONGEST_DELAY
    assert delay_before(2, retry_after=LONGEST_DELAY + 0.1, jitter=0) is None


@given(st.integers(2, 50), st.none() | st.floats(0, 1000), st.floats(0, 1))
@settings(deadline=None)
def test_no_wait_is_longer_than_a_page_can_wait(
    attempt: int, retry_after: float | None, jitter: float
) -> None:
    delay = delay_before(attempt, retry_after=retry_after, jitter=jitter)
    assert delay is None or 0 <= delay <= LONGEST_DELAY


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), (" 12 ", 12.0), ("007", 7.0)])
def test_retry_after_is_read_as_seconds(value: str, seconds: float) -> None:
    assert parse_retry_after(value) == seconds


@pytest.mark.parametrize(
    "value", [None, "", "-1", "1.5", "soon", "²", "\u0661", "Wed, 21 Oct 2026 07:28:00 GMT", "inf"]
)
def test_any_other_retry_after_is_none(value: str | None) -> None:
    assert parse_retry_after(value) is None
