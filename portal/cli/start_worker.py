"""What a supervisor starts: a worker, loaded as `collector_off` says."""

from __future__ import annotations

import sys

from portal.cli.collector import collector_off

if __name__ == "__main__":
    with collector_off():
        from portal.cli.worker import main
    sys.exit(main(sys.argv[1:]))
