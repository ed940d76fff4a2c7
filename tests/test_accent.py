"""A product's own colour and links, from its configuration to its pages."""

from __future__ import annotations

from portal.accent import style_of
from tests.stage import Stage, stage


async def login_page(on: Stage) -> str:
    return (await on.browser().get("/auth/login")).text


async def test_the_colour_of_the_configuration_is_in_pages_mail_and_the_portals_config() -> None:
    async with stage(accent="#c94277") as on:
        assert '<link rel="stylesheet" href="/accent.css?v=c94277">' in await login_page(on)
        css = await on.browser().get("/accent.css?v=c94277")
        assert css.headers["content-type"].startswith("text/css")
        assert "immutable" in css.headers["cache-control"]
        assert css.text == style_of("#c94277")
        assert "--brand: #c94277" in css.text
        config = await on.browser(Accept="application/json").get("/api/portal/config")
        assert config.json()["config"]["brand_color"] in css.text
        await on.ask_for_link(on.browser(), "jane@acme.com")
        assert config.json()["config"]["brand_color"] in on.post.letters[-1].html


async def test_without_one_the_platforms_colour_stays() -> None:
    async with stage() as on:
        assert "/accent.css" not in await login_page(on)
        assert (await on.browser().get("/accent.css")).status_code == 404


async def test_the_links_of_the_configuration_are_in_the_menu_of_clients() -> None:
    links = (("Status & more", "https://status.example/?a=1&b=2"), ("Help", "/account"))
    async with stage(links=links) as on:
        page = (await (await on.signed_in("jane@acme.com")).get("/")).text
        assert 'href="https://status.example/?a=1&amp;b=2" rel="noopener noreferrer"' in page
        assert "Status &amp; more" in page
        assert '<a class="nav-link" href="/account">' in page
        assert "status.example" not in await login_page(on)
