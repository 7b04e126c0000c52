"""Container script of the step PrepareInput, after the team's own: checks what that wrote and makes it into Parquet parts.

Reads CSV without a header (key columns, then features) or Parquet with names, of any size, in bounded memory. Writes the parts, a report
with a profile of every feature, and the rows set aside; docs/batch-inference-files.md describes the files. Nothing is written unless the
checks let the run go on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa

from batch_jobs.baseline import Baseline, read_baseline
from batch_jobs.checks import ACTIONS, SET_ASIDE, STOP, WARN, Checks, Limits, sets_aside
from batch_jobs.files import DEFAULT_MESSAGE_FILE, JobError, leave_message, move_into_place, workspace, write_json
from batch_jobs.layouts import count_csv_features, csv_layout, numbered_features, parquet_layout
from batch_jobs.part_writer import PartWriter, described
from batch_jobs.profiles import ColumnProfile, is_numeric
from batch_jobs.reading import RawFile, find_raw_files, read_pieces
from batch_jobs.tables import TYPES, Layout, Piece, SetAside, WidenError

_SHOWN_PROBLEMS = 5


def main() -> None:
    """Prepare, or say why not."""
    options = arguments()
    try:
        report = prepare(options)
    except JobError as error:
        leave_message(error, options.message_file)
        sys.exit(1)
    print(f"prepared {report['rows']} rows in {len(report['parts'])} parts, set {report['set_aside']['rows']} aside")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--raw", type=Path, required=True, help="directory that the team's script wrote to")
    parser.add_argument("--output", type=Path, required=True, help="directory for the parts")
    parser.add_argument("--report", type=Path, required=True, help="directory for report.json")
    parser.add_argument("--set-aside", type=Path, required=True, help="directory for rows.jsonl")
    parser.add_argument("--key-columns", required=True, help="names, with commas between them")
    parser.add_argument(
        "--key-types", default="", help=f"their types, with commas: {', '.join(TYPES)}; found out when not given"
    )
    parser.add_argument(
        "--part-rows", type=int, help="most rows of a part; as many as take about 32 MiB when not given"
    )
    parser.add_argument("--statistics", type=Path, help="statistics.json of the baseline, or its directory")
    parser.add_argument("--constraints", type=Path, help="constraints.json of the baseline, or its directory")
    parser.add_argument("--target-column", default="", help="the baseline's column that is predicted")
    parser.add_argument("--action", choices=ACTIONS, default=WARN, help="on a violation (default %(default)s)")
    parser.add_argument(
        "--range-slack", type=float, default=0.5, help="how far outside the training data's range, in ranges"
    )
    parser.add_argument(
        "--max-psi", type=float, help="highest population stability index; only reported when not given"
    )
    parser.add_argument("--max-set-aside-share", type=float, default=1.0, help="of the rows; more fail the job")
    parser.add_argument("--message-file", type=Path, default=DEFAULT_MESSAGE_FILE, help="where to say why it failed")
    options = parser.parse_args(words)
    options.key_columns = [name for name in options.key_columns.split(",") if name]
    options.key_types = [name for name in options.key_types.split(",") if name]
    problems = list(_option_problems(options))
    if problems:
        parser.error("; ".join(problems))
    return options


def _option_problems(options: argparse.Namespace) -> list[str]:
    problems = []
    if not options.key_columns:
        problems.append("--key-columns names none; name at least one, such as timestamp")
    unknown = [kind for kind in options.key_types if kind not in TYPES]
    if unknown:
        problems.append(f"--key-types has {', '.join(unknown)}; use {', '.join(TYPES)}")
    if options.key_types and len(options.key_types) != len(options.key_columns):
        problems.append(f"--key-types names {len(options.key_types)} types for {len(options.key_columns)} key columns")
    if options.part_rows is not None and options.part_rows < 1:
        problems.append(f"--part-rows is {options.part_rows}; use 1 or more")
    if not 0 <= options.max_set_aside_share <= 1:
        problems.append(f"--max-set-aside-share is {options.max_set_aside_share:g}; use 0 to 1")
    if options.range_slack < 0:
        problems.append(f"--range-slack is {options.range_slack:g}; use 0 or more")
    return problems


def prepare(options: argparse.Namespace) -> dict[str, Any]:
    """Read, check, write; returns the report."""
    files = find_raw_files(options.raw)
    baseline = read_baseline(options.statistics, options.constraints)
    layout, baseline = _layout(files, options, baseline)
    with workspace(options.output) as making:
        while True:
            try:
                report = _Preparation(layout, baseline, options, making).run(files)
                break
            except WidenError as error:
                layout = error.layout
        _decide(report, options)
        for part in report["parts"]:
            move_into_place(making / part["part"], options.output / part["part"])
        if report["set_aside"]["rows"]:
            move_into_place(making / "rows.jsonl", options.set_aside / "rows.jsonl")
        write_json(options.report / "report.json", report, making)
    return report


def _layout(
    files: Sequence[RawFile], options: argparse.Namespace, baseline: Baseline | None
) -> tuple[Layout, Baseline | None]:
    """The columns of the input, and the baseline of those columns."""
    keys, types = options.key_columns, options.key_types
    paths = [file.path for file in files]
    if files[0].format == "parquet":
        layout = parquet_layout(paths, keys, types)
        given = [column.name for column in layout.features]
        return layout, baseline and baseline.of_input(keys, given, len(given), options.target_column)
    count = count_csv_features(paths[0], keys)
    asked = baseline and baseline.of_input(keys, None, count, options.target_column)
    known = asked.columns if asked and len(asked.columns) == count else numbered_features(count)
    return csv_layout(paths[0], keys, types, known), asked


class _Preparation:
    """One pass over the input."""

    def __init__(self, layout: Layout, baseline: Baseline | None, options: argparse.Namespace, making: Path) -> None:
        self._layout = layout
        self._action = options.action
        self._checks = Checks(baseline, layout, Limits(options.range_slack, options.max_psi))
        self._has_baseline = baseline is not None
        self._profiles = {column.name: ColumnProfile(numeric=is_numeric(column.type)) for column in layout.features}
        metadata = {"version": 1, "key_columns": options.key_columns, "named_features": layout.named}
        self._writer = PartWriter(making, options.part_rows, metadata)
        self._lines_path = making / "rows.jsonl"
        self._reasons: dict[str, int] = {}
        self._read: dict[str, int] = {}
        self._first_unreadable: SetAside | None = None
        self._unreadable = 0

    def run(self, files: Sequence[RawFile]) -> dict[str, Any]:
        """Read everything; returns the report."""
        with self._lines_path.open("w", encoding="utf-8") as lines, ThreadPoolExecutor() as pool:
            for piece in read_pieces(files, self._layout):
                rows = piece.table.num_rows + len(piece.unreadable)
                self._read[piece.file] = self._read.get(piece.file, 0) + rows
                table = self._kept(piece, lines)
                profiled = [pool.submit(one.add, table.column(name)) for name, one in self._profiles.items()]
                self._writer.write(table)
                for future in profiled:
                    future.result()
        self._writer.close()
        return self._report(files)

    def _kept(self, piece: Piece, lines: TextIO) -> pa.Table:
        """The rows of the piece that go on; the others are written down."""
        for one in piece.unreadable:
            self._first_unreadable = self._first_unreadable or one
            self._unreadable += 1
            self._set_aside(one, lines)
        aside = np.zeros(piece.table.num_rows, np.bool_)
        for column, reason, wrong in self._checks.row_reasons(piece):
            if self._action == SET_ASIDE and sets_aside(reason):
                for row in np.flatnonzero(wrong & ~aside):
                    values = [str(piece.table.column(name)[int(row)].as_py()) for name in self._layout.names]
                    detail = f"'{piece.table.column(column)[int(row)].as_py()}'"
                    self._set_aside(SetAside(piece.file, int(piece.numbers[int(row)]), reason, detail, values), lines)
                aside |= wrong
        return piece.table.filter(pa.array(~aside)) if aside.any() else piece.table

    def _set_aside(self, one: SetAside, lines: TextIO) -> None:
        self._reasons[one.reason] = self._reasons.get(one.reason, 0) + 1
        lines.write(json.dumps(vars(one)) + "\n")

    def _report(self, files: Sequence[RawFile]) -> dict[str, Any]:
        profile = {name: one.to_json() for name, one in self._profiles.items()}
        violations, index = self._checks.violations(profile)
        if self._first_unreadable is not None:
            first = self._first_unreadable
            place = f"first {first.file} row {first.row}: {first.reason} ({first.detail})"
            message = f"{self._unreadable} rows cannot be read, {place}"
            violations.append({"column": "", "check": "unreadable", "rows": self._unreadable, "message": message})
        schema = self._layout.schema
        keys = len(self._layout.keys)
        return {
            "version": 1,
            "inputs": [
                {
                    "path": file.name,
                    "format": file.format,
                    "bytes": file.path.stat().st_size,
                    "rows": self._read.get(file.name, 0),
                }
                for file in files
            ],
            "rows_read": sum(self._read.values()),
            "rows": sum(part["rows"] for part in self._writer.parts),
            "set_aside": {"rows": sum(self._reasons.values()), "reasons": self._reasons},
            "key_columns": described(schema)[:keys],
            "feature_columns": described(schema)[keys:],
            "named_features": self._layout.named,
            "parts": self._writer.parts,
            "checks": {
                "baseline": self._has_baseline,
                "action": self._action,
                "violations": violations,
                "psi": index,
            },
            "profile": profile,
        }


def _decide(report: dict[str, Any], options: argparse.Namespace) -> None:
    """Raise `JobError` unless the run may go on."""
    violations, aside = report["checks"]["violations"], report["set_aside"]["rows"]
    for one in violations:
        print(f"violation ({one['check']}): {one['message']}", flush=True)
    schema = [one for one in violations if one["check"] == "columns"]
    stops = violations if options.action == STOP else schema if options.action == SET_ASIDE else []
    if stops:
        shown = "; ".join(one["message"] for one in stops[:_SHOWN_PROBLEMS])
        raise JobError(f"DataCheckFailed: {len(stops)} violations: {shown}; correct the input, or the checks")
    if report["rows_read"] == 0:
        raise JobError("EmptyInput: the script wrote files without a row; look at what it read, and at its log")
    share = aside / report["rows_read"]
    if report["rows"] == 0 or share > options.max_set_aside_share:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(report["set_aside"]["reasons"].items()))
        raise JobError(
            f"DataCheckFailed: {aside} of {report['rows_read']} rows were set aside ({counts}); correct the input"
        )


if __name__ == "__main__":
    main()
