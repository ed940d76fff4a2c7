"""A browser by a name that its owner knows it by."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.auth.browser import FAMILIES, SYSTEMS, describe_browser

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/140.0", "Edge on Windows"),
        (f"{CHROME} OPR/120.0", "Opera on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X) Version/18 Safari/605.1", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU like Mac OS X) Version/18 Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) CriOS/140 Safari/604", "Chrome on iPad"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Firefox/140.0", "Firefox"),
        ("curl/8.0", "an unknown browser"),
        ("Windows", "an unknown browser"),
        ("", "an unknown browser"),
        (None, "an unknown browser"),
    ],
)
def test_a_browser_is_named_by_family_and_system(user_agent: str | None, name: str) -> None:
    assert describe_browser(user_agent) == name


@given(st.text())
@settings(deadline=None)
def test_nothing_of_what_a_browser_sends_is_repeated(user_agent: str) -> None:
    families = {name for _, name in FAMILIES} | {"an unknown browser"}
    names = families | {f"{f} on {s}" for f in families for _, s in SYSTEMS}
    assert describe_browser(user_agent) in names
