"""After sign-in one is sent to a page of this portal, whatever the address asked for."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.auth.redirects import HOME, LONGEST, local_path

ORIGIN = "https://mode.example"


def resolved(target: str) -> tuple[str, str]:
    """The origin and path a browser goes to from a Location header (URL Standard, special URLs)."""
    text = re.sub(r"[\t\r\n]", "", target.strip("".join(map(chr, range(33)))))
    text = text.replace("\\", "/")
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text)
    if scheme:
        return text, ""
    if text.startswith("//"):
        return f"https:{text}", ""
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    kept: list[str] = []
    for part in path.split("/")[1:]:
        plain = re.sub("%2e", ".", part, flags=re.IGNORECASE)
        if plain == "..":
            kept = kept[:-1]
        elif plain != ".":
            kept.append(part)
    return ORIGIN, "/" + "/".join(kept)


def check(value: str) -> None:
    """What `local_path` promises for any value at all."""
    target = local_path(value)
    origin, path = resolved(target)
    assert origin == ORIGIN, target
    # The server undoes one layer of escapes; anything in front of it may undo another.
    for _ in range(3):
        assert not re.match(r"/+(auth|api)(/|$)", path), target
        assert not path.startswith("//"), target
        assert resolved(path)[0] == ORIGIN, target
        path = unquote(path)
    assert not [c for c in target if ord(c) < 32 or ord(c) == 127], target
    assert target in (value, HOME)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/invoices",
        "/invoices/inv_1?year=2026&q=a%20b",
        "/engagements/en_1#updates",
        "/statement.pdf",
        "/authors",
        "/apiary",
        "/search?next=https://example.com//x",
        "/search?q=../..",
        "/caf%C3%A9",
        "/x...y/.hidden",
        "/invoices/auth/api",
    ],
)
def test_a_page_of_the_portal_is_kept(path: str) -> None:
    assert local_path(path) == path
    check(path)


REFUSED = [
    None,
    "",
    "invoices",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http://mode.example@evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/%2f/evil.example",
    "/%2F%2Fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "/%255cevil.example",
    "/%252f%252fevil.example",
    "/./\\evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/x/..//evil.example",
    "/x/../../evil.example",
    "//evil.example/%2e%2e",
    "//evil.example/..;/css",
    "/\x00/evil.example",
    "/%00/evil.example",
    "/\u2028/evil.example",
    "/x\x7f",
    "/x?next=%0d%0aSet-Cookie:a=b",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "mailto:a@b.c",
    "?x",
    "#x",
    ".",
    "..",
    "/auth",
    "/auth/",
    "/auth/logout",
    "/auth?x",
    "/auth#x",
    "/%61uth/logout",
    "/%2561uth/logout",
    "/auth%2Flogout",
    "/./auth/logout",
    "/%2e/auth/logout",
    "/x/../auth/logout",
    "/x/%2e%2e/auth/logout",
    "/x/.%2E/auth/logout",
    "/a%2Fb/../auth/logout",
    "/%3F/../auth/logout",
    "/%23/../auth/logout",
    "/x%3f/%2e%2e/auth/logout",
    "/api",
    "/api/",
    "/api/auth/logout",
    "/api?x",
    "/x/../api/auth/logout",
    "/%25252525252525252561uth",
    "/" + "x" * LONGEST,
]


@pytest.mark.parametrize("value", REFUSED)
def test_anything_else_leads_home(value: str | None) -> None:
    assert local_path(value) == HOME


PIECES = "/ // \\ .. . %2e %2E%2e %2f %5c %252f ? # %3f %23 : auth api %61uth logout evil.example @"
PIECES += " %09 %0a https: javascript: x ; % %2 é \u3002 \uff0f"
pieces = st.sampled_from([*PIECES.split(" "), " ", "\t", "\n", "\0"])


@given(st.lists(pieces, max_size=9).map("".join) | st.text(max_size=30))
@example("/a%2Fb/../auth/logout")
@example("/auth ")
@settings(deadline=None, max_examples=400)
def test_wherever_it_leads_it_is_a_page_of_this_portal(value: str) -> None:
    check(value)
    check(f"/{value}")
