"""The portal is measured as it is in production."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.bench.production import FOR_DEVELOPERS
from tests.processes import PROJECT


def test_what_is_hidden_is_installed_for_developers_alone() -> None:
    locked = (PROJECT / "requirements-serve.lock").read_text()
    served = {name.lower() for name in re.findall(r"^([\w.-]+)==", locked, re.MULTILINE)}
    assert "structlog" in served
    assert not served & {*FOR_DEVELOPERS, "attrs", "better-exceptions"}


def test_it_is_the_portals_own_command() -> None:
    command = [sys.executable, "-m", "tests.bench.production", "serve", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert "--workers" in told.stdout
