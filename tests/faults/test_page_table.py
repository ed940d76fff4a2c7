from __future__ import annotations

import pytest

from tests.faults.clients import marks_in, numbers_in
from tests.faults.document import others_table, page_cells, pages_table, table_of
from tests.faults.page_table import Row
from tests.faults.pages import AS_EVER, IN_PART, LAST_GOOD, SAYS_SO, TAKEN, Answer
from tests.faults.rules import Kind

BANNER = '<p class="notice notice--amber notice--as-of" data-as-of="2026-11-24T10:42:00+00:00">'
GAP = '<div class="empty unavailable">'


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (Answer("home", 200, "<main>", is_page=True, has_as_of=False, seconds=0), AS_EVER),
        (Answer("home", 200, BANNER, is_page=True, has_as_of=True, seconds=0), LAST_GOOD),
        (Answer("home", 200, "<main>", is_page=True, has_as_of=True, seconds=0), AS_EVER),
        (Answer("home", 200, BANNER + GAP, is_page=True, has_as_of=True, seconds=0), IN_PART),
        (Answer("csv", 200, "a,b", is_page=False, has_as_of=True, seconds=0), LAST_GOOD),
        (Answer("csv", 200, "a,b", is_page=False, has_as_of=False, seconds=0), AS_EVER),
        (Answer("home", 503, "<main>", is_page=True, has_as_of=False, seconds=0), SAYS_SO),
        (Answer("ask", 303, "", is_page=False, has_as_of=False, seconds=0), TAKEN),
        (Answer("home", 500, "", is_page=True, has_as_of=False, seconds=0), "500"),
    ],
)
def test_an_answer_is_one_word_of_the_table(answer: Answer, seen: str) -> None:
    assert answer.seen == seen


def test_words_say_whose_they_are() -> None:
    text = "<b>quartz007-rollout</b> QUARTZ012-INV1, quartz and Quartz7-x"
    assert numbers_in(text) == {7, 12}
    assert marks_in(text) == {"quartz007-rollout", "quartz012-inv1"}


def test_the_tables_of_the_document_can_be_read_again() -> None:
    row = Row(Kind.HTML, {"home": LAST_GOOD, "team": AS_EVER}, {"home": IN_PART, "team": AS_EVER})
    row.others = {"a question": TAKEN}
    text = f"# A\n\n## One\n\n{pages_table([row])}\n{others_table([row])}\n## Two\n"
    assert page_cells(row) == ["as of / in part", "as ever"]
    assert table_of(text, "One") == {"HTML with 200": ["as of / in part", "as ever"]}
    assert table_of(text, "One", 1) == {"HTML with 200": ["taken"]}
