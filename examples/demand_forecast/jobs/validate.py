"""Check the rental history before anything is built from it; writes validation.json."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from demand_data import add_history_arguments, read_history
from job import run, write_files

TRAINING_WEEKS = 21  # 5 that the features look back, 8 to train on, 8 to test on


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_history_arguments(parser)
    output = Path("/opt/ml/processing/output")
    parser.add_argument("--output", type=Path, default=output, help="directory for validation.json")
    parser.add_argument(
        "--minimum-weeks", type=int, default=TRAINING_WEEKS, help="shortest history (default %(default)s)"
    )
    return parser.parse_args()


def main() -> None:
    """Validate."""
    options = arguments()
    history = read_history(options.input, minimum_weeks=options.minimum_weeks, year=options.year)
    demand = history.demand
    report = {
        "files": history.files,
        "hours": history.rows,
        "missing_hours": int(demand.isna().sum()),
        "first_hour": demand.index[0].isoformat(),
        "last_hour": demand.index[-1].isoformat(),
        "demand": {"total": int(demand.sum()), "mean": float(demand.mean()), "maximum": int(demand.max())},
    }
    write_files({options.output / "validation.json": json.dumps(report, indent=2) + "\n"})
    print(
        f"{history.rows} hours from {report['first_hour']} to {report['last_hour']} are fine; "
        f"{report['missing_hours']} hours between them were not recorded"
    )


if __name__ == "__main__":
    run(main)
