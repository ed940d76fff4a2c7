"""Drawing PDFs: texts stay texts, fonts are carried, and the same data give the same bytes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

from portal.documents.typesetting import FOLDER, FONTS, MISSING, covered, draw, pdf, shown
from tests.documents.reading import fonts_of, reader, tags_of, words_of

TODAY: Final = date(2026, 11, 24)
HOSTILE: Final = (
    '#read("/etc/passwd")',
    '#import "@preview/cetz:0.3.0"',
    "*bold* _italic_ `raw` $x^2$",
    "\\ a\\b \\u{1F600}",
    "= Heading @ref <label> // no comment /* nor this */",
    "a -- b --- c ... 'single' \"double\" ~",
    "https://example.com #panic() ]) }",
    "<script>alert(1)</script> {{ 7 * 7 }}",
)


def data(**changes: Any) -> dict[str, Any]:
    """What an invoice draws, as short as it can be."""
    return {
        "title": "Invoice A-1",
        "language": "en",
        "colour": "#09826e",
        "sender": "Mode",
        "questions": "Questions?",
        "page_of": "Page {page} of {pages}",
        "status": "Open",
        "status_on": "as of today",
        "facts": [("Billed to", "Acme Corp"), ("Issued", "–"), ("Due", "–")],  # noqa: RUF001
        "line_heads": ["Description", "Quantity", "Unit price", "Amount"],
        "lines": [],
        "sums": [("Total", "$1.00"), ("Left to pay", "$1.00")],
        "note": "",
        "pay_title": "How to pay",
        "pay": [],
        "pay_online": "",
        "pay_url": None,
        **changes,
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_text_comes_out_as_itself(text: str) -> None:
    content = draw(
        "invoice.typ",
        data(
            title=text,
            facts=[(text, text)],
            lines=[[text, "1", "–", "$1.00"]],  # noqa: RUF001
            note=text,
            pay=[text],
        ),
        TODAY,
    )
    assert words_of(content).count(" ".join(text.split())) == 6
    assert reader(content).metadata.title == text  # type: ignore[union-attr] # it has one
    assert "root:" not in words_of(content)


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("Zażółć gęślą jaźń ŁÓDŹ", None),
        ("Ελληνικά Ωμέγα ά", None),
        ("Їжак, съешь ещё, Ђ", None),
        ("1 234,56 € · 10 zł · £5 · ₴7 · ₹1", None),
        ("e\u0301 becomes é", "é becomes é"),
        ("日本 😀 and more", f"{MISSING}{MISSING} {MISSING} and more"),
        ("evil\u202egnp.exe \u2066x\u2069", "evilgnp.exe x"),
        ("nul\x00 bell\x07 tab\tend", "nul bell tab end"),
        ("1\u202f234\u00a0€", "1\u202f234\u00a0€"),
    ],
)
def test_letters_of_many_scripts_come_out_as_text(text: str, came: str | None) -> None:
    came = came or text
    assert shown(text) == came
    content = draw("invoice.typ", data(title=text, pay=[text]), TODAY)
    assert words_of(content).count(" ".join(came.split())) == 2


def test_lines_of_a_text_stay_lines() -> None:
    assert shown("a\r\nb\rc\nd\u2028e") == "a\nb\nc\nd e"
    content = draw("invoice.typ", data(pay=["first\r\nsecond\n\nthird"]), TODAY)
    lines = reader(content).pages[0].extract_text().splitlines()
    assert [line.strip() for line in lines if line.strip() in ("first", "second", "third")] == [
        "first",
        "second",
        "third",
    ]


@pytest.mark.parametrize(
    "word", ["x" * 400, "https://pay.example/" + "z" * 200, "ż" * 190], ids=len
)
def test_a_word_longer_than_a_line_is_broken_and_loses_nothing(word: str) -> None:
    content = draw("invoice.typ", data(pay=[word], lines=[[word, "1", "1", "1"]]), TODAY)
    assert words_of(content).replace(" ", "").count(word) == 2
    longest = max(map(len, reader(content).pages[0].extract_text().splitlines()))
    assert longest < 130


def test_both_fonts_are_carried_whole_names_and_all() -> None:
    fonts = fonts_of(draw("invoice.typ", data(), TODAY))
    assert {name.partition("+")[2] for name in fonts} == {"Inter-Regular", "Inter-SemiBold"}
    assert all(fonts.values())


def test_the_fonts_we_carry_are_small_free_and_hold_what_europe_writes() -> None:
    files = sorted(FONTS.glob("*.ttf"))
    assert [file.name for file in files] == ["Inter-Regular.ttf", "Inter-SemiBold.ttf"]
    for file in files:
        assert file.stat().st_size < 200_000
        letters = covered(file.read_bytes())
        assert set("ąćęłńóśźżĄĆĘŁŃÓŚŹŻΑΩάώЯїђ€£zł₴—…\u00a0\u202f" + MISSING) <= letters
        assert not letters & set("日א😀\uffff")
    assert "SIL OPEN FONT LICENSE" in (FONTS / "LICENSE.txt").read_text()


def test_a_document_says_what_it_is_to_those_who_cannot_see_it() -> None:
    lines = [["Work", "1", "$1.00", "$1.00"]]
    content = draw("invoice.typ", data(language="pl", lines=lines, pay=["x"]), TODAY)
    found = reader(content)
    root: Any = found.trailer["/Root"]
    assert root["/Lang"] == "pl"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part" in root["/Metadata"].get_data()
    assert {"/H1", "/H2", "/Table", "/TR", "/TH", "/TD"} <= tags_of(content)
    assert found.metadata is not None
    assert found.metadata.title == "Invoice A-1"
    assert found.metadata.author == "Mode"
    assert found.metadata.creation_date == datetime(2026, 11, 24, tzinfo=UTC)


def test_pages_are_a4_numbered_and_repeat_the_head_of_a_table() -> None:
    lines = [[f"Line {n}", "1", "$1.00", "$1.00"] for n in range(120)]
    found = reader(draw("invoice.typ", data(lines=lines), TODAY))
    total = len(found.pages)
    assert total > 2
    for number, page in enumerate(found.pages, start=1):
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
        text = page.extract_text()
        assert f"Page {number} of {total}" in text
        assert ("Unit price" in text) is ("Line " in text)


def test_the_same_data_on_the_same_day_give_the_same_bytes() -> None:
    content = draw("invoice.typ", data(), TODAY)
    assert content == draw("invoice.typ", data(), TODAY)
    assert content != draw("invoice.typ", data(), date(2026, 11, 25))
    program = (
        "import sys; from datetime import date; from tests.documents.test_typesetting import data;"
        "from portal.documents.typesetting import draw;"
        "sys.stdout.buffer.write(draw('invoice.typ', data(), date(2026, 11, 24)))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert elsewhere.stdout == content


async def test_several_are_drawn_at_once_while_the_loop_goes_on() -> None:
    drawn: dict[int, bytes] = {}
    turns = 0

    async def one(number: int) -> None:
        drawn[number] = await pdf("invoice.typ", data(title=f"Invoice {number}"), TODAY)

    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(one, number)
        while len(drawn) < 6:
            await anyio.lowlevel.checkpoint()
            turns += 1
    assert turns > 6
    for number, content in drawn.items():
        assert f"Invoice {number} " in words_of(content)


def test_templates_interpolate_nothing_and_see_this_folder_only() -> None:
    for file in FOLDER.glob("*.typ"):
        source = file.read_text()
        for forbidden in ("eval(", "read(", "@preview", "plugin(", "../"):
            assert forbidden not in source, file.name
    with pytest.raises(Exception, match=r"frame\.typ|outside|access|root"):
        draw("../../README.md", data(), TODAY)
