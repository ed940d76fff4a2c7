"""Rendering: what every template is given, and what none of them may do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from jinja2 import Environment, UndefinedError
from starlette.requests import Request

from portal.domain.viewer import Role, Staff, Viewer
from portal.templating import (
    IMPORT_MAP,
    STATIC_DIR,
    TEMPLATES_DIR,
    Assets,
    Parts,
    Templates,
    build_templates,
    initials,
)

PAGES: Final = sorted(TEMPLATES_DIR.rglob("*.html"))
FOR_BROWSERS: Final = [path for path in PAGES if path.parent.name != "mail"]
VIEWER: Final = Viewer(
    contact_id="ct_abc123",
    email="jane@acme.com",
    name="Jane Smith",
    company_id="co_abc123",
    company_name="Acme Corp",
    product="mode",
    role=Role.CLIENT_ADMIN,
    time_zone="Europe/Warsaw",
)
STAFF: Final = Staff("ct_ava", "ava@sprintmode.ai", "Ava Torres", "mode")
ERROR: Final[dict[str, Any]] = {
    "status": 404,
    "title": "Not found",
    "message": "There is nothing here.",
    "request_id": "0123",
    "signed_in_as": None,
    "actions": [],
    "leave_preview": False,
}
MAIL: Final[dict[str, Any]] = {
    "name": "Jane <b>Smith</b>",
    "link": "https://mode.example/auth/magic/verify?token=abc",
    "code": "204816",
    "minutes": 10,
    "asked_from": "Firefox on Windows",
    "asked_at": datetime(2026, 11, 24, 15, 30, tzinfo=UTC),
}


@dataclass(frozen=True)
class Brand:
    portal_name: str = "Mode"
    product: str = "mode"
    portal_origin: str = "https://mode.example"
    support_email: str = "support@mode.example"
    environment: str = "production"
    accent: str | None = None
    links: tuple[tuple[str, str], ...] = ()


def templates(**brand: Any) -> Templates:
    return build_templates(replace(Brand(), **brand))


def asked_by(who: Viewer | Staff | None, path: str = "/") -> Request:
    state: dict[str, Any] = {}
    if who is not None:
        state["staff" if isinstance(who, Staff) else "viewer"] = who
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [],
            "server": ("mode.example", 443),
            "scheme": "https",
            "state": state,
        }
    )


def error_page(who: Viewer | Staff | None, path: str = "/", **context: Any) -> str:
    return templates().page(asked_by(who, path), "error.html", {**ERROR, **context})


# Pages


def test_a_page_without_a_viewer_has_no_menu_and_tells_who_shares_it() -> None:
    page = error_page(None)
    assert 'aria-label="Main"' not in page
    assert re.search(
        r'og:image" content="https://mode\.example/static/brand/mode/og\.png\?v=', page
    )


def test_a_viewer_gets_the_menu_with_the_open_place_marked() -> None:
    page = error_page(VIEWER, "/invoices/inv_1")
    assert re.findall(r'href="([^"]+)" aria-current="page"', page) == ["/invoices"]
    assert "Acme Corp" in page


def test_a_client_viewer_is_not_offered_invoices() -> None:
    assert "/invoices" not in error_page(replace(VIEWER, role=Role.CLIENT_VIEWER))


def test_staff_get_their_own_menu_and_no_account_page() -> None:
    page = error_page(STAFF, "/staff")
    assert 'href="/staff" aria-current="page"' in page
    assert 'href="/account"' not in page
    assert "Staff" in page


def test_whatever_the_records_say_is_text_and_never_markup() -> None:
    page = error_page(
        replace(VIEWER, name="<script>alert(1)</script>", company_name='" onload="x'),
        message="<img src=x>",
    )
    assert "<script>alert" not in page
    assert '" onload="x' not in page
    assert "&lt;img src=x&gt;" in page


def test_a_name_that_no_one_passed_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(UndefinedError):
        templates().page(asked_by(None), "error.html", {})


def test_the_product_chooses_its_colours_and_its_mark() -> None:
    page = templates(product="signal", portal_name="Signal").page(
        asked_by(None), "error.html", ERROR
    )
    assert '<html lang="en" data-product="signal">' in page
    assert "/static/brand/default/favicon.svg?v=" in page


def test_dates_follow_the_viewers_locale_and_zone() -> None:
    request = asked_by(replace(VIEWER, locale="de_DE"))
    as_of = datetime(2026, 11, 24, 22, 42, tzinfo=UTC)
    request.state.access = SimpleNamespace(as_of=as_of, now=lambda: as_of)
    assert "as of 23:42." in templates().page(request, "error.html", ERROR)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Jane Smith", "JS"),
        ("Mary-Jane van der Watson", "MW"),
        ("zoë łukasiewicz", "ZŁ"),
        ("Prince", "P"),
        ("jane.smith@acme.com", "JS"),
        ("info@acme.com", "I"),
        ("李 小龙", "李小"),
        ("  ", ""),
        ("", ""),
    ],
)
def test_initials_stand_for_a_name(name: str, letters: str) -> None:
    assert initials(name) == letters


# What no template may do, because the policy of content refuses it


@pytest.mark.parametrize("path", FOR_BROWSERS, ids=lambda path: path.name)
def test_no_page_carries_a_style_or_a_script_inside_it(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    inline = [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag]
    assert inline == (['<script type="importmap">'] if path.name == "document.html" else [])


def test_the_import_map_is_the_one_that_the_policy_allows() -> None:
    assert f'<script type="importmap">{IMPORT_MAP}</script>' in error_page(None)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_that_a_page_names_is_there(path: Path) -> None:
    text = path.read_text()
    named = re.findall(r'(?<!brand_)asset\("([^"]+)"\)', text)
    named += re.findall(r'href="/static/([^"]+)"', text)
    named += [f"brand/default/{name}" for name in re.findall(r'brand_asset\("([^"]+)"\)', text)]
    assert [name for name in named if not (STATIC_DIR / name).is_file()] == []


# Mails


def test_both_parts_of_the_mail_carry_the_link_and_the_code() -> None:
    for part in ("txt", "html"):
        mail = templates().mail(f"mail/sign_in.{part}", MAIL, VIEWER)
        for word in (MAIL["link"], MAIL["code"], "10 minutes", "Firefox on Windows", "4:30"):
            assert word in mail


def test_a_name_is_escaped_in_the_html_of_a_mail_and_as_it_is_in_its_text() -> None:
    assert "Jane &lt;b&gt;Smith&lt;/b&gt;" in templates().mail("mail/sign_in.html", MAIL, VIEWER)
    assert "Jane <b>Smith</b>" in templates().mail("mail/sign_in.txt", MAIL, VIEWER)


def test_a_mail_wears_its_products_colour() -> None:
    mode, other = (
        templates(product=product).mail("mail/sign_in.html", MAIL, VIEWER)
        for product in ("mode", "studios")
    )
    assert "background:#09826e" in mode
    assert "background:#7947d1" in other


# Addresses of assets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.css", "brand/mode/icon.svg", "brand/default/icon.svg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_address_of_an_asset_changes_with_its_content(folder: Path) -> None:
    assets = Assets(folder, fixed=False)
    before = assets.url("a.css")
    (folder / "a.css").write_text("other")
    assert re.fullmatch(r"/static/a\.css\?v=[0-9a-f]{12}", before)
    assert assets.url("a.css") != before


def test_in_production_an_asset_is_read_once(folder: Path) -> None:
    assets = Assets(folder, fixed=True)
    before = assets.url("a.css")
    (folder / "a.css").write_text("other")
    assert assets.url("a.css") == before


def test_a_missing_asset_is_an_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Assets(folder, fixed=True).url("gone.css")


def test_a_product_without_a_brand_of_its_own_gets_the_plain_one(folder: Path) -> None:
    assets = Assets(folder, fixed=True)
    assert "/brand/mode/icon.svg" in assets.brand_url("mode", "icon.svg")
    assert "/brand/default/icon.svg" in assets.brand_url("signal", "icon.svg")


@pytest.mark.parametrize(
    ("product", "fill"),
    [("mode", "#09826e"), ("sprint-capital", "#00854e"), ("mod", "#2362ea"), ("nobody", "#2362ea")],
)
def test_a_product_has_the_colour_that_the_tokens_give_it(product: str, fill: str) -> None:
    assert Assets(STATIC_DIR, fixed=True).brand_colour(product) == fill


def test_a_part_is_drawn_once_for_each_reader_and_value_and_escaped() -> None:
    source = "{% macro part(value) %}{{ count() }}{{ value }}{% endmacro %}"
    counted = iter(range(10))
    environment = Environment(autoescape=True)  # it is on
    environment.globals["count"] = counted.__next__
    module: Any = environment.from_string(source).module
    parts = Parts(most=2)

    def drawn(reader: str, value: str) -> str:
        return parts.drawn(reader, lambda _, name: getattr(module, name), "a.html", "part", value)

    assert [drawn("en", "<b>"), drawn("en", "<b>")] == ["0&lt;b&gt;"] * 2
    assert [drawn("es", "<b>"), drawn("es", "<b>")] == ["1&lt;b&gt;"] * 2
    assert [drawn("en", "other"), drawn("es", "<b>")] == ["2other", "1&lt;b&gt;"]
    assert drawn("en", "<b>") == "3&lt;b&gt;"
