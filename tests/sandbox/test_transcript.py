"""A transcript names its speakers, is linked to contacts, and its summary invents nothing."""

from __future__ import annotations

import time
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.sandbox.keys import create_api_key
from portal.sandbox.resources import COMPANIES, CONTACTS, ENGAGEMENTS
from portal.sandbox.store import Store
from portal.sandbox.transcript_summary import NOTICE, picked, sentences, summary_text
from portal.sandbox.transcript_text import passages, speakers
from tests.sandbox.setup import create, refused

PATH = "/api/activities/transcript"
CALL = """\
Jane Smith: Thank you all for coming. We decided to start the pilot on Monday.
Sam: Good. Who will train the accounts payable team in Newark?
Jane Smith: Pat Doyle promised to do it, and the training is due on 12 June.
Somebody New: Fine with me.
"""


def told(text: str) -> list[tuple[str, int, int]]:
    return [(s.name, s.turns, s.words) for s in speakers(passages(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jane Smith: hello there", [("Jane Smith", 1, 2)]),
        ("[00:01:02] Sam: one two three", [("Sam", 1, 3)]),
        ("00:01 Sam: one\n0:02 SAM: two\n0:03 Ana: three", [("Sam", 1, 2), ("Ana", 1, 1)]),
        ("Sam (00:02): one", [("Sam", 1, 1)]),
        ("JANE SMITH (00:02)\none two\nthree\n\nSam Lee  0:07\nfour", [
            ("JANE SMITH", 1, 3), ("Sam Lee", 1, 1),
        ]),
        (
            "WEBVTT\n\n1\n00:00.000 --> 00:02.000\n<v Jane>one two</v>\n\n2\n"
            "00:02.000 --> 00:03.000\n<v.loud Sam>three\n\n3\n"
            "00:03.000 --> 00:04.000\n<v Jane>four",
            [("Jane", 2, 3), ("Sam", 1, 1)],
        ),
        ("Ludwig van Beethoven: one\nDr. O'Neil-Ng: two", [
            ("Ludwig van Beethoven", 1, 1), ("Dr. O'Neil-Ng", 1, 1),
        ]),
        ("Zoë Łukasiewicz: tak\n王小明: 好", [("Zoë Łukasiewicz", 1, 1), ("王小明", 1, 1)]),
        ("Speaker 1: one\r\nSpeaker 2: two\rSpeaker 1: three", [
            ("Speaker 1", 2, 2), ("Speaker 2", 1, 1),
        ]),
        ("Note: x\nAction items: none\nhttps://x.example: y\nI think so: yes\n12:30: lunch", []),
        ("Jane:\nsays this below", [("Jane", 1, 3)]),
        ("nobody is named here", []),
        ("", []),
    ],
)  # fmt: skip
def test_speakers_are_found_in_each_known_form(
    text: str, expected: list[tuple[str, int, int]]
) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Lee pays 3.5 million. Yes.", ["Dr. Lee pays 3.5 million.", "Yes."]),
        ('He said "no." Then left…', ['He said "no."', "Then left…"]),
        ("broken\nin two. Next", ["broken in two.", "Next"]),
        ("好。行！", ["好。", "行！"]),  # noqa: RUF001
        ("...", ["..."]),
        (" \n ", []),
    ],
)
def test_sentences_end_where_they_end(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_the_summary_prefers_what_is_settled_asked_or_dated_and_keeps_the_order() -> None:
    small_talk = "\n".join(f"Ana: Well number {n} was rather nice to look at." for n in "abcdef")
    chosen = picked(passages(f"{small_talk}\n{CALL}"))
    assert chosen[-3:] == [
        "We decided to start the pilot on Monday.",
        "Who will train the accounts payable team in Newark?",
        "Pat Doyle promised to do it, and the training is due on 12 June.",
    ]
    assert len(chosen) == 5


def test_the_summary_says_what_it_is_and_is_empty_when_nothing_fits() -> None:
    assert summary_text(picked(passages(CALL))).splitlines()[0] == NOTICE
    assert "Extractive" in NOTICE
    assert summary_text(picked(passages("Ana: Hi.\nBen: Bye."))) == ""


parts = st.sampled_from(
    [
        *(*"aB1.:!?…。<>[]() \n\r\t'\"-", "\x1c", "\x85", "\u2028", "É", "<v Sam>", "</v>"),
        *("Jane Smith: ", "[00:01:02] ", "WEBVTT\n", "00:00.000 --> 00:01.000\n"),
        "We will decide tomorrow. ",
    ]
)
texts = st.lists(parts | st.text(max_size=5), max_size=60).map("".join)


@given(text=texts)
@settings(max_examples=300, deadline=None)
def test_every_sentence_of_a_summary_stands_in_the_transcript_word_for_word(text: str) -> None:
    spoken = passages(text)
    whole = " ".join(text.split())
    for sentence in picked(spoken):
        assert sentence in whole
    assert all(speaker.turns > 0 for speaker in speakers(spoken))


@given(text=texts | st.text())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_text_breaks_it(api: httpx.AsyncClient, text: str) -> None:
    response = await api.post(PATH, json={"transcript": text})
    assert response.status_code in (201, 422), response.text


@pytest.mark.parametrize(
    "text",
    [
        *("." * 99_999 + "x", ".)" * 50_000, "<v A>" * 20_000, "0:00 " * 20_000),
        *("A: b\n" * 20_000, "a.\n" * 33_000, "((" * 50_000, "A " * 50_000, "Aa. b " * 16_000),
    ],
    ids=lambda text: text[:6],
)
async def test_no_text_takes_long(api: httpx.AsyncClient, text: str) -> None:
    started = time.perf_counter()
    assert (await api.post(PATH, json={"transcript": text})).status_code == 201
    assert time.perf_counter() - started < 5


async def listed(api: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    found = (await api.get("/api/activities", params=params)).json()["data"]
    assert isinstance(found, list)
    return found


async def test_contacts_are_linked_as_given_and_by_the_names_of_their_company(
    api: httpx.AsyncClient,
) -> None:
    company = await create(api, COMPANIES)
    names = {"jane@a.example": "Jane Smith", "sam@a.example": "Sam Lee", "x@a.example": "Pat Doyle"}
    ids = {
        name: await create(api, CONTACTS, company_id=company, email=email, full_name=name)
        for email, name in names.items()
    }
    await create(api, CONTACTS, email="other@b.example", full_name="Somebody New")
    guest = await create(api, CONTACTS, email="guest@c.example", full_name="A Guest")
    body = {"transcript": CALL, "company_id": company, "contact_ids": [guest], "title": "Kick-off"}
    answer = await api.post(PATH, json={**body, "product": "mode", "source": "zoom"})
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert set(data) == {"id", "speakers", "contact_ids", "summary"}
    assert data["contact_ids"] == [guest, ids["Jane Smith"], ids["Sam Lee"]]
    assert [(s["name"], s.get("contact_id")) for s in data["speakers"]] == [
        ("Jane Smith", ids["Jane Smith"]),
        ("Sam", ids["Sam Lee"]),
        ("Somebody New", None),
    ]
    [kept] = await listed(api, type="transcript")
    assert kept["id"] == data["id"]
    assert (kept["title"], kept["description"], kept["source"]) == ("Kick-off", CALL, "mode")
    assert (kept["company_id"], kept["contact_id"]) == (company, guest)
    assert kept["metadata"] == {
        "speakers": data["speakers"],
        "contact_ids": data["contact_ids"],
        "summary": data["summary"],
        "summary_kind": "extractive",
        "source": "zoom",
    }
    [summary] = await listed(api, type="ai_summary")
    assert summary["description"] == data["summary"]
    assert summary["description"].startswith(NOTICE)
    assert (summary["source_id"], summary["company_id"]) == (data["id"], company)
    assert summary["metadata"] == {"summary_kind": "extractive", "transcript_id": data["id"]}


async def test_a_first_name_that_two_share_names_nobody(api: httpx.AsyncClient) -> None:
    company = await create(api, COMPANIES)
    for number, name in enumerate(("Sam Lee", "Sam Park")):
        email = f"{number}@a.example"
        await create(api, CONTACTS, company_id=company, email=email, full_name=name)
    answer = await api.post(PATH, json={"transcript": CALL, "company_id": company})
    assert answer.json()["data"]["contact_ids"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("transcript", None), ("transcript", ""), ("transcript", " \n"), ("transcript", 1)),
        *(("transcript", "a\x00b"), ("transcript", "x" * 100_001), ("contact_ids", "ct_abc123")),
        *(("contact_ids", ["ct_none"]), ("contact_ids", [1]), ("company_id", "co_none")),
        *(("engagement_id", "eng_none"), ("product", "Not One"), ("speakers", [])),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, field: str, value: Any
) -> None:
    refused(await api.post(PATH, json={"transcript": CALL, field: value}), 422, field)
    assert await listed(api) == []


async def test_a_repeat_is_kept_once_and_other_methods_are_405(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "t-1"}
    first = await api.post(PATH, json={"transcript": CALL}, headers=headers)
    again = await api.post(PATH, json={"transcript": CALL}, headers=headers)
    assert first.content == again.content
    assert len(await listed(api)) == 2
    for method in ("GET", "PATCH", "DELETE"):
        response = await api.request(method, PATH)
        refused(response, 405)
        assert response.headers["Allow"] == "POST"


async def test_a_bound_key_reaches_its_own_products_contacts_only(
    api: httpx.AsyncClient, store: Store
) -> None:
    mode = {"X-SM-Key": create_api_key(store, "bound", "mode")}
    company = await create(api, COMPANIES, product="mode")
    own = {"company_id": company, "full_name": "Jane Smith"}
    theirs = await create(api, CONTACTS, **own, email="a@a.example", product="signal")
    body = {"transcript": CALL, "company_id": company}
    bound = await api.post(PATH, json=body, headers=mode)
    assert bound.json()["data"]["contact_ids"] == []
    assert (await api.get(f"/api/activities/{bound.json()['data']['id']}")).json()["data"][
        "source"
    ] == "mode"
    refused(
        await api.post(PATH, json={**body, "contact_ids": [theirs]}, headers=mode),
        422,
        "contact_ids",
    )
    foreign = await create(api, ENGAGEMENTS, product="signal")
    refused(
        await api.post(PATH, json={**body, "engagement_id": foreign}, headers=mode),
        422,
        "engagement_id",
    )
