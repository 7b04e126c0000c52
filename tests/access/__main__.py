"""Print the access matrix of three synthesized projects; exit with 1 if anything in it is not as intended."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.access.matrix import deviations, table
from tests.access.world import PROJECTS, World


def main() -> int:
    """Synthesize, ask, print."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    with tempfile.TemporaryDirectory(prefix="mlplatform-access-") as directory:
        answers = list(World.synthesize(Path(directory)).answers())
    console.print(table(answers))
    found = deviations(answers)
    decided = sum(len(answer.decisions) for answer in answers)
    console.print(f"{decided} decisions on {len(PROJECTS)} projects; {len(found)} are not as intended")
    for sentence in found:
        console.print(f"[red]{sentence}[/red]")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
