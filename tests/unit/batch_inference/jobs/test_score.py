"""Scoring: the same predictions however the rows are cut, poison rows alone set aside, and a description beside each part."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from batch_jobs.files import JobError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.batch_inference.jobs.scripts import ScoringJob, table


def refused(job: ScoringJob, *words: str) -> str:
    with pytest.raises(JobError) as caught:
        job.score(*words)
    return str(caught.value)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 80),
    poison=st.sets(st.integers(0, 79), max_size=8),
    part_rows=st.integers(1, 90),
    batch_rows=st.integers(1, 90),
)
def test_any_split_gives_the_same_predictions_and_sets_exactly_the_poison_rows_aside(
    tmp_path_factory: pytest.TempPathFactory, rows: int, poison: set[int], part_rows: int, batch_rows: int
) -> None:
    poison = {row for row in poison if row < rows - 1}
    job = ScoringJob(tmp_path_factory.mktemp("run"))
    job.model()
    job.raw("a.parquet", table(rows, poison))
    job.prepare("--part-rows", str(part_rows))
    job.score("--batch-rows", str(batch_rows), "--prediction-columns", "sum")

    good = [row for row in range(rows) if row not in poison]
    assert job.table("out").to_pydict() == {"time": [f"t{row}" for row in good], "sum": [row + 0.5 for row in good]}
    aside = [line for path in sorted((job.root / "aside-scoring").glob("*")) for line in job.lines(str(path))]
    assert [line["key"] for line in aside] == [{"time": f"t{row}"} for row in sorted(poison)]
    assert {line["reason"] for line in aside} <= {"ValueError: below zero"}
    sidecars = [job.json(str(path)) for path in sorted((job.root / "out").glob("*.json"))]
    assert sum(one["input_rows"] for one in sidecars) == rows
    assert sum(one["set_aside"] for one in sidecars) == len(poison)


def test_a_sidecar_describes_its_part(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(50, {7}))
    job.prepare("--part-rows", "20")
    job.score("--prediction-columns", "sum")
    sidecar = job.json("out/part-00000.json")
    content = (job.root / "out/part-00000.parquet").read_bytes()
    assert (sidecar["bytes"], sidecar["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert sidecar["prepared_sha256"] == job.json("report/report.json")["parts"][0]["sha256"]
    assert (sidecar["input_rows"], sidecar["rows"], sidecar["set_aside"]) == (20, 19, 1)
    assert sidecar["reasons"] == {"ValueError: below zero": 1}
    assert sidecar["columns"] == [{"name": "time", "type": "string"}, {"name": "sum", "type": "double"}]
    assert (sidecar["profile"]["sum"]["count"], sidecar["profile"]["sum"]["max"]) == (19, 19.5)
    assert not list(job.root.glob(".*"))


def test_the_rows_lie_beside_each_part_as_json_lines_for_who_asks(job: ScoringJob) -> None:
    job.model()
    rows = table(25, {7}).to_pydict()
    moments = [datetime(2026, 3, 9) + timedelta(hours=row) for row in range(25)]
    job.raw("a.parquet", pa.table({**rows, "time": pa.array(moments, pa.timestamp("ms"))}))
    job.prepare("--part-rows", "20")
    job.score("--prediction-columns", "sum", "--batch-rows", "3")
    assert not list((job.root / "out").glob("*.jsonl"))

    job.score("--prediction-columns", "sum", "--batch-rows", "3", "--json-lines")

    sidecars = [job.json(f"out/part-0000{part}.json") for part in (0, 1)]
    copies = [one["json_lines"] for one in sidecars]
    assert [copy["bytes"] for copy in copies] == [(job.root / "out" / copy["path"]).stat().st_size for copy in copies]
    lines = [line for copy in copies for line in job.lines(f"out/{copy['path']}")]
    assert [(datetime.fromisoformat(line["time"]), line["sum"]) for line in lines] == [
        (row["time"], row["sum"]) for row in job.table("out").to_pylist()
    ]
    assert len(lines) == sum(one["rows"] for one in sidecars) == 24


def test_features_without_names_come_as_an_array_and_with_names_as_a_dataframe(job: ScoringJob) -> None:
    script = """
def model_fn(directory):
    return None

def predict_fn(rows, model):
    assert SHAPE
    return [1] * len(rows)
"""
    job.model(script.replace("SHAPE", "rows.dtype == float and rows.shape == (2, 2) and rows[1, 1] != rows[1, 1]"))
    job.raw("a.csv", "t0,1,2\nt1,3,\n")
    job.prepare()
    job.score()
    for path in [*(job.root / "out").iterdir(), job.root / "raw/a.csv"]:
        path.unlink()
    job.model(script.replace("SHAPE", "list(rows.columns) == ['a', 'b']"))
    job.raw("a.parquet", table(2))
    job.prepare()
    job.score()
    assert job.table("out").column("prediction").to_pylist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("answer", "type_", "values"),
    [
        ("['yes', 'no']", "string", ["yes", "no"]),
        ("[True, False]", "bool", [True, False]),
        ("[1, 2]", "double", [1.0, 2.0]),
        ("np.float32([1, 2])", "double", [1.0, 2.0]),
        ("__import__('pandas').DataFrame({'x': [1, 2]})", "double", [1.0, 2.0]),
        ("[[1], [2]]", "double", [1.0, 2.0]),
    ],
)
def test_a_prediction_is_a_number_text_or_a_boolean(
    job: ScoringJob, answer: str, type_: str, values: list[Any]
) -> None:
    job.model(f"import numpy as np\ndef model_fn(d): pass\ndef predict_fn(rows, model): return {answer}\n")
    job.raw("a.parquet", table(2))
    job.prepare()
    job.score()
    column = job.table("out").column("prediction")
    assert (str(column.type), column.to_pylist()) == (type_, values)


def test_several_predictions_have_a_column_each(job: ScoringJob) -> None:
    job.model("def model_fn(d): pass\ndef predict_fn(rows, model): return rows[['b', 'a']]\n")
    job.raw("a.parquet", table(3))
    job.prepare()
    job.score("--prediction-columns", "low,high")
    assert job.table("out").to_pydict()["low"] == [0.5] * 3
    assert "the model predicts 2 columns, and 1 are named (low)" in refused(
        ScoringJob(job.root), "--prediction-columns", "low", "--output", str(job.root / "other")
    )


def test_a_row_without_a_finite_prediction_is_set_aside(job: ScoringJob) -> None:
    job.model("def model_fn(d): pass\ndef predict_fn(rows, model): return [1.0, float('nan'), float('inf')]\n")
    job.raw("a.parquet", table(3))
    job.prepare()
    job.score()
    assert job.table("out").column("time").to_pylist() == ["t0"]
    assert job.json("out/part-00000.json")["reasons"] == {"the model predicted no finite value": 2}


@pytest.mark.parametrize("rows", [3, 5000])
def test_a_model_that_fails_on_every_row_fails_the_job(job: ScoringJob, rows: int) -> None:
    job.model("def model_fn(d): pass\ndef predict_fn(rows, model): raise KeyError('hour')\n")
    job.raw("a.parquet", table(rows))
    job.prepare()
    assert refused(job).startswith(f"ModelFailed: the model failed on each of {min(rows, 1000)} rows: KeyError: 'hour'")


def test_a_corrupt_part_fails_with_its_name(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(3))
    job.prepare()
    (job.root / "prepared/part-00000.parquet").write_bytes(b"PAR1 no more")
    assert refused(job).startswith("DataCheckFailed: part-00000.parquet cannot be read")
    assert not list((job.root / "out").iterdir())
