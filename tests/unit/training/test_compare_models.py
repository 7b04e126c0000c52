"""The function of the step CompareModels: its judgement, and its report on a real S3 emulator."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplatform.training.runtime import compare_models
from mlplatform.training.runtime.compare_models import APPROVED, PENDING, NotComparableError, judge

VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/3"
# API reference, CreateModelPackage, CustomerMetadataProperties: at most 256 of these characters.
METADATA = re.compile(r"[\w .:/=+\-@]{1,256}")
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


def put(s3: Any, bucket: str, key: str, value: float) -> str:
    body = json.dumps({"regression_metrics": {"rmse": {"value": value}}}).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return f"s3://{bucket}/{key}"


def event(bucket: str, new: str, **changes: Any) -> dict[str, Any]:
    return {
        "metric": "regression_metrics.rmse.value",
        "lower_is_better": True,
        "new_evaluation_uri": new,
        "production_evaluation_uri": f"s3://{bucket}/production/evaluation.json",
        "production_model_package_arn": VERSION,
        "approve_when_better_by": 0.02,
        "comparison_uri": f"s3://{bucket}/comparison.json",
        **changes,
    }


@pytest.fixture
def here(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("boto3.client", lambda _: s3)
    return s3


def test_a_model_that_is_better_by_enough_is_approved_and_the_report_says_why(here: Any, bucket: str) -> None:
    put(here, bucket, "production/evaluation.json", 50)

    answer = compare_models.handler(event(bucket, put(here, bucket, "new.json", 48)), None)

    report = json.loads(here.get_object(Bucket=bucket, Key="comparison.json")["Body"].read())
    assert answer["approval_status"] == report["approval_status"] == APPROVED
    assert answer["summary"] == "rmse 48 against 50 of version 3: 4.0 per cent better"
    assert (report["new"]["value"], report["production"]["value"]) == (48, 50)
    assert report["production"]["model_package_arn"] == VERSION


def test_a_model_in_production_that_cannot_run_on_this_data_leaves_approval_to_a_person(here: Any, bucket: str) -> None:
    """Its features may have changed: the job wrote no evaluation of it."""
    answer = compare_models.handler(event(bucket, put(here, bucket, "new.json", 48)), None)

    assert answer["approval_status"] == PENDING
    assert answer["summary"] == "rmse 48: version 3 cannot run on this data to compare with"


def test_the_first_model_waits_for_a_person(here: Any, bucket: str) -> None:
    new = put(here, bucket, "new.json", 48)
    put(here, bucket, "production/evaluation.json", 48)

    answer = compare_models.handler(event(bucket, new, production_model_package_arn="none"), None)

    assert answer["approval_status"] == PENDING
    assert answer["summary"] == "rmse 48: there is no model in production to compare with"


def test_an_evaluation_without_the_metric_fails_the_step_with_the_fix(here: Any, bucket: str) -> None:
    new = put(here, bucket, "new.json", 48)

    with pytest.raises(NotComparableError, match=r"no number at regression_metrics\.mae\.value; let the evaluation"):
        compare_models.handler(event(bucket, new, metric="regression_metrics.mae.value"), None)


def test_without_a_rule_a_person_approves_whatever_the_gain() -> None:
    assert judge("rmse", 1, 50, version="3", lower_is_better=True, better_by=None)[0] == PENDING


@given(numbers, numbers, st.booleans(), st.floats(0, 1))
def test_only_a_model_on_the_better_side_is_ever_approved(new: float, old: float, lower: bool, by: float) -> None:
    status, summary = judge("auc", new, old, version="3", lower_is_better=lower, better_by=by)

    better = new < old if lower else new > old
    assert status == PENDING or better
    assert METADATA.fullmatch(summary)
