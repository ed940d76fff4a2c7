"""The table of docs/faults.md for some faults, seen again; the whole is made by the command."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.faults.document import DOCUMENT, page_cells, table_of
from tests.faults.page_table import Findings, Trial
from tests.faults.pages import EVERYTHING, PAGES
from tests.faults.proxy import proxying
from tests.faults.rules import Kind
from tests.faults.stand import standing

KINDS = (Kind.ERROR_503, Kind.HTML)
BESIDE_OTHERS = 4.0
"""The command, which runs alone, holds pages to their times; here other tests run beside."""


@pytest.fixture(scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Findings]:
    folder = tmp_path_factory.mktemp("faults")
    async with (
        standing(folder, 1 + len(KINDS)) as stand,
        proxying(stand.proxy_port, stand.sandbox_port) as proxy,
        stand.browser() as browser,
    ):
        trial = Trial(stand, proxy, browser, slack=BESIDE_OTHERS)
        yield await trial.run(KINDS, [EVERYTHING])


async def test_no_fault_shows_too_little_too_much_or_too_late(found: Findings) -> None:
    assert found.wrong == []


async def test_what_was_taken_while_sm_api_failed_arrives_once(found: Findings) -> None:
    assert len(found.written) == 2 * len(KINDS)
    assert found.arrived == sorted(found.written)


async def test_clients_see_what_the_document_says(found: Findings) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    pages, others = (table_of(text, EVERYTHING.name, nth) for nth in (0, 1))
    rows = found.rows[EVERYTHING.name]
    assert [str(row.kind) for row in rows] == [str(kind) for kind in KINDS]
    for row in rows:
        assert pages[row.kind] == page_cells(row)
        assert others[row.kind] == list(row.others.values())


async def test_the_document_has_every_fault_and_every_page() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    pages = table_of(text, EVERYTHING.name)
    assert [*pages] == [str(kind) for kind in Kind]
    assert all(len(cells) == len(PAGES) for cells in pages.values())
