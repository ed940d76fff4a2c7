"""Make every fault for every page, and write what clients saw to docs/faults.md.

python -m tests.faults    takes about five minutes
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.document import DOCUMENT, document
from tests.faults.page_table import Findings, Trial
from tests.faults.pages import TARGETS
from tests.faults.proxy import proxying
from tests.faults.rules import Kind
from tests.faults.stand import standing


async def run(folder: Path) -> Findings:
    """All faults for all targets."""
    clients = 1 + len(Kind) * len(TARGETS)
    async with (
        standing(folder, clients) as stand,
        proxying(stand.proxy_port, stand.sandbox_port) as proxy,
        stand.browser() as browser,
    ):
        return await Trial(stand, proxy, browser).run(tuple(Kind), TARGETS)


def main() -> int:
    """Write the document, or say what was wrong and write nothing."""
    with TemporaryDirectory() as folder:
        found = asyncio.run(run(Path(folder)))
    if found.wrong:
        sys.stderr.write("\n".join([*found.wrong, ""]))
        return 1
    DOCUMENT.write_text(document(found), encoding="utf-8")
    sys.stdout.write(f"Written to docs/{DOCUMENT.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
