"""docs/sm-api.md says what the table of resources and the constants say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from portal.sandbox import body, leads, validation
from portal.sandbox.auth import links
from portal.sandbox.auth.client_scope import POSTED_KINDS
from portal.sandbox.config import SandboxConfig
from portal.sandbox.fields import Operation, Resource, Writable
from portal.sandbox.idempotency import KEPT, LONGEST_KEY
from portal.sandbox.magic_sessions import MOST_TRIES
from portal.sandbox.openapi import document
from portal.sandbox.openapi_parts import REFUSALS
from portal.sandbox.query import RECENT_INVOICES
from portal.sandbox.resources import BY_NAME, RESOURCES
from portal.sandbox.transcript_summary import FEWEST_WORDS, MOST_SENTENCES, MOST_WORDS
from portal.sandbox.transcript_text import LONGEST_NAME

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "sm-api.md").read_text(encoding="utf-8")
WORDS: Final = {5: "five"}
FLAT: Final = " ".join(DOCUMENT.split())


def rows(heading: str) -> list[list[str]]:
    """The rows of the table whose head begins like this."""
    table = DOCUMENT.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]
    ]


def code_in(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_table_of_resources_is_the_servers() -> None:
    def described(resource: Resource) -> list[str]:
        return [
            f"`{resource.name}`",
            f"`{resource.prefix}_`",
            "page" if resource.paged else "array",
            f"{resource.default_limit}, {resource.most_limit}",
            "newest first" if resource.order == "-created_at" else resource.order,
            ", ".join(o for o in Operation if o in resource.operations),
        ]

    assert rows("resource | id") == [described(resource) for resource in RESOURCES]


def test_the_filters_are_the_servers() -> None:
    for (name, filters), resource in zip(rows("list"), RESOURCES, strict=True):
        sorts = [f"sort={name}" for name in resource.sorts]
        assert name == f"`{resource.name}`"
        assert code_in(filters) == [f.parameter for f in resource.filters] + sorts


def test_the_statuses_are_the_servers() -> None:
    assert {int(status): text for status, text in rows("status")} == dict(REFUSALS)


def test_the_bounds_are_the_servers() -> None:
    assert [int(value) for _, value in rows("bound (ours)")] == [
        body.MOST_BYTES,
        leads.MOST_BYTES,
        validation.LONGEST_TEXT,
        validation.LONGEST_LONG_TEXT,
        validation.LONGEST_LIST,
        validation.DEEPEST_JSON,
        validation.LARGEST_NUMBER,
        validation.LARGEST_INTEGER,
    ]


def test_the_fields_that_are_ours_exist() -> None:
    for name, fields in rows("resource | fields"):
        resource = BY_NAME[name.strip("`")]
        known = {f.name for f in resource.fields} | {
            choice for f in resource.fields for choice in f.choices
        }
        assert set(code_in(fields)) <= known, name


def test_every_crm_route_is_in_the_table_of_routes_and_the_other_way_round() -> None:
    told = {
        (method.lower(), path)
        for cell, *_ in rows("route |")
        for methods, path in re.findall(r"`([A-Z, ]+) (/[^`]*)`", cell)
        for method in methods.split(", ")
    }
    paths = document("")["paths"]
    assert told == {(method, path) for path, item in paths.items() for method in item}


@pytest.mark.parametrize(
    "sentence",
    [
        f"An address may post {SandboxConfig('', '').lead_posts} times in "
        f"{SandboxConfig('', '').lead_seconds} seconds",
        f"IPv6 addresses count by their /{leads.IPV6_SITE}",
        f"an `Idempotency-Key` of 1 to {LONGEST_KEY} characters",
        f"for {KEPT.total_seconds() / 3600:.0f} hours",
        f"`tries_left` (of {MOST_TRIES})",
        f"{', '.join(f'`{kind}`' for kind in sorted(POSTED_KINDS)[:-1])} and "
        f"`{sorted(POSTED_KINDS)[-1]}`",
        f"last {RECENT_INVOICES} invoices",
        f"up to {WORDS[MOST_SENTENCES]} sentences are picked",
        f"sentences of {FEWEST_WORDS} to {MOST_WORDS} words",
        f"up to {WORDS[LONGEST_NAME]} words with capitals",
    ],
)
def test_what_is_said_in_passing_holds(sentence: str) -> None:
    assert sentence in FLAT


def test_the_links_last_as_long_as_is_said() -> None:
    assert links.LIFETIME.total_seconds() == 600
    assert "ten minutes" in FLAT


def test_the_fields_fixed_at_creation_are_named() -> None:
    row = next(row for row in rows("# | topic") if row[0] == "21")
    fixed = {
        (resource.name, field.name)
        for resource in RESOURCES
        for field in resource.fields
        if field.writable is Writable.ON_CREATE
    }
    assert fixed == {
        *((name, "company_id") for name in ("engagements", "invoices", "deals")),
        *(("deals", name) for name in ("contact_id", "pipeline")),
    }
    assert set(code_in(row[2])) == {name for _, name in fixed}
