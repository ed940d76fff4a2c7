"""The portal's own configuration, for anyone's browser code, in the platform's shape."""

from __future__ import annotations

from tests.stage import stage


async def test_anyone_reads_name_colour_and_marks() -> None:
    async with stage() as on:
        for query in ("", "?subdomain=mode", "?subdomain="):
            answer = await on.browser().get(f"/api/portal/config{query}")
            assert answer.status_code == 200
            body = answer.json()
            assert body["ok"] is True
            config = body["config"]
            assert (config["subdomain"], config["name"]) == ("mode", "Mode")
            assert config["brand_color"].startswith("#")
            assert config["billing_enabled"] is True
        for name in ("logo_mark_url", "favicon_url", "logo_og_url"):
            assert config[name].startswith(on.settings.portal_origin)
            asset = await on.browser().get(config[name].removeprefix(on.settings.portal_origin))
            assert asset.status_code == 200


async def test_another_portals_is_not_here() -> None:
    async with stage() as on:
        answer = await on.browser().get("/api/portal/config?subdomain=signal")
        assert (answer.status_code, answer.json()["ok"]) == (404, False)
