"""Check the history, then write the features of the 168 hours after it: the input of the forecast."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from demand_data import add_history_arguments, read_history
from demand_features import HORIZON_HOURS, LOOKBACK_WEEKS, build_features, to_csv
from job import run, write_files


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_history_arguments(parser)
    output = Path("/opt/ml/processing/output")
    parser.add_argument("--output", type=Path, default=output, help="directory for week.csv")
    return parser.parse_args()


def main() -> None:
    """Prepare."""
    options = arguments()
    history = read_history(options.input, minimum_weeks=LOOKBACK_WEEKS, year=options.year)
    hours = pd.date_range(history.next_hour, periods=HORIZON_HOURS, freq="h")
    features = build_features(history.demand, hours)
    write_files({options.output / "week.csv": to_csv(features, header=False)})
    print(f"prepared {len(features)} hours from {hours[0]} to {hours[-1]}")


if __name__ == "__main__":
    run(main)
