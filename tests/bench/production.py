"""`portal serve` as where only its own packages are installed.

python -m tests.bench.production serve --port 9001

structlog imports `rich` when it finds it, and that is there for developers alone: it takes a tenth
of a start and 4 MB.
"""

from __future__ import annotations

import sys
from typing import Final

FOR_DEVELOPERS: Final = ("rich", "pygments", "attr", "better_exceptions")
"""Of what is installed for the tests, all that the portal's own packages would load."""

if __name__ == "__main__":
    # None stands for a module that is not there (Python Reference, §5.3.1).
    sys.modules |= dict.fromkeys(FOR_DEVELOPERS)  # type: ignore[arg-type] # as said
    from portal.cli.main import main

    sys.exit(main())
