"""What a team's script wrote becomes parts: whatever its format, files and mistakes."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_jobs import csv_pieces
from batch_jobs.files import JobError
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.batch_inference.jobs.scripts import ScoringJob

HOURS = [f"2026-11-24T{hour:02d}:00:00" for hour in range(24)]
ROWS = "".join(f"{hour},{number},{number / 2}\n" for number, hour in enumerate(HOURS))


def refused(job: ScoringJob, *words: str) -> str:
    with pytest.raises(JobError) as caught:
        job.prepare(*words)
    assert not list((job.root / "prepared").glob("*.parquet"))
    assert not (job.root / "report").exists()
    return str(caught.value)


def test_csv_becomes_parts_of_bounded_size_with_types_and_metadata(job: ScoringJob) -> None:
    job.raw("week.csv", ROWS)
    report = job.prepare("--part-rows", "10")
    assert [part["rows"] for part in report["parts"]] == [10, 10, 4]
    assert report["key_columns"] == [{"name": "time", "type": "timestamp[s]"}]
    assert [column["type"] for column in report["feature_columns"]] == ["double", "double"]
    table = job.table("prepared")
    assert table.column("feature_0").to_pylist() == [float(number) for number in range(24)]
    metadata = pq.ParquetFile(job.root / "prepared/part-00000.parquet").schema_arrow.metadata
    assert b'"named_features": false' in metadata[b"mlplatform"]


def test_the_report_describes_inputs_parts_and_every_feature(job: ScoringJob) -> None:
    job.raw("a.csv", ROWS)
    job.raw("b/c.csv", ROWS)
    job.prepare()
    report = job.json("report/report.json")
    assert [(one["path"], one["rows"]) for one in report["inputs"]] == [("a.csv", 24), ("b/c.csv", 24)]
    assert report["rows"] == report["rows_read"] == 48
    for part in report["parts"]:
        content = (job.root / "prepared" / part["part"]).read_bytes()
        assert (part["bytes"], part["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert report["profile"]["feature_0"]["max"] == 23
    assert set(report["profile"]) == {"feature_0", "feature_1"}


def test_parquet_keeps_its_names_and_puts_the_keys_first(job: ScoringJob) -> None:
    job.raw(
        "a.parquet", pa.table({"hour": [1, 2], "time": ["x", "y"], "shop": pa.array(["n", "s"]).dictionary_encode()})
    )
    job.raw("b.parquet", pa.table({"shop": ["w"], "hour": [1.5], "time": ["z"]}))
    report = job.prepare()
    assert report["named_features"] is True
    assert job.table("prepared").to_pydict() == {"time": ["x", "y", "z"], "hour": [1, 2, 1.5], "shop": ["n", "s", "w"]}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(20, 40), min_size=1, max_size=3),
    poison=st.lists(
        st.tuples(st.integers(15, 119), st.sampled_from(["{0},x,1", "{0},1", "{0},1,2,3", "{0},1,\xff"])), max_size=6
    ),
    part_rows=st.integers(1, 40),
    block_bytes=st.integers(40, 400),
)
def test_any_split_into_files_blocks_and_parts_keeps_every_good_row(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, **case: Any
) -> None:
    """Rows that cannot be read are exactly those set aside, wherever they are."""
    job = ScoringJob(tmp_path_factory.mktemp("run"))
    monkeypatch.setattr(csv_pieces.blocks_of, "__defaults__", (case["block_bytes"],))
    bad = dict(case["poison"])
    number = 0
    good: list[tuple[str, int, int]] = []
    wrong: list[tuple[str, int, int]] = []
    for file, size in enumerate(case["sizes"]):
        lines = []
        for row in range(size):
            mistake = number in bad and row > 0  # the first rows show what is right
            lines.append(bad[number].format(number) if mistake else f"{number},{number},{number / 4}")
            (wrong if mistake else good).append((f"f{file}.csv", row + 1, number))
            number += 1
        job.raw(f"f{file}.csv", "".join(f"{line}\n" for line in lines).encode("latin-1"))
    assume(len(good) > 0.91 * number)  # What most of the first values are decides whether a column holds numbers.

    report = job.prepare("--part-rows", str(case["part_rows"]), "--key-types", "bigint")

    table = job.table("prepared")
    assert table.column("time").to_pylist() == [key for _, _, key in good]
    assert table.column("feature_1").to_pylist() == [key / 4 for _, _, key in good]
    aside = job.lines("aside/rows.jsonl")
    assert [(one["file"], one["row"]) for one in aside] == [(file, row) for file, row, _ in wrong]
    assert report["set_aside"]["rows"] == len(wrong)
    assert all(part["rows"] == case["part_rows"] for part in report["parts"][:-1])


def test_a_row_that_cannot_be_read_is_set_aside_with_its_reason(job: ScoringJob) -> None:
    job.raw("week.csv", ROWS + "2026-11-25T00:00:00,n/k,1\nbroken\n")
    report = job.prepare()
    assert report["set_aside"] == {"rows": 2, "reasons": {"feature_0: not a number": 1, "wrong number of fields": 1}}
    first, second = job.lines("aside/rows.jsonl")
    assert (first["row"], first["detail"]) == (25, "'n/k'")
    assert (second["row"], second["values"]) == (26, ["broken"])


def test_a_row_that_cannot_be_read_stops_a_run_that_stops_on_violations(job: ScoringJob) -> None:
    job.raw("week.csv", ROWS + "broken\n")
    assert refused(job, "--action", "stop").startswith(
        "DataCheckFailed: 1 violations: 1 rows cannot be read, first week.csv row 25: wrong number of fields"
    )


def test_too_many_rows_set_aside_fail_the_run(job: ScoringJob) -> None:
    job.raw("week.csv", ROWS + "broken\n" * 4)
    assert refused(job, "--max-set-aside-share", "0.1").startswith(
        "DataCheckFailed: 4 of 28 rows were set aside (4 wrong"
    )


def test_a_key_that_widens_is_text_in_every_part(job: ScoringJob) -> None:
    job.raw("week.csv", "".join(f"{number},1\n" for number in range(500)) + "A7,1\n")
    job.prepare("--part-rows", "100")
    assert job.table("prepared").column("time").to_pylist()[-2:] == ["499", "A7"]


def test_digits_that_begin_with_zero_are_text(job: ScoringJob) -> None:
    job.raw("week.csv", "007,1\n008,2\n")
    job.prepare()
    assert job.table("prepared").column("time").to_pylist() == ["007", "008"]


def test_quotes_hold_commas_and_line_ends(job: ScoringJob) -> None:
    job.raw("week.csv", '"a,b\nc",1\n"d ""e""",2\n' * 40)
    job.prepare()
    assert job.table("prepared").column("time").to_pylist() == ["a,b\nc", 'd "e"'] * 40


def test_a_missing_number_is_null(job: ScoringJob) -> None:
    job.raw("week.csv", "a,1,2\nb,,\nc,NaN,3\n")
    report = job.prepare()
    assert job.table("prepared").to_pydict()["feature_0"] == [1.0, None, None]
    assert report["profile"]["feature_1"]["nulls"] == 1


@pytest.mark.parametrize(
    ("files", "words", "said"),
    [
        ({}, (), "EmptyInput: the script wrote no rows into"),
        ({"a.csv": "", "_SUCCESS": "x"}, (), "EmptyInput: the script wrote no rows into"),
        ({"a.csv": "\n\n"}, (), "DataCheckFailed: a.csv is not CSV"),
        ({"a.json": "{}"}, (), "DataCheckFailed: a.json is neither CSV nor Parquet; write CSV without a header, or Parquet"),
        ({"a.csv": "time,hour\n" + "x,1\n" * 20}, (), "DataCheckFailed: a.csv begins with names instead of values"),
        ({"a.csv": "x\ny\n"}, (), "DataCheckFailed: a.csv has 1 columns, and 1 of them are keys (time)"),
        ({"a.parquet": "PAR1 no more"}, (), "DataCheckFailed: a.parquet is not a Parquet file that can be read"),
        ({"a.csv": "x,1\n", "b.parquet": pa.table({"time": [1], "x": [1]})}, (), "DataCheckFailed: a.csv and others are of"),
        ({"a.parquet": pa.table({"x": [1]})}, (), "DataCheckFailed: a.parquet has no column 'time'; it has x"),
        (
            {"a.parquet": pa.table({"time": [1], "x": [1]}), "b.parquet": pa.table({"time": [1], "y": [1]})},
            (),
            "DataCheckFailed: b.parquet and a.parquet differ in their columns: x, y; write all files alike",
        ),
        ({"a.parquet": pa.table({"time": [1], "x": [[1]]})}, (), "DataCheckFailed: column 'x' holds list"),
        ({"a.parquet": pa.table({"time": pa.array([], pa.int64()), "x": pa.array([], pa.int64())})}, (), "EmptyInput: the script"),
        ({"a.csv": "x,1\n"}, ("--key-types", "bigint"), "DataCheckFailed: 1 of 1 rows were set aside (1 time: not a whole number)"),
    ],
)  # fmt: skip
def test_what_is_no_input_is_refused_with_the_reason(
    job: ScoringJob, files: dict[str, Any], words: tuple[str, ...], said: str
) -> None:
    (job.root / "raw").mkdir()
    for name, content in files.items():
        job.raw(name, content)
    assert refused(job, *words).startswith(said)


def test_a_parquet_file_cut_in_the_middle_is_refused(job: ScoringJob) -> None:
    job.raw("a.parquet", pa.table({"time": list(range(5000)), "x": [0.5] * 5000}))
    path = job.root / "raw/a.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:1000] + bytes(len(content) - 2000) + content[-1000:])
    assert refused(job).startswith("DataCheckFailed: a.parquet is not a Parquet file that can be read")


def test_the_script_leaves_its_reason_and_no_half_output(job: ScoringJob) -> None:
    job.raw("week.csv", "time,hour\n" + "x,1\n" * 20)
    done = job.run("prepare_parts.py")
    assert done.returncode == 1
    assert job.message() in done.stderr
    assert job.message().startswith("DataCheckFailed: ")
    assert not (job.root / "prepared").exists()
