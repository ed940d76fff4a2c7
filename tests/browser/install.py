"""The browser that the tests drive: an installed one, else Playwright's, else the system's package.

`python -m tests.browser.install` makes sure that there is one, curl for the guide's examples, and
redis-server for the other engine of the stores; exit code 1 when one of them cannot be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS: Final = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
PACKAGE_COMMANDS: Final = (
    ("apt-get", (("update", "-qq"), ("install", "-y", "-qq"))),
    ("dnf", (("install", "-y", "-q"),)),
    ("apk", (("add", "--quiet"),)),
)
"""By package manager: what to run, the package's name added to the last."""

PROGRAMS: Final = {
    "curl": ("The guide's examples need", "curl"),
    "redis-server": ("The tests of the stores need", "redis-server", "redis"),
}
"""By program: what needs it, and its package; the latter name of Redis' is dnf's and apk's."""


def find_browser() -> Path | None:
    """The first of: `CHROMIUM`, one on the PATH, an application, Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named)
    on_path = (shutil.which(name) for name in NAMES)
    candidates = [Path(found) for found in on_path if found] + list(APPLICATIONS)
    with sync_playwright() as playwright:
        candidates.append(Path(playwright.chromium.executable_path))
    return next((path for path in candidates if path.is_file()), None)


def install_with_playwright() -> None:
    """Playwright's own download, which some networks do not let through."""
    subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"],
        check=False,
        timeout=300,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def install_with_system(package: str = "chromium") -> None:
    """The package of the system's own manager, where we may install one."""
    for manager, (*before, install) in PACKAGE_COMMANDS:
        if shutil.which(manager) is None:
            continue
        prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (*before, (*install, package)):
            subprocess.run(
                [*prefix, manager, *command],
                check=False,
                timeout=600,
                env=environ,
                stdout=subprocess.DEVNULL,
            )
        return


def main() -> int:
    """Find a browser or install one, and say which."""
    found = find_browser()
    for install in (install_with_playwright, install_with_system):
        if found is not None:
            break
        print(f"No browser yet: {install.__name__.replace('_', ' ')}", flush=True)
        install()
        found = find_browser()
    if found is None:
        print("The browser tests need Chromium or Chrome, and none could be installed.")
        print("Install one, or name it: CHROMIUM=/path/to/chromium make test")
        return 1
    for program, (user, *packages) in PROGRAMS.items():
        for package in packages:
            if shutil.which(program) is None:
                install_with_system(package)
        if shutil.which(program) is None:
            print(f"{user} {program}, and it could not be installed.")
            return 1
    print(f"Browser for the tests: {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
