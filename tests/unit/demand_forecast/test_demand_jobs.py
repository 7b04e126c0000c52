"""The jobs as SageMaker starts them: processes with command lines, environment variables and exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluate import unpack
from job import JobError, write_files

from examples.demand_forecast.backtest import JOBS, Backtest, JobFailedError, report, run_job
from examples.demand_forecast.history import DATA, actual_demand, final_origin


def fail(script: str, *arguments: str | Path, **environment: str | Path) -> str:
    """Run a job that must fail with exit code 1; what it said on stderr."""
    ended = subprocess.run(
        [sys.executable, str(JOBS / script), *map(str, arguments)],
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip()


def files_below(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


@pytest.fixture
def bad_input(tmp_path: Path) -> Path:
    directory = tmp_path / "bad"
    directory.mkdir()
    (directory / "history.csv").write_text("day,hr,bikers\n1,0,16\n1,0,-3\n")
    return directory


def test_model_beats_the_seasonal_naive_baseline_on_the_test_weeks(backtest: Backtest) -> None:
    for metric in ("rmse", "mae", "wape"):
        assert backtest.test[metric] < 0.9 * backtest.test[f"baseline_{metric}"]
    assert backtest.test["relative_rmse"] == backtest.test["rmse"] / backtest.test["baseline_rmse"]


def test_forecast_has_every_hour_of_the_week_and_no_negative_demand(backtest: Backtest) -> None:
    week = pd.date_range(final_origin(), periods=168, freq="h").to_pydatetime().tolist()

    assert list(backtest.forecast) == week
    assert all(0 <= value < 2000 for value in backtest.forecast.values())


def test_metrics_are_what_the_test_file_and_the_model_give(backtest: Backtest, backtest_directory: Path) -> None:
    """RMSE, MAE and WAPE of both, computed anew and on the same rows."""
    test = pd.read_csv(backtest_directory / "test" / "test.csv")
    evaluation = json.loads((backtest_directory / "evaluation.json").read_text())
    naive_error = test["same_hour_last_week"] - test["bikers"]

    assert evaluation["test"]["hours"] == len(test)
    assert evaluation["test"]["last_hour"] == "2011-12-24T23:00:00"
    assert backtest.test["baseline_rmse"] == pytest.approx(np.sqrt((naive_error**2).mean()))
    assert backtest.test["baseline_mae"] == pytest.approx(naive_error.abs().mean())
    assert backtest.test["baseline_wape"] == pytest.approx(naive_error.abs().sum() / test["bikers"].sum())


def test_split_is_by_time_and_the_last_eight_weeks_are_the_test(backtest: Backtest, backtest_directory: Path) -> None:
    train, test = (
        pd.read_csv(backtest_directory / name / f"{name}.csv", parse_dates=["timestamp"]) for name in ("train", "test")
    )

    assert train["timestamp"].is_monotonic_increasing
    assert test["timestamp"].is_monotonic_increasing
    assert train["timestamp"].max() < pd.Timestamp("2011-10-30") <= test["timestamp"].min()
    assert test["timestamp"].max() == pd.Timestamp(backtest.origin) - pd.Timedelta(hours=1)


def test_training_twice_writes_the_same_bytes_on_any_number_of_threads(
    backtest: Backtest, backtest_directory: Path, tmp_path: Path
) -> None:
    directories = {"SM_CHANNEL_TRAIN": str(backtest_directory / "train"), "SM_MODEL_DIR": str(tmp_path)}
    printed = run_job("train.py", "--random_state", "0", environment={**directories, "OMP_NUM_THREADS": "2"})

    again, before = (directory / "model.joblib" for directory in (tmp_path, backtest_directory / "model"))
    assert again.read_bytes() == before.read_bytes()
    assert re.search(r"^validation:rmse=\d+\.\d+$", printed, re.MULTILINE)
    assert re.search(r"^validation:baseline_rmse=\d+\.\d+$", printed, re.MULTILINE)


def test_hyperparameters_arrive_as_strings_and_are_used(
    backtest: Backtest, backtest_directory: Path, tmp_path: Path
) -> None:
    printed = run_job(
        *("train.py", "--train", backtest_directory / "train", "--model-dir", tmp_path),
        *("--max_iter", "3", "--learning_rate", "0.5", "--loss", "squared_error", "--profile_weight", "0"),
    )

    assert "loss='squared_error', max_iter=3, learning_rate=0.5" in printed
    assert files_below(tmp_path) == ["code/demand_model.py", "code/inference.py", "model.joblib"]


def test_every_bad_hyperparameter_is_named(backtest: Backtest, backtest_directory: Path, tmp_path: Path) -> None:
    bad: list[str | Path] = ["--loss", "huber", "--max_iter", "0", "--learning_rate", "-1", "--profile_weight", "2"]
    bad += ["--max_leaf_nodes", "1", "--min_samples_leaf", "0", "--l2_regularization", "-1", "--validation_weeks", "0"]
    bad += ["--train", backtest_directory / "train", "--model-dir", tmp_path / "model"]

    said = fail("train.py", *bad, SM_OUTPUT_FAILURE_FILE=tmp_path / "failure")

    assert "8 problems" in said
    assert "loss is 'huber'; use one of squared_error, absolute_error, poisson" in said
    assert (tmp_path / "failure").read_text() == said
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("script", ["validate.py", "prepare.py", "features.py"])
def test_bad_data_ends_a_job_with_the_reason_and_without_output(script: str, bad_input: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "one", tmp_path / "two"]
    options = (
        ("--output-train", outputs[0], "--output-test", outputs[1])
        if script == "features.py"
        else ("--output", outputs[0])
    )

    said = fail(script, "--input", bad_input, *options, SM_OUTPUT_MESSAGE_FILE=tmp_path / "message")

    assert said.startswith(f"{script}: 3 problems: ")
    for part in ("'-3' at history.csv line 3", "more than once", "too short"):
        assert part in said
    assert (tmp_path / "message").read_text() == said
    assert not any(output.exists() for output in outputs)


def test_reason_is_only_on_stderr_where_there_is_no_directory_for_messages(bad_input: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "message"

    said = fail("validate.py", "--input", bad_input, "--output", tmp_path / "out", SM_OUTPUT_MESSAGE_FILE=nowhere)

    assert "'-3'" in said
    assert not nowhere.parent.exists()


def test_validation_says_what_the_history_holds(data_directory: Path, tmp_path: Path) -> None:
    run_job("validate.py", "--input", data_directory, "--output", tmp_path)

    report = json.loads((tmp_path / "validation.json").read_text())
    assert report["files"] == [DATA.name]
    assert (report["hours"], report["missing_hours"]) == (8645, 115)
    assert (report["first_hour"], report["last_hour"]) == ("2011-01-01T00:00:00", "2011-12-31T23:00:00")
    assert report["demand"]["total"] == 1_243_103


def test_evaluation_refuses_an_archive_that_is_not_a_model(tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    with pytest.raises(JobError, match=r"model\.tar\.gz is not there; give the directory"):
        unpack(archive)
    archive.write_bytes(b"not a tar file")
    with pytest.raises(JobError, match="cannot be unpacked"):
        unpack(archive)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(DATA, arcname="data.csv")
    with pytest.raises(JobError, match=r"holds no model\.joblib; it was not made by train\.py"):
        unpack(archive)


def test_files_appear_all_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("of the run before")
    (tmp_path / "occupied").write_text("a file where a directory is needed")

    with pytest.raises(OSError, match="occupied"):
        write_files({tmp_path / "train.csv": "new", tmp_path / "occupied" / "test.csv": "new"})

    assert files_below(tmp_path) == ["occupied", "train.csv"]
    assert (tmp_path / "train.csv").read_text() == "of the run before"


def test_a_failing_job_stops_the_backtest_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(JobFailedError, match=r"validate\.py: no \*\.csv file in"):
        run_job("validate.py", "--input", tmp_path, "--output", tmp_path / "out")


def test_readme_states_the_metrics_as_they_are_measured(backtest: Backtest) -> None:
    readme = (JOBS.parent / "README.md").read_text()

    for name, digits in {"rmse": 1, "mae": 1, "wape": 3}.items():
        model, naive = backtest.test[name], backtest.test[f"baseline_{name}"]
        assert f"| {model:.{digits}f} | {naive:.{digits}f} | {model / naive:.3f} |" in readme


def test_report_shows_model_and_baseline_side_by_side(backtest: Backtest) -> None:
    lines = report(backtest).splitlines()

    assert len(lines) == 7
    assert f"{backtest.test['rmse']:.3f}" in lines[1]
    assert f"{backtest.test['baseline_rmse']:.3f}" in lines[1]
    assert backtest.week is not None
    assert backtest.week[0].hours == len(actual_demand(final_origin()))
