"""`python -m portal`: the same as the console script."""

import sys

from portal.cli import main

sys.exit(main())
