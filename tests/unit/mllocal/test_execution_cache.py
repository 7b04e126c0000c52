"""What makes two runs of a step equal, and for how long a result is good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mllocal.execution.cache import StepCache, duration_seconds, key_of
from mllocal.execution.expressions import Values
from mllocal.execution.step_run import Result
from mllocal.sagemaker.store import Scope, Store

PIPELINE = Scope("123456789012", "us-east-1").arn("pipeline/p")
EXECUTION = f"{PIPELINE}/execution/abc"
VALUES = Values(parameters={"Rate": 1, "Path": "s3://b/in"}, execution={}, read_json=lambda uri: {})
ARGUMENTS = {
    "AppSpecification": {"ImageUri": "image", "ContainerArguments": [{"Get": "Parameters.Rate"}]},
    "ProcessingInputs": [{"InputName": "in", "S3Input": {"S3Uri": "s3://b/in"}}],
    "ProcessingOutputConfig": {"Outputs": []},
    "RoleArn": "role",
}
STEP: dict[str, Any] = {
    "Name": "Clean",
    "Type": "Processing",
    "Arguments": ARGUMENTS,
    "CacheConfig": {"Enabled": True, "ExpireAfter": "PT1H"},
}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[StepCache]:
    store = Store(tmp_path / "sagemaker.db")
    yield StepCache(store, PIPELINE)
    store.close()


def changed(**arguments: Any) -> dict[str, Any]:
    return {**STEP, "Arguments": {**ARGUMENTS, **arguments}}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("P30D", 30 * 86400),
        ("PT12H", 43200),
        ("30d", 30 * 86400),
        ("T16m", 960),
        ("30dT5h", 30 * 86400 + 18000),
        ("P1Y", 365 * 86400),
        ("P2M", 60 * 86400),
        ("P1W", 7 * 86400),
        ("PT1.5S", 1.5),
        ("P4DT12H", 4.5 * 86400),
    ],
)
def test_durations_are_iso_8601_as_the_guide_writes_them(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "30", "P1H", "tomorrow"])
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration"):
        duration_seconds(text)


@pytest.mark.parametrize(
    "same",
    [
        changed(ProcessingOutputConfig={"Outputs": ["elsewhere"]}),
        changed(RoleArn="other"),
        changed(ProcessingJobName="a-name"),
        {**STEP, "CacheConfig": {"Enabled": False}, "Description": "said differently"},
        changed(AppSpecification={"ImageUri": "image", "ContainerArguments": [1]}),
        changed(ProcessingInputs=[{"InputName": "in", "S3Input": {"S3Uri": {"Get": "Parameters.Path"}}}]),
    ],
)
def test_attributes_outside_the_guides_list_do_not_count_and_expressions_count_by_value(same: dict[str, Any]) -> None:
    assert key_of(same, VALUES) == key_of(STEP, VALUES)


@pytest.mark.parametrize(
    "other",
    [
        changed(AppSpecification={"ImageUri": "another"}),
        changed(Environment={"A": "1"}),
        changed(ProcessingInputs=[]),
        {**STEP, "Name": "Wash"},
        {**STEP, "Type": "Training"},
    ],
)
def test_a_change_of_what_counts_changes_the_key(other: dict[str, Any]) -> None:
    assert key_of(other, VALUES) != key_of(STEP, VALUES)


def test_a_lambda_step_counts_with_its_function_and_its_arguments() -> None:
    step = {"Name": "Call", "Type": "Lambda", "FunctionArn": "f", "Arguments": {"a": 1}, "OutputParameters": []}

    keys = {key_of(each, VALUES) for each in (step, {**step, "FunctionArn": "g"}, {**step, "Arguments": {"a": 2}})}

    assert len(keys) == 3


def test_a_step_that_makes_a_model_has_no_key() -> None:
    assert key_of({**STEP, "Type": "Model"}, VALUES) is None


def test_the_newest_result_is_found_and_only_by_a_step_that_asks(cache: StepCache) -> None:
    key = key_of(STEP, VALUES)
    cache.remember(key, f"{EXECUTION}1", Result({}, {"n": 1}))
    cache.remember(key, f"{EXECUTION}2", Result({}, {"n": 2}))

    hit = cache.find(STEP, key)

    assert hit is not None
    assert (hit.source_execution_arn, hit.result.properties) == (f"{EXECUTION}2", {"n": 2})
    assert cache.find({**STEP, "CacheConfig": {"Enabled": False}}, key) is None
    assert cache.find({**STEP, "CacheConfig": {"Enabled": True}}, key) is not None


def test_a_result_older_than_the_period_is_not_used(cache: StepCache, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(STEP, VALUES)
    cache.remember(key, EXECUTION, Result({}))
    now = time.time()

    monkeypatch.setattr(time, "time", lambda: now + 3500)
    assert cache.find(STEP, key) is not None
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    assert cache.find(STEP, key) is None


def test_a_deleted_pipeline_takes_its_results_along_and_no_others(cache: StepCache) -> None:
    key = key_of(STEP, VALUES)
    other = StepCache(cache.store, f"{PIPELINE}2")
    for each in (cache, other):
        each.remember(key, EXECUTION, Result({}))

    cache.forget()

    assert cache.find(STEP, key) is None
    assert other.find(STEP, key) is not None
