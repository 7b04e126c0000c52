"""The container scripts that compare: champion and challenger, and predictions and truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import compare_outputs
import measure_quality
import numpy as np
import pandas as pd
import pytest
from batch_jobs.files import JobError


def write_part(directory: Path, number: int, **columns: Any) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    part = directory / f"part-{number:05}.parquet"
    pd.DataFrame(columns).to_parquet(part, index=False)
    part.with_suffix(".json").write_text("{}")


def compared(directory: Path, tolerance: str = "0.01", columns: str = "forecast") -> dict[str, Any]:
    words = ["--champion", str(directory / "champion"), "--challenger", str(directory / "challenger")]
    words += ["--report", str(directory / "report"), "--prediction-columns", columns, "--tolerance", tolerance]
    compare_outputs.compare(compare_outputs.arguments(words))
    report: dict[str, Any] = json.loads((directory / "report" / "report.json").read_text())
    return report


def test_differences_are_those_of_the_whole_however_it_is_cut(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    champion = random.normal(100, 20, 900)
    challenger = champion + random.normal(1, 2, 900)
    for number, rows in enumerate((slice(0, 1), slice(1, 500), slice(500, 900))):
        keys = list(range(*rows.indices(900)))
        write_part(tmp_path / "champion", number, key=keys, forecast=champion[rows])
        write_part(tmp_path / "challenger", number, key=keys, forecast=challenger[rows])
    found = compared(tmp_path)["predictions"]["forecast"]
    apart = challenger - champion
    assert found["rows"] == 900
    assert found["mean_difference"] == pytest.approx(apart.mean())
    assert found["mean_absolute_difference"] == pytest.approx(np.abs(apart).mean())
    assert found["max_absolute_difference"] == pytest.approx(np.abs(apart).max())
    assert found["root_mean_squared_difference"] == pytest.approx(np.sqrt((apart**2).mean()))
    assert found["correlation"] == pytest.approx(np.corrcoef(champion, challenger)[0, 1])
    assert found["share_over_tolerance"] == pytest.approx((np.abs(apart) > 0.01 * champion).mean())
    for share, sides in found["quantiles"].items():
        assert sides["champion"] == pytest.approx(np.quantile(champion, float(share)), rel=0.05)


def test_rows_that_one_side_set_aside_are_counted_and_the_others_found_by_their_keys(tmp_path: Path) -> None:
    write_part(tmp_path / "champion", 0, store=["a", "a", "b"], forecast=[1.0, 2.0, 3.0])
    write_part(tmp_path / "champion", 1, store=["c"], forecast=[4.0])
    write_part(tmp_path / "challenger", 0, store=["a", "b"], forecast=[1.0, 3.0])
    report = compared(tmp_path)
    assert report["rows"] == {"compared": 2, "only_champion": 1, "only_challenger": 0}
    assert report["parts"]["only_champion"] == ["part-00001.parquet"]
    assert report["predictions"]["forecast"]["max_absolute_difference"] == 0.0


def test_labels_are_compared_by_agreement(tmp_path: Path) -> None:
    write_part(tmp_path / "champion", 0, key=[1, 2, 3, 4], label=["yes", "no", "no", "no"])
    write_part(tmp_path / "challenger", 0, key=[1, 2, 3, 4], label=["yes", "yes", "yes", "no"])
    found = compared(tmp_path, columns="label")["predictions"]["label"]
    assert found["share_that_agrees"] == 0.5
    assert found["differences"] == [{"champion": "no", "challenger": "yes", "rows": 2}]


def test_a_prediction_that_does_not_vary_has_no_correlation(tmp_path: Path) -> None:
    for side in ("champion", "challenger"):
        write_part(tmp_path / side, 0, key=[1, 2], forecast=[5.0, 5.0])
    found = compared(tmp_path)["predictions"]["forecast"]
    assert (found["correlation"], found["share_over_tolerance"], found["psi"]) == (None, 0.0, 0.0)


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    write_part(tmp_path / "champion", 0, key=[1], forecast=[1.0])
    with pytest.raises(JobError, match="NothingToCompare: the champion has 1 parts and the challenger 0"):
        compared(tmp_path)


def measured(directory: Path, *words: str) -> dict[str, Any]:
    options = ["--predictions", str(directory / "predictions"), "--runs", str(directory), "--truth"]
    options += [str(directory / "truth"), "--report", str(directory / "report"), *words]
    report: dict[str, Any] = measure_quality.measure(measure_quality.arguments(options))
    assert json.loads((directory / "report" / "report.json").read_text()) == report
    return report


def write_runs(directory: Path, *paths: str) -> None:
    (directory / "truth").mkdir()
    runs = [
        {
            "run_id": path,
            "scheduled_at": "2026-11-23T12:00:00+00:00",
            "model_package_arn": f"model/{index}",
            "path": path,
        }
        for index, path in enumerate(paths)
    ]
    (directory / "runs.json").write_text(json.dumps({"version": 1, "runs": runs}))


FORECAST = ("--keys", "store,hour", "--target", "sold", "--prediction", "forecast")


def test_predictions_are_joined_with_the_truth_however_keys_are_stored(tmp_path: Path) -> None:
    write_runs(tmp_path, "run_id=r1/1", "run_id=r2/3")
    hours = pd.to_datetime(["2026-11-23 10:00", "2026-11-23 11:00", "2026-11-23 12:00"])
    write_part(tmp_path / "predictions/run_id=r1/1", 0, store=[7, 7, 8], hour=hours, forecast=[10.0, 20.0, 30.0])
    write_part(tmp_path / "predictions/run_id=r2/3", 0, store=[7], hour=hours[:1], forecast=[14.0])
    (tmp_path / "truth/a.csv").write_text("store,hour,sold\n7,2026-11-23T10:00:00Z,99\n7,2026-11-23 11:00,24\n")
    (tmp_path / "truth/b.csv").write_text("hour,store,sold,note\n2026-11-23T10:00:00Z,7,12,late\n2030-01-01,1,5,\n")
    report = measured(tmp_path, *FORECAST)
    assert report["rows"] == {"predicted": 4, "truth": 3, "joined": 3}
    assert report["metrics"]["MAE"] == pytest.approx((2 + 4 + 2) / 3)
    assert report["metrics"]["RMSE"] == pytest.approx(np.sqrt((4 + 16 + 4) / 3))
    assert report["metrics"]["WAPE"] == pytest.approx(8 / 48)
    assert report["metrics"]["Bias"] == pytest.approx((-2 - 4 + 2) / 3)
    assert [(run["run_id"], run["rows_joined"]) for run in report["runs"]] == [("run_id=r1/1", 2), ("run_id=r2/3", 1)]
    assert report["models"]["model/1"]["metrics"]["MAE"] == 2.0


def test_labels_have_accuracy_and_the_mean_f1(tmp_path: Path) -> None:
    write_runs(tmp_path, "run_id=r1/1")
    write_part(tmp_path / "predictions/run_id=r1/1", 0, id=["a", "b", "c", "d"], label=[1, 0, 0, 0])
    (tmp_path / "truth/a.csv").write_text("id,churned\na,1\nb,1\nc,0\nd,0\n")
    words = ("--keys", "id", "--target", "churned", "--prediction", "label", "--task", "classification")
    metrics = measured(tmp_path, *words)["metrics"]
    assert metrics["Accuracy"] == 0.75
    assert metrics["F1"] == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_codes_keep_the_zeros_before_them(tmp_path: Path) -> None:
    write_runs(tmp_path, "run_id=r1/1")
    hours = ["2026-11-23"] * 2
    write_part(tmp_path / "predictions/run_id=r1/1", 0, store=["007", "7"], hour=hours, forecast=[1.0, 2.0])
    (tmp_path / "truth/a.csv").write_text("store,hour,sold\n007,2026-11-23,1\n7,2026-11-23,2\n")
    assert measured(tmp_path, *FORECAST)["metrics"]["MAE"] == 0.0


def test_what_cannot_be_joined_is_said(tmp_path: Path) -> None:
    write_runs(tmp_path, "run_id=r1/1")
    with pytest.raises(JobError, match=r"EmptyTruth: there is no \.csv or \.parquet"):
        measured(tmp_path, *FORECAST)
    (tmp_path / "truth/a.csv").write_text("store,hour,units\n7,2026-11-23,3\n")
    with pytest.raises(JobError, match=r"MissingColumn: a\.csv has no column sold; it has store, hour, units"):
        measured(tmp_path, *FORECAST)
    (tmp_path / "truth/a.csv").write_text("store,hour,sold\n7,2026-11-23,3\n")
    write_part(tmp_path / "predictions/run_id=r1/1", 0, store=[8], hour=["2026-11-23"], forecast=[1.0])
    with pytest.raises(JobError, match="NothingJoined: none of 1 predictions has a truth among 1 rows by store, hour"):
        measured(tmp_path, *FORECAST)
