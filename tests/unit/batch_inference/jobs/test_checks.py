"""The input of a run against the baseline of its model, as Model Monitor writes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_jobs.files import JobError

from mllocal.images.catalog import HERE
from tests.unit.batch_inference.jobs.scripts import ScoringJob

TRAINING = [f"h{number},{number * 3},{number % 24},{number % 24 + 0.5},{'ab'[number % 2]}" for number in range(480)]
Baseline = Callable[..., list[str]]


@pytest.fixture
def baseline(job: ScoringJob, monkeypatch: pytest.MonkeyPatch) -> Baseline:
    """Statistics and constraints of the training data by the embedded AWS's Model Monitor; returns the words that name them."""
    monkeypatch.syspath_prepend(str(HERE / "inside"))

    def make(**changes: Any) -> list[str]:
        from mlp_monitor import data_quality, dataset  # type: ignore[import-not-found]

        source = job.root / "train.csv"
        source.write_text("time,sold,hour,level,shop\n" + "".join(f"{row}\n" for row in TRAINING))
        columns = data_quality.columns_of(dataset.read_dataset(source, {"csv": {"header": True}}))
        constraints = data_quality.constraints_of(columns)
        for feature in constraints["features"]:
            feature.update(changes.get(feature["name"], {}))
        directory = job.root / "baseline"
        directory.mkdir()
        (directory / "statistics.json").write_text(json.dumps(data_quality.statistics_of(columns)))
        (directory / "constraints.json").write_text(json.dumps(constraints))
        return ["--statistics", str(directory), "--constraints", str(directory / "constraints.json")]

    return make


def rows(**changes: str) -> str:
    """A good input, but for some rows by their number."""
    lines = [f"t{number},{number % 24},{number % 24 + 0.5},{'ab'[number % 2]}" for number in range(96)]
    for place, line in changes.items():
        lines[int(place.removeprefix("row_")) - 1] = line
    return "".join(f"{line}\n" for line in lines)


def test_good_input_has_the_baselines_names_and_no_violation(job: ScoringJob, baseline: Baseline) -> None:
    """The baseline has the key and the target too: the target is its first column that is no key."""
    job.raw("day.csv", rows())
    report = job.prepare(*baseline(), "--action", "stop", "--max-psi", "0.1")
    assert [column["name"] for column in report["feature_columns"]] == ["hour", "level", "shop"]
    assert report["checks"]["violations"] == []
    assert report["checks"]["psi"] == {"hour": 0.0, "level": 0.0, "shop": 0.0}
    assert report["named_features"] is False


BROKEN = {
    "missing": ("t,,5.5,a", "1 of 96 values of 'hour' are missing, first none in day.csv row 7"),
    "non_negative": ("t,-1,5.5,a", "1 of 96 values of 'hour' are negative, first -1.0 in day.csv row 7"),
    "range": ("t,99,5.5,a", "1 of 96 values of 'hour' are outside -11.5 to 34.5, first 99.0 in day.csv row 7"),
    "domain": ("t,5,5.5,z", "1 of 96 values of 'shop' are not in the training data, first z in day.csv row 7"),
}


@pytest.mark.parametrize(("check", "row", "message"), [(check, *case) for check, case in BROKEN.items()])
def test_a_violation_stops_is_told_or_sets_its_row_aside(
    job: ScoringJob, baseline: Baseline, check: str, row: str, message: str
) -> None:
    job.raw("day.csv", rows(row_7=row))
    words = baseline()

    with pytest.raises(JobError, match=f"DataCheckFailed: 1 violations: {message}"):
        job.prepare(*words, "--action", "stop")
    warned = job.prepare(*words, "--action", "warn")
    aside = job.prepare(*words, "--action", "set_aside")

    assert (warned["rows"], warned["set_aside"]["rows"]) == (96, 0)
    assert [(one["check"], one["message"]) for one in warned["checks"]["violations"]] == [(check, message)]
    assert (aside["rows"], aside["set_aside"]["rows"]) == (95, 1)
    (line,) = job.lines("aside/rows.jsonl")
    assert (line["row"], line["reason"].split(":")[0]) == (7, "shop" if check == "domain" else "hour")


def test_a_row_with_several_mistakes_is_set_aside_once(job: ScoringJob, baseline: Baseline) -> None:
    job.raw("day.csv", rows(row_7="t,-99,,z"))
    report = job.prepare(*baseline(), "--action", "set_aside")
    assert report["set_aside"] == {"rows": 1, "reasons": {"hour: negative": 1}}


def test_a_fraction_among_whole_numbers_is_told_but_scored(job: ScoringJob, baseline: Baseline) -> None:
    job.raw("day.csv", rows(row_7="t,5.25,5.5,a"))
    report = job.prepare(*baseline(), "--action", "set_aside")
    assert report["rows"] == 96
    assert [one["check"] for one in report["checks"]["violations"]] == ["type"]


def test_completeness_below_the_baselines_is_a_violation_of_the_column(job: ScoringJob, baseline: Baseline) -> None:
    words = baseline(level={"completeness": 0.99})
    job.raw("day.csv", rows(row_7="t,5,,a"))
    assert [one["check"] for one in job.prepare(*words)["checks"]["violations"]] == ["completeness"]
    job.raw("day.csv", rows())
    assert job.prepare(*words)["checks"]["violations"] == []


def test_other_columns_than_the_baselines_stop_unless_only_told(job: ScoringJob, baseline: Baseline) -> None:
    job.raw("day.csv", "".join(f"t,{number},1\n" for number in range(9)))
    words = baseline()
    said = "DataCheckFailed: 1 violations: the input has 2 features and the training data 4"
    for action in ("stop", "set_aside"):
        with pytest.raises(JobError, match=said):
            job.prepare(*words, "--action", action)
    assert job.prepare(*words, "--action", "warn")["rows"] == 9


def test_text_where_the_baseline_has_numbers_is_a_violation(job: ScoringJob, baseline: Baseline) -> None:
    job.raw("day.csv", "".join(f"t,x{number},1,a\n" for number in range(9)))
    with pytest.raises(JobError, match="hour: not a number"):
        job.prepare(*baseline(), "--action", "stop")


def test_a_column_that_has_moved_is_a_violation_only_above_the_limit_given(job: ScoringJob, baseline: Baseline) -> None:
    job.raw("day.csv", "".join(f"t{number},3,3.5,{'ab'[number % 2]}\n" for number in range(96)))
    words = baseline()
    report = job.prepare(*words)
    assert report["checks"]["violations"] == []
    assert report["checks"]["psi"]["hour"] > 1 > report["checks"]["psi"]["shop"]
    with pytest.raises(JobError, match="'hour' has moved: its index is"):
        job.prepare(*words, "--action", "stop", "--max-psi", "0.25")


def test_a_target_that_is_named_is_not_asked_for(job: ScoringJob, baseline: Baseline) -> None:
    job.raw(
        "day.csv", "".join(f"t{number},{number % 24 * 3},{number % 24},{'ab'[number % 2]}\n" for number in range(96))
    )
    report = job.prepare(*baseline(), "--target-column", "level")
    assert [column["name"] for column in report["feature_columns"]] == ["sold", "hour", "shop"]


def test_a_baseline_that_is_not_json_is_refused(job: ScoringJob, tmp_path: Path) -> None:
    job.raw("day.csv", rows())
    (tmp_path / "constraints.json").write_text("{")
    with pytest.raises(JobError, match=r"constraints\.json of the baseline is not JSON"):
        job.prepare("--constraints", str(tmp_path))


def test_a_baseline_that_is_not_there_is_none(job: ScoringJob, tmp_path: Path) -> None:
    job.raw("day.csv", "t1,3,3.5\n")
    report = job.prepare("--constraints", str(tmp_path / "none"), "--statistics", str(tmp_path))
    assert report["checks"]["baseline"] is False
