"""What a browser sent, form or JSON, and what it wants back."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from portal.errors import BadInput, UnsupportedMediaType
from portal.submitted import json_object, submitted, wants_json

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
JSON = "application/json"


def request(
    body: bytes = b"", content_type: str | None = JSON, path: str = "/auth/magic", accept: str = ""
) -> Request:
    sent = [("accept", accept)] if accept else []
    sent += [("content-type", content_type)] if content_type is not None else []
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        # Starlette turns form errors into refusals only inside an app.
        "app": None,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive)


def part(name: str, value: str, more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"email":"jane@acme.com","redirect":"/a b"}', JSON),
        (b'{"email":"jane@acme.com","redirect":"/a b"}', "Application/JSON; charset=utf-8"),
        (b"email=jane%40acme.com&redirect=%2Fa+b", FORM),
        (b"email=jane%40acme.com&redirect=%2Fa+b", f"{FORM};charset=UTF-8"),
        (
            (part("email", "jane@acme.com") + part("redirect", "/a b") + "--b--\r\n").encode(),
            MULTIPART,
        ),
    ],
)
async def test_a_form_and_json_give_the_same_fields(body: bytes, content_type: str) -> None:
    found = await submitted(request(body, content_type))
    assert found == {"email": "jane@acme.com", "redirect": "/a b"}


async def test_nothing_sent_is_no_fields() -> None:
    assert await submitted(request(b"", None)) == {}
    assert await submitted(request(b"", FORM)) == {}
    assert await submitted(request(b"", "text/plain")) == {}


async def test_values_that_are_no_text_are_left_out() -> None:
    body = b'{"email":"a","n":1,"b":true,"z":null,"l":["x"],"o":{"x":"y"},"f":1.5}'
    assert await submitted(request(body)) == {"email": "a"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", None, "text/json"])
async def test_any_other_kind_of_body_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        await submitted(request(b'{"email":"a"}', content_type))


BROKEN = [b"", b"{", b"x", b"\xff", b'{"a":NaN}', b"{'a':1}", b'{"a":1}x', b"[" * 60_000]
BROKEN += [b'{"a":1e99999999999999999999}', b'{"a":"\xc3"}']
NO_OBJECT = [b"[]", b'"x"', b"5", b"null", b"true", b'[{"a":"b"}]']


@pytest.mark.parametrize("body", BROKEN + NO_OBJECT, ids=lambda body: repr(body[:20]))
async def test_json_that_is_broken_or_no_object_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        await submitted(request(body))
    with pytest.raises(BadInput):
        await json_object(request(body))


async def test_json_keeps_values_and_exact_numbers_where_they_are_asked_for() -> None:
    body = b'{"amount":0.10,"count":3,"deep":{"a":[null]},"name":"x"}'
    found = await json_object(request(body))
    assert found == {
        "amount": Decimal("0.10"),
        "count": 3,
        "deep": {"a": [None]},
        "name": "x",
    }
    assert str(found["amount"]) == "0.10"


@pytest.mark.parametrize("content_type", [FORM, MULTIPART, "text/plain", None, ""])
async def test_a_json_object_is_only_read_from_what_says_that_it_is_json(
    content_type: str | None,
) -> None:
    # A page of another site can send a form or text without asking the browser's leave.
    with pytest.raises(UnsupportedMediaType):
        await json_object(request(b'{"a":1}', content_type))


async def test_a_file_or_very_many_fields_are_refused() -> None:
    file = part("photo", "x", '; filename="x.png"') + "--b--\r\n"
    with pytest.raises(HTTPException) as caught:
        await submitted(request(file.encode(), MULTIPART))
    assert caught.value.status_code == 400
    many = "".join(part(f"f{n}", "x") for n in range(51)) + "--b--\r\n"
    with pytest.raises(HTTPException):
        await submitted(request(many.encode(), MULTIPART))


kinds = st.sampled_from([JSON, FORM, MULTIPART, "multipart/form-data", f"{FORM};charset=x", "a/b"])


@given(st.binary(max_size=60), kinds)
@settings(deadline=None)
async def test_no_body_breaks_the_reading(body: bytes, content_type: str) -> None:
    with suppress(BadInput, UnsupportedMediaType, HTTPException):
        found = await submitted(request(body, content_type))
        assert all(isinstance(x, str) for pair in found.items() for x in pair)


@pytest.mark.parametrize(
    ("path", "content_type", "accept", "json"),
    [
        ("/api/auth/me", None, "text/html", True),
        ("/auth/magic", JSON, "text/html", True),
        ("/auth/magic", "application/json; charset=utf-8", "*/*", True),
        ("/auth/magic", FORM, "application/json, text/plain, */*", True),
        ("/auth/magic", None, " application/json", True),
        ("/auth/magic", FORM, "text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("/auth/magic", FORM, "text/html, application/json", False),
        ("/auth/magic", None, "", False),
        ("/apiary", None, "", False),
        ("/x/api/", None, "", False),
    ],
)
def test_who_gets_json_back(path: str, content_type: str | None, accept: str, json: bool) -> None:
    assert wants_json(request(b"", content_type, path, accept)) is json
