"""What SM API's answers mean."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.crm.answers import USUAL_LIMIT, Answer, read_answer, records_of
from portal.errors import (
    SMApiBusy,
    SMApiError,
    SMApiFault,
    SMApiMalformed,
    SMApiNotFound,
    SMApiRejected,
    SMApiUnauthorized,
)

JSON = {"content-type": "application/json; charset=utf-8", "x-request-id": "req-1"}


def refused(kind: type[SMApiError], status: int, body: bytes = b"{}", **headers: str) -> SMApiError:
    """The error that an answer becomes; exactly of the kind."""
    sent = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(SMApiError) as caught:
        read_answer(status, sent, body)
    assert type(caught.value) is kind
    assert caught.value.status == 503
    return caught.value


def test_a_success_gives_the_data() -> None:
    assert read_answer(201, JSON, b'{"ok":true,"data":[1]}') == Answer([1], 201, size=22)
    assert read_answer(200, JSON, b'{"ok":true}').data is None


def test_numbers_with_a_fraction_are_decimal_to_the_last_digit() -> None:
    data = read_answer(200, JSON, b'{"ok":true,"data":[0.1,12345678901234567890.12,3]}').data
    assert data == [Decimal("0.1"), Decimal("12345678901234567890.12"), 3]
    assert [type(n) for n in data] == [Decimal, Decimal, int]


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_a_redirect_is_a_refused_service_token_and_says_so(status: int) -> None:
    error = refused(
        SMApiUnauthorized, status, location="https://login.example/cdn?kid=secret&redirect=x"
    )
    assert "https://login.example/cdn" in error.detail
    assert "SM_API_CLIENT_SECRET" in error.detail
    assert "kid=secret" not in error.detail
    assert error.request_id == "req-1"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_us_is_not_one_of_the_person(status: int) -> None:
    refused(SMApiUnauthorized, status, b'{"ok":false,"error":"bad token"}')
    given_reason = b'{"ok":false,"error":"no","reason":"not_authorized"}'
    error = refused(SMApiRejected, status, given_reason)
    assert isinstance(error, SMApiRejected)
    assert (error.reason, error.upstream_status) == ("not_authorized", status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, SMApiRejected), (404, SMApiNotFound), (409, SMApiRejected), (422, SMApiRejected)],
)
def test_a_4xx_is_a_rejection_with_its_envelope(status: int, kind: type[SMApiRejected]) -> None:
    error = refused(kind, status, b'{"ok":false,"error":"name is missing","field":"name"}')
    assert isinstance(error, SMApiRejected)
    assert error.envelope["field"] == "name"
    assert "name is missing" in error.detail


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_a_5xx_is_a_fault_whatever_its_body(status: int) -> None:
    refused(SMApiFault, status, b"<html>", content_type="text/html")


def test_429_says_how_long_to_wait() -> None:
    error = refused(SMApiBusy, 429, b"slow down", content_type="text/plain", retry_after="7")
    assert isinstance(error, SMApiBusy)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"ok":true,"data":[1,2',
        b"[]",
        b'"ok"',
        b"null",
        b'{"data":[]}',
        b'{"ok":false,"data":[]}',
        b'{"ok":1,"data":[]}',
        b'{"ok":"true","data":[]}',
        b'\xff{"ok":true}',
        b'{"ok":true,"data":NaN}',
        b'{"ok":true,"data":1e99999999999999999999}',
        b'{"ok":true,"data":' + b"[" * 100_000,
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)
def test_a_200_without_the_contracts_json_is_malformed(body: bytes) -> None:
    refused(SMApiMalformed, 200, body)


@pytest.mark.parametrize("content_type", ["text/html", "", "text/json", "application/jsonp"])
def test_a_200_that_is_not_json_is_malformed_and_names_the_likely_cause(content_type: str) -> None:
    error = refused(SMApiMalformed, 200, b'{"ok":true}', content_type=content_type)
    assert "service token" in error.detail


@given(st.integers(200, 599), st.binary(max_size=40), st.sampled_from(["application/json", "a/b"]))
@settings(deadline=None)
def test_no_answer_raises_anything_but_our_errors(
    status: int, body: bytes, content_type: str
) -> None:
    with suppress(SMApiError):
        read_answer(status, {"content-type": content_type}, body)


def test_what_a_person_reads_holds_nothing_of_the_answer() -> None:
    error = refused(SMApiRejected, 400, b'{"ok":false,"error":"internal table contacts_v2"}')
    assert "contacts_v2" not in error.message
    assert "contacts_v2" in str(error)


RECORDS: list[dict[str, Any]] = [{"id": f"x{n}"} for n in range(100)]


@pytest.mark.parametrize(
    ("data", "count", "is_last"),
    [
        ({"items": RECORDS, "hasMore": True}, 100, False),
        ({"items": RECORDS, "hasMore": False}, 100, True),
        ({"items": RECORDS}, 100, True),
        ({"items": [], "hasMore": True}, 0, True),
        (RECORDS, 100, False),
        (RECORDS[:99], 99, True),
        (RECORDS[:USUAL_LIMIT], 50, False),
        ([], 0, True),
    ],
)
def test_both_list_shapes_are_read(data: Any, count: int, is_last: bool) -> None:
    records, last = records_of(data, 100, "/api/x")
    assert (len(records), last) == (count, is_last)


@pytest.mark.parametrize(
    "data",
    [None, {}, "x", 5, {"items": None}, {"items": {}}, [1], [{}], [{"id": 5}], [{"id": None}]],
)
def test_any_other_shape_is_malformed(data: Any) -> None:
    with pytest.raises(SMApiMalformed, match="/api/x"):
        records_of(data, 100, "/api/x")
