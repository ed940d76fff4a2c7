"""Lines of the log are written together, soon, whole and in their order."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys

import structlog

from portal.gathered_lines import GatheredLines


class Counted(io.StringIO):
    """Counts how often something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


async def test_those_of_one_turn_are_written_at_once_and_in_order() -> None:
    stream = Counted()
    logger = structlog.WriteLogger(GatheredLines(stream))  # type: ignore[arg-type] # as a stream
    for number in range(5):
        logger.info(f"line {number}")
    assert stream.getvalue() == ""
    await asyncio.sleep(0)
    assert stream.getvalue() == "".join(f"line {number}\n" for number in range(5))
    assert stream.writes == 1
    logger.info("another turn")
    await asyncio.sleep(0)
    assert stream.getvalue().endswith("\nanother turn\n")


def test_outside_of_a_loop_nothing_waits() -> None:
    stream = Counted()
    logger = structlog.WriteLogger(GatheredLines(stream))  # type: ignore[arg-type] # as a stream
    logger.info("now")
    assert stream.getvalue() == "now\n"


async def test_a_thread_writes_its_own_and_what_waits() -> None:
    stream = Counted()
    lines = GatheredLines(stream)
    lines.write("of the loop\n")
    lines.flush()

    def of_a_thread() -> None:
        lines.write("of a thread\n")
        lines.flush()

    await asyncio.to_thread(of_a_thread)
    assert stream.getvalue() == "of the loop\nof a thread\n"


async def test_a_log_that_nobody_reads_any_more_stops_nothing() -> None:
    stream = Counted()
    lines = GatheredLines(stream)
    lines.write("lost\n")
    stream.close()
    lines.flush()
    await asyncio.sleep(0)


LAST_WORDS = """
import asyncio, sys
from portal.observe import configure_logging, log

async def fall():
    log.info("last words")
    raise SystemExit(3)

configure_logging(json_lines=True)
asyncio.run(fall())
"""


def test_a_process_that_ends_has_written_all() -> None:
    done = subprocess.run([sys.executable, "-c", LAST_WORDS], capture_output=True, text=True)
    assert done.returncode == 3
    assert '"event":"last words"' in done.stderr
