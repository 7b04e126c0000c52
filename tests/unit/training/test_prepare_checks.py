"""The function of the step PrepareChecks, by botocore's own stubs."""

from __future__ import annotations

import json
from typing import Any

from botocore.stub import Stubber

from mlplatform.training.runtime import prepare_checks
from tests.unit.servers import client
from tests.unit.training.test_find_production_model import ARN, ASKED, DESCRIPTION, SUMMARY

CONFIG = {"dataset_type": "text/csv"}
QUALITY = {"Constraints": {"ContentType": "application/json", "S3Uri": "s3://artifacts/constraints.json"}}


def answer(
    monkeypatch: Any, *summaries: dict[str, Any], baselines: dict[str, Any] | None = None, skips: Any = False
) -> dict[str, bool]:
    s3, sagemaker = client("s3"), client("sagemaker")
    monkeypatch.setattr("boto3.client", {"s3": s3, "sagemaker": sagemaker}.get)
    event = {
        "model_package_group_name": "demo",
        "skip_checks": skips,
        "baselines": json.dumps(
            {"data_quality": "ModelDataQuality.Constraints", "data_bias": "Bias.PreTrainingConstraints"}
        ),
        "analysis_configs": json.dumps({"data_bias": CONFIG}),
        "analysis_config_uri": "s3://artifacts/demo-training/e1/checks/config",
    }
    with Stubber(s3) as storage, Stubber(sagemaker) as registry:
        written = {
            "Bucket": "artifacts",
            "Key": "demo-training/e1/checks/config/data_bias/analysis_config.json",
            "Body": json.dumps(CONFIG, indent=1).encode(),
            "ContentType": "application/json",
        }
        storage.add_response("put_object", {}, written)
        if str(skips).lower() != "true":
            registry.add_response("list_model_packages", {"ModelPackageSummaryList": list(summaries)}, ASKED)
        if summaries:
            known = {} if baselines is None else {"DriftCheckBaselines": baselines}
            registry.add_response("describe_model_package", {**DESCRIPTION, **known}, {"ModelPackageName": ARN})
        found = prepare_checks.handler(event, None)
        storage.assert_no_pending_responses()
        registry.assert_no_pending_responses()
    return found


def test_while_nothing_is_approved_there_is_nothing_to_compare_with(monkeypatch: Any) -> None:
    assert answer(monkeypatch) == {"skip_data_quality": True, "skip_data_bias": True}


def test_a_check_that_the_approved_version_has_no_baseline_of_is_skipped(monkeypatch: Any) -> None:
    """Such as a bias check that the team added after the version was approved."""
    found = answer(monkeypatch, SUMMARY, baselines={"ModelDataQuality": QUALITY})

    assert found == {"skip_data_quality": False, "skip_data_bias": True}


def test_an_approved_version_from_before_the_checks_has_no_baseline(monkeypatch: Any) -> None:
    assert answer(monkeypatch, SUMMARY) == {"skip_data_quality": True, "skip_data_bias": True}


def test_an_execution_that_skips_checks_does_not_ask_the_registry(monkeypatch: Any) -> None:
    assert answer(monkeypatch, skips="true") == {"skip_data_quality": True, "skip_data_bias": True}
