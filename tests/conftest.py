"""What every test shares."""

from __future__ import annotations

import io

import pytest

from portal.observe import configure_logging

pytest_plugins = ["tests.browser.fixtures"]


@pytest.fixture(autouse=True)
def log_lines() -> io.StringIO:
    """What this test makes the program log, as in production: one JSON object a line."""
    lines = io.StringIO()
    configure_logging(json_lines=True, into=lines)
    return lines


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the server does."""
    return "asyncio"
