"""What `docker run IMAGE serve` starts: the tabular model server, one process for each core."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "runtime" / "jobs")]

from tabular_server.server import main  # noqa: E402 - the paths come first

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
