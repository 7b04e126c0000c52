"""Build the features and split them by time: the last weeks are the test, all before them is for training."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from demand_data import add_history_arguments, read_history
from demand_features import LOOKBACK_WEEKS, TARGET, build_features, to_csv
from job import JobError, run, write_files

LEAST_TRAINING_WEEKS = 8


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_history_arguments(parser)
    train, test = Path("/opt/ml/processing/train"), Path("/opt/ml/processing/test")
    parser.add_argument("--output-train", type=Path, default=train, help="directory for train.csv")
    parser.add_argument("--output-test", type=Path, default=test, help="directory for test.csv")
    parser.add_argument(
        "--test-weeks",
        type=int,
        default=8,
        help="how many weeks at the end are the test (default %(default)s)",
    )
    return parser.parse_args()


def main() -> None:
    """Build and split."""
    options = arguments()
    if options.test_weeks < 1:
        raise JobError(f"--test-weeks is {options.test_weeks}; use 1 or more")
    needed = LOOKBACK_WEEKS + LEAST_TRAINING_WEEKS + options.test_weeks
    history = read_history(options.input, minimum_weeks=needed, year=options.year)
    recorded = history.demand.dropna()
    hours = recorded.index[recorded.index >= recorded.index[0] + pd.Timedelta(weeks=LOOKBACK_WEEKS)]
    table = build_features(history.demand, hours)
    table.insert(0, TARGET, recorded[hours].astype(int))

    test_start = history.next_hour - pd.Timedelta(weeks=options.test_weeks)
    train, test = table[table.index < test_start], table[table.index >= test_start]
    write_files(
        {
            options.output_train / "train.csv": to_csv(train, header=True),
            options.output_test / "test.csv": to_csv(test, header=True),
        }
    )
    for name, part in {"train": train, "test": test}.items():
        print(f"{name}: {len(part)} hours from {part.index[0]} to {part.index[-1]}")


if __name__ == "__main__":
    run(main)
