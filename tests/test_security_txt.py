"""Whoever finds a hole finds where to report it."""

from __future__ import annotations

from tests.stage import stage


async def test_anyone_may_read_where_to_report_a_hole() -> None:
    async with stage() as on:
        answer = await on.browser().get("/.well-known/security.txt")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert f"Contact: mailto:{on.settings.support_email}\n" in answer.text
        assert "Expires: 2027-05-23T00:00:00Z\n" in answer.text
        assert f"Canonical: {on.settings.portal_origin}/.well-known/security.txt\n" in answer.text
