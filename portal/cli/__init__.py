"""The command line: `portal dev`, `serve`, `check`, `sandbox`."""

from portal.cli.main import main

__all__ = ["main"]
