"""Words find what people wrote, the best first, and ids find themselves."""

from __future__ import annotations

from typing import Any

from portal.sandbox.mcp.search import SEARCHED, searched_fields
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import use
from tests.sandbox.setup import Clock


def found(demo_store: Store, query: str, **more: Any) -> list[tuple[str, str]]:
    items = use(demo_store, "search", query=query, **more)["items"]
    return [(item["kind"], item["title"]) for item in items]


def test_what_is_called_so_comes_before_what_mentions_it(demo_store: Store) -> None:
    both = [("company", "Acme Corp"), ("company", "Globex Corp")]
    assert found(demo_store, "ACME corp", kind="company") == both
    assert found(demo_store, "globex", kind="company") == both[1:]


def test_every_word_must_be_found_in_any_order(demo_store: Store) -> None:
    assert ("engagement", "Mode implementation retainer") in found(demo_store, "RETAINER mode")
    assert found(demo_store, "retainer unheard-of") == []


def test_case_does_not_matter_in_any_alphabet(demo_store: Store) -> None:
    made = use(demo_store, "create_company", name="Žižkov Öl GmbH", notes="100% _öfter_")
    for query in ("žižkov", "ŽIŽKOV ÖL", "100%", "_ÖFTER_"):
        items = use(demo_store, "search", query=query, kind="company")["items"]
        assert [item["id"] for item in items] == [made["id"]]
    assert items[0]["snippet"] == "notes: 100% _öfter_"


def test_a_whole_id_finds_its_record_and_part_of_one_nothing(demo_store: Store) -> None:
    items = use(demo_store, "search", query="co_abc123")["items"]
    assert items[0] == {
        "kind": "company",
        "id": "co_abc123",
        "title": "Acme Corp",
        "snippet": "id: co_abc123",
    }
    assert found(demo_store, "co_abc12", kind="company") == []


def test_a_snippet_shows_the_words_around_the_match(demo_store: Store) -> None:
    text = f"{'before ' * 40}the needle itself{' after' * 40}"
    use(demo_store, "create_activity", activity_type="note", description=text)
    [item] = use(demo_store, "search", query="needle")["items"]
    assert item["snippet"].startswith("description: …")
    assert item["snippet"].endswith("…")
    assert "before the needle itself after" in item["snippet"]
    assert len(item["snippet"]) < 200


def test_the_limit_holds_for_each_kind_and_more_is_told(demo_store: Store, clock: Clock) -> None:
    for number in range(3):
        clock.advance(minutes=1)
        use(demo_store, "create_deal", title=f"Zebra {number}")
        use(demo_store, "create_activity", activity_type="note", title=f"Zebra {number}")
    few = use(demo_store, "search", query="zebra", limit=2)
    assert [item["title"] for item in few["items"]] == ["Zebra 2", "Zebra 1"] * 2
    assert few["more"] == ["deal", "activity"]
    assert use(demo_store, "search", query="zebra", limit=3)["more"] == []


def test_every_text_of_every_kind_is_searched(demo_store: Store) -> None:
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
            made = use(demo_store, f"create_{resource.singular}", **given)
            items = use(demo_store, "search", query=word.upper())["items"]
            assert [(item["kind"], item["id"]) for item in items] == [
                (resource.singular, made["id"])
            ], field.name
