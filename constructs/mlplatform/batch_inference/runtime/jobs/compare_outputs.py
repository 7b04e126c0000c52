"""Container script of the step CompareOutputs: the predictions of champion and challenger for the same rows of one run.

Both directories hold parts as score.py writes them (docs/batch-inference-files.md). Reads part by part, so that a run of any size is
compared in the memory of one part. Writes report.json: for numbers the differences (challenger minus champion), correlation and shift
of the quantiles; for labels, how often they agree, and who says what instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from batch_jobs.comparing import LabelComparison, NumberComparison
from batch_jobs.files import DEFAULT_MESSAGE_FILE, JobError, leave_message, workspace, write_json

_OCCURRENCE = "mlplatform_occurrence"


def main() -> None:
    """Compare, or say why not."""
    options = arguments()
    try:
        report = compare(options)
    except JobError as error:
        leave_message(error, options.message_file)
        sys.exit(1)
    print(json.dumps(report["predictions"], indent=1))


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--champion", type=Path, required=True, help="directory with the champion's parts")
    parser.add_argument("--challenger", type=Path, required=True, help="directory with the challenger's parts")
    parser.add_argument("--report", type=Path, required=True, help="directory for report.json")
    parser.add_argument("--prediction-columns", required=True, help="names, with commas between them")
    parser.add_argument(
        "--tolerance", type=float, default=0.01, help="share of the champion's prediction by which they may differ"
    )
    parser.add_argument("--message-file", type=Path, default=DEFAULT_MESSAGE_FILE, help="where to say why it failed")
    options = parser.parse_args(words)
    options.prediction_columns = [name for name in options.prediction_columns.split(",") if name]
    if not options.prediction_columns:
        parser.error("--prediction-columns names none; name at least one, such as forecast")
    if options.tolerance < 0:
        parser.error(f"--tolerance is {options.tolerance:g}; use 0 or more, such as 0.01")
    return options


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Read both sides; returns the report."""
    champion, challenger = _parts(options.champion), _parts(options.challenger)
    common = sorted(champion.keys() & challenger.keys())
    if not common:
        raise JobError(
            f"NothingToCompare: the champion has {len(champion)} parts and the challenger {len(challenger)}, and none of the same name"
        )
    comparisons: dict[str, NumberComparison | LabelComparison] = {}
    rows = {"compared": 0, "only_champion": 0, "only_challenger": 0}
    for name in common:
        sides = [_read(side[name], options.prediction_columns) for side in (champion, challenger)]
        first, second = _aligned(sides[0], sides[1], options.prediction_columns)
        rows["compared"] += len(first)
        rows["only_champion"] += len(sides[0]) - len(first)
        rows["only_challenger"] += len(sides[1]) - len(second)
        for column in options.prediction_columns:
            if column not in comparisons:
                numeric = all(pd.api.types.is_numeric_dtype(side[column]) for side in (first, second))
                comparisons[column] = NumberComparison(options.tolerance) if numeric else LabelComparison()
            comparisons[column].add(first[column], second[column])
    report = {
        "version": 1,
        "tolerance": options.tolerance,
        "parts": {
            "compared": len(common),
            "only_champion": sorted(champion.keys() - challenger.keys()),
            "only_challenger": sorted(challenger.keys() - champion.keys()),
        },
        "rows": rows,
        "predictions": {column: one.to_json() for column, one in comparisons.items()},
    }
    with workspace(options.report) as making:
        write_json(options.report / "report.json", report, making)
    return report


def _parts(directory: Path) -> dict[str, Path]:
    """Parts by name. One without its sidecar is not finished."""
    return {path.name: path for path in directory.glob("part-*.parquet") if path.with_suffix(".json").exists()}


def _read(path: Path, predictions: Sequence[str]) -> pd.DataFrame:
    table = pq.read_table(path).to_pandas()
    missing = [name for name in predictions if name not in table.columns]
    if missing:
        raise JobError(f"MissingColumn: {path} has no column {', '.join(missing)}; it has {', '.join(table.columns)}")
    return table


def _aligned(
    champion: pd.DataFrame, challenger: pd.DataFrame, predictions: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that both have, in the same order. Parts have their rows in the same order, unless one set some aside."""
    keys = [name for name in champion.columns if name not in predictions]
    if len(champion) == len(challenger) and champion[keys].equals(challenger[keys]):
        return champion, challenger
    for side in (champion, challenger):
        side[_OCCURRENCE] = side.groupby(keys, dropna=False).cumcount()
    both = champion.reset_index().merge(
        challenger.reset_index(), on=[*keys, _OCCURRENCE], suffixes=("_champion", "_challenger")
    )
    rows = [np.asarray(both[f"index_{name}"]) for name in ("champion", "challenger")]
    return champion.loc[rows[0]].reset_index(drop=True), challenger.loc[rows[1]].reset_index(drop=True)


if __name__ == "__main__":
    main()
