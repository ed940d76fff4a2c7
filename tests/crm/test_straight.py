"""Records decoded straight from the bytes are those that the way by dicts would have made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from unittest.mock import patch

import httpx2 as httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields

from portal.crm import answers as answers_module
from portal.crm import client as client_module
from portal.crm.answers import Answer, Page, Read, read_answer, reads_as, reads_list_of
from portal.crm.cache import ReadCache
from portal.crm.client import decode
from portal.crm.models import AccessEvent, AccessRequest, AccessReview, LineItem, Record, TeamMember
from portal.crm.reads import CompanyReads, Listing, keeping_for
from portal.errors import SMApiError
from tests.crm.test_models import SHOWN
from tests.crm.upstream import Clock, always

JSON: Final = {"content-type": "application/json"}
KINDS: Final = sorted(SHOWN, key=lambda kind: kind.__name__)
LOGGED: Final = (AccessEvent, AccessRequest, AccessReview)

SPELLINGS: Final = """
null true false 0 1 -1 1.0 1e0 0.10 -0.0 1E400 12345678901234567890.12 1e99999999999999999999 NaN
"" "null" "true" "0" "1" "0.10" "NaN" "Infinity" "co_1" "co_2" "mode" "act" "2026-01-01" [] {}
"2026-13-01" "2026-01-01T00:00:00Z" "2026-01-01T00:00:00" "2026-01-01T00:00:00.5+02:00"
"\\ud83d\\ude00" "\\ud800"
"""
"""JSON as it is written: numbers keep their spelling."""

scalars = st.sampled_from(SPELLINGS.split())


def written(record: Mapping[str, str]) -> str:
    """An object of values that are JSON already."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in record.items()) + "}"


def lists_of(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda some: f"[{','.join(some)}]")


def of_struct(kind: type[Struct]) -> st.SearchStrategy[str]:
    names = [*kind.__struct_fields__, "unlisted"]
    return st.dictionaries(st.sampled_from(names), scalars, max_size=4).map(written)


inner = st.one_of(
    lists_of(scalars),
    lists_of(of_struct(TeamMember)),
    lists_of(of_struct(LineItem)),
    st.just('[{"role":"Lead","rate":150}]'),
    st.just('[{"description":"a","amount":1.50},{"description":"b","amount":2,"quantity":null}]'),
    *(
        of_struct(field.type)
        for kind in LOGGED
        for field in fields(kind)
        if field.name == "metadata"
    ),
)


@st.composite
def records(draw: st.DrawFn, kind: type[Record]) -> str:
    """One that fits, with as many fields changed, left out and added as it takes to get lost."""
    good = {name: msgspec.json.encode(value).decode() for name, value in SHOWN[kind].items()}
    good |= {"id": draw(st.sampled_from(['"a"', '"b"', '"c"']))}
    good |= {"company_id": draw(st.sampled_from(['"co_1"', '"co_1"', '"co_2"', "null"]))}
    good |= {"source": draw(st.sampled_from(['"mode"', '"signal"', "null"]))}
    good |= {"activity_type": '"act"'}
    names = st.sampled_from([*kind.__struct_fields__, "unlisted"])
    changed = draw(st.dictionaries(names, scalars | inner, max_size=draw(st.integers(0, 3))))
    left_out = draw(st.sets(names, max_size=draw(st.integers(0, 1))))
    return written({n: v for n, v in (good | changed).items() if n not in left_out})


@st.composite
def bodies(draw: st.DrawFn, kind: type[Record]) -> bytes:
    some = f"[{','.join(draw(st.lists(records(kind), max_size=4)))}]"
    more = draw(st.sampled_from(['"hasMore":false', '"hasMore":null', '"total":1', '"hasMore":0']))
    data = draw(st.sampled_from([some, f'{{"items":{some},{more}}}', "null", "{}", '"x"']))
    data = data if draw(st.integers(0, 9)) else draw(scalars)
    ok = draw(st.sampled_from(["true"] * 9 + ["false", "1", "null"]))
    return f'{{"ok":{ok},"data":{data}}}'.encode()


async def read(kind: type[Record], body: bytes, *, is_logged: bool) -> str:
    """What is made of an answer: the records, or the error with all it says."""
    upstream = always(httpx.Response(200, headers=JSON, content=body))
    async with upstream.client() as sm:
        cache: ReadCache[Any] = ReadCache(keeping_for(5), Clock())
        reads = CompanyReads(sm, cache, "co_1", "mode")
        try:
            listing = (
                Listing("x", kind, most=3, activity_type="act", is_logged=True)
                if is_logged
                else Listing("x", kind, most=3)
            )
            return repr((await reads.list(listing)).value)
        except SMApiError as error:
            return f"{type(error).__name__}: {error}"


def by_way_of_dicts(_kind: object) -> Read:
    return read_answer


answered = st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), bodies(kind)))


@given(answered)
@settings(deadline=None, max_examples=120)
async def test_a_list_read_straight_is_the_list_read_by_way_of_dicts(
    answered: tuple[type[Record], bytes],
) -> None:
    kind, body = answered
    is_logged = kind in LOGGED
    straight = await read(kind, body, is_logged=is_logged)
    with patch.object(client_module, "reads_list_of", by_way_of_dicts):
        assert straight == await read(kind, body, is_logged=is_logged)


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_a_record_read_straight_is_the_record_read_by_way_of_dicts(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    body = f'{{"ok":true,"data":{data.draw(records(kind) | scalars)}}}'.encode()

    def made(read: Read) -> str:
        try:
            answered = read(200, JSON, body).data
            return repr(client_module.as_kind(answered, kind, "/api/x"))
        except SMApiError as error:
            return f"{type(error).__name__}: {error}"

    assert made(reads_as(kind)) == made(read_answer)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_fits_is_read_straight(kind: type[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    def by_way_of_dicts(*_: object) -> Answer:
        raise AssertionError("read by way of dicts")

    monkeypatch.setattr(answers_module, "read_answer", by_way_of_dicts)
    record = {"nested": {"unlisted": [1.5]}, **SHOWN[kind]}
    expected = decode(SHOWN[kind], kind, "/")

    def body(data: Any) -> bytes:
        return msgspec.json.encode({"ok": True, "data": data})

    assert reads_as(kind)(200, JSON, body(record)).data == expected
    many = reads_list_of(kind)
    assert many(200, JSON, body([record])).data == [expected]
    paged = many(200, JSON, body({"items": [record], "total": 9, "hasMore": True})).data
    assert paged == Page([expected], has_more=True)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_null_that_is_taken_as_it_is_stands_for_the_default(kind: type[Record]) -> None:
    """By way of dicts a null takes the field's default: where one fits, it has to be that."""
    for field in fields(kind):
        try:
            msgspec.convert(None, field.type)
        except msgspec.ValidationError:
            continue
        assert field.default is None, field.name


@pytest.mark.parametrize(
    ("status", "headers"),
    [(302, JSON), (404, JSON), (500, JSON), (200, {"content-type": "text/html"}), (200, {})],
)
def test_only_a_success_in_json_is_read_straight(status: int, headers: Mapping[str, str]) -> None:
    with pytest.raises(SMApiError):
        reads_list_of(AccessEvent)(status, headers, b'{"ok":true,"data":[]}')
