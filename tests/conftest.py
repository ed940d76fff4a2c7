"""What every test shares."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator

import pytest

from portal.observe import configure_logging
from tests.stage import SECRETS_USED, VARIABLES

pytest_plugins = ["tests.browser.fixtures"]


@pytest.fixture(autouse=True)
def log_lines() -> Iterator[io.StringIO]:
    """What this test makes the program log, as in production: one JSON object a line.

    No secret that the test has used may be in it: so the log of the whole suite is searched.
    """
    SECRETS_USED.clear()
    lines = io.StringIO()
    configure_logging(json_lines=True, into=lines)
    yield lines
    logged = lines.getvalue()
    secrets = SECRETS_USED | set(VARIABLES.values())
    assert [s for s in secrets if re.search(rf"(?<!\w){re.escape(s)}(?!\w)", logged)] == []


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of the time tests wait for browsers and servers."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the server does."""
    return "asyncio"
