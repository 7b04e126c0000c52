"""`make bench`: everything, or one part with `python -m benchmarks --only synth`."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import ladder, queue, run_search, serving_throughput, step_overhead, synth, transform_throughput

PARTS = {
    "synth": synth.run,
    "step": step_overhead.run,
    "queue": queue.run,
    "ladder": ladder.run,
    "serving": serving_throughput.run,
    "transform": transform_throughput.run,
    "search": run_search.run,
}

WIDTH = 140  # of a table that goes to a file


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="one part; may be given several times")
    parser.add_argument("--repetitions", type=int, default=3, help="of each measurement (default %(default)s)")
    options = parser.parse_args()
    if options.repetitions < 1:
        parser.error(f"--repetitions is {options.repetitions}; use 1 or more")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    console.print(f"{os.cpu_count()} cores, load {load} when it began; trust the ratios, not the seconds.")
    for name in options.only or PARTS:
        with tempfile.TemporaryDirectory(prefix="mlp-bench-") as scratch:
            PARTS[name](console, Path(scratch).resolve(), repetitions=options.repetitions)


if __name__ == "__main__":
    main()
