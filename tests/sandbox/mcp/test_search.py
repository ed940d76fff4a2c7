"""Words find what people wrote, the best first, and ids find themselves."""

from __future__ import annotations

from typing import Any

from mcp import ClientSession

from portal.sandbox.mcp.search import SEARCHED, searched_fields
from tests.sandbox.mcp.setup import call
from tests.sandbox.setup import Clock


async def found(agent: ClientSession, query: str, **more: Any) -> list[tuple[str, str]]:
    items = (await call(agent, "search", query=query, **more))["items"]
    return [(item["kind"], item["title"]) for item in items]


async def test_what_is_called_so_comes_before_what_mentions_it(agent: ClientSession) -> None:
    both = [("company", "Acme Corp"), ("company", "Globex Corp")]
    assert await found(agent, "ACME corp", kind="company") == both
    assert await found(agent, "globex", kind="company") == both[1:]


async def test_every_word_must_be_found_in_any_order(agent: ClientSession) -> None:
    assert ("engagement", "Mode implementation retainer") in await found(agent, "RETAINER mode")
    assert await found(agent, "retainer unheard-of") == []


async def test_case_does_not_matter_in_any_alphabet(agent: ClientSession) -> None:
    made = await call(agent, "create_company", name="Žižkov Öl GmbH", notes="100% _öfter_")
    for query in ("žižkov", "ŽIŽKOV ÖL", "100%", "_ÖFTER_"):
        items = (await call(agent, "search", query=query, kind="company"))["items"]
        assert [item["id"] for item in items] == [made["id"]]
    assert items[0]["snippet"] == "notes: 100% _öfter_"


async def test_a_whole_id_finds_its_record_and_part_of_one_nothing(agent: ClientSession) -> None:
    items = (await call(agent, "search", query="co_abc123"))["items"]
    assert items[0] == {
        "kind": "company",
        "id": "co_abc123",
        "title": "Acme Corp",
        "snippet": "id: co_abc123",
    }
    assert await found(agent, "co_abc12", kind="company") == []


async def test_a_snippet_shows_the_words_around_the_match(agent: ClientSession) -> None:
    text = f"{'before ' * 40}the needle itself{' after' * 40}"
    await call(agent, "create_activity", activity_type="note", description=text)
    [item] = (await call(agent, "search", query="needle"))["items"]
    assert item["snippet"].startswith("description: …")
    assert item["snippet"].endswith("…")
    assert "before the needle itself after" in item["snippet"]
    assert len(item["snippet"]) < 200


async def test_the_limit_holds_for_each_kind_and_more_is_told(
    agent: ClientSession, clock: Clock
) -> None:
    for number in range(3):
        clock.advance(minutes=1)
        await call(agent, "create_deal", title=f"Zebra {number}")
        await call(agent, "create_activity", activity_type="note", title=f"Zebra {number}")
    few = await call(agent, "search", query="zebra", limit=2)
    assert [item["title"] for item in few["items"]] == ["Zebra 2", "Zebra 1"] * 2
    assert few["more"] == ["deal", "activity"]
    assert (await call(agent, "search", query="zebra", limit=3))["more"] == []


async def test_every_text_of_every_kind_is_searched(agent: ClientSession) -> None:
    base: dict[str, dict[str, Any]] = {
        "company": {"name": "x"},
        "contact": {"email": "x@b.example"},
        "engagement": {"name": "x", "company_id": "co_abc123"},
        "invoice": {"amount": 1, "company_id": "co_abc123"},
        "deal": {"title": "x"},
        "activity": {"activity_type": "x"},
    }
    for resource in SEARCHED:
        for field in searched_fields(resource):
            word = f"zq{resource.singular}{field.name.replace('_', '')}"
            value = {"email": f"{word}@b.example", "url": f"https://{word}.example"}.get(
                field.kind, word
            )
            given = base[resource.singular] | {field.name: value}
            made = await call(agent, f"create_{resource.singular}", **given)
            items = (await call(agent, "search", query=word.upper()))["items"]
            assert [(item["kind"], item["id"]) for item in items] == [
                (resource.singular, made["id"])
            ], field.name
