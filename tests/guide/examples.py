"""The examples of the platform's CRM guide, cut out of its page word for word.

The page is kept beside this file as it was published, its fences lost; an example is what stands
between two marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = (Path(__file__).parent / "crm-integration.md").read_text(encoding="utf-8")
HOST: Final = "https://api.sprintmode.ai"

CURL: Final = re.compile(r"^curl -X .*?\}'", re.MULTILINE | re.DOTALL)
QUERY: Final = re.compile(r"GET (/api/\w+\?product=mode)")
MCP_ENDPOINT: Final = re.compile(r"^SSE endpoint: (\S+)$", re.MULTILINE)
MCP_AUTH: Final = re.compile(r"^Auth: (Bearer <\w+>)", re.MULTILINE)


@dataclass(frozen=True)
class Guide:
    """Every example of the page, with the host that they are run against put in."""

    curl: tuple[str, ...]
    queries: tuple[str, ...]
    log_activity: str
    worker: str
    browser_import: str
    browser_calls: tuple[str, ...]
    mcp_endpoint: str
    mcp_auth: str


def read_guide(host: str) -> Guide:
    """The page's examples. Raises AssertionError when the page does not hold them any more."""
    page = PAGE.replace(HOST, host)
    browser = _between(page, "import { api } from '@nomadahq/sm-ui'\n", "Using the MCP Server")
    return Guide(
        curl=tuple(CURL.findall(page)),
        queries=tuple(QUERY.findall(page)),
        log_activity=_between(page, "// From a product worker or page action\n", "Activity types"),
        worker=_between(page, "// In _worker.js\n", "Calling CRM from the Browser"),
        browser_import="import { api } from '@nomadahq/sm-ui'",
        browser_calls=tuple(call.strip() for call in re.split(r"^// .*$", browser, flags=re.M)[1:]),
        mcp_endpoint=_first(MCP_ENDPOINT, page),
        mcp_auth=_first(MCP_AUTH, page),
    )


def _between(page: str, start: str, end: str) -> str:
    assert start in page, start
    return page.partition(start)[2].partition(end)[0].strip()


def _first(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    assert found, pattern.pattern
    return found[1]
