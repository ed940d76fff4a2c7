"""`make bench`: run the benchmarks and write what they measured to docs/benchmarks.md.

python -m tests.bench [NAME…]
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.bench import documents, http_clients, live, sandbox_lists

BENCHMARKS: Final[dict[str, Callable[[], Awaitable[str]]]] = {
    "sandbox-lists": sandbox_lists.run,
    "http-clients": http_clients.run,
    "documents": documents.run,
    "live": live.run,
}
REPORT: Final = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
PACKAGES: Final = ("starlette", "uvicorn", "httpx2", "sqlalchemy", "msgspec", "typst")


def heading() -> str:
    """When, on what machine, with which versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        "# Benchmarks\n\nWritten by `make bench`; the figures are of one run on one machine.\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} on {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}.\n"
    )


async def run(names: list[str]) -> int:
    """Run the named benchmarks, all without names; 1 for a name that there is not."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"No benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 1
    sections = []
    for name in names or BENCHMARKS:
        print(f"{name} …", flush=True)
        sections.append(await BENCHMARKS[name]())
        print(sections[-1])
    if not names:
        REPORT.write_text("\n".join([heading(), *sections]), encoding="utf-8")
        print(f"Written to docs/{REPORT.name}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1:])))
