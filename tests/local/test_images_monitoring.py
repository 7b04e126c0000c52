"""QualityCheck and ClarifyCheck steps: the job in AWS's analysis image, the new baseline, and the comparison with the previous one."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.local.check_steps import CLARIFY, MONITOR, job, run
from tests.local.workbench import Workbench

SEED = 11


def rows(shift: float = 0.0) -> str:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    return "age,rate\n" + "".join(f"{chance.randint(1, 90)},{chance.gauss(shift, 1):.4f}\n" for _ in range(2000))


def quality(workbench: Workbench, name: str, data: str, **settings: Any) -> dict[str, Any]:
    """A DATA_QUALITY step."""
    environment = {
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Disabled",
        "dataset_format": '{"csv": {"header": true, "output_columns_position": "START"}}',
        "dataset_source": "/opt/ml/processing/input/baseline_dataset_input",
    }
    inputs = {"baseline_dataset_input": workbench.put(f"{name}/data.csv", data)}
    output = workbench.uri(f"{name}/results")
    return {
        "Name": name,
        "Type": "QualityCheck",
        "Arguments": job(MONITOR, output, inputs, environment, "quality_check_output"),
        "CheckType": "DATA_QUALITY",
        "ModelPackageGroupName": None,
        "SkipCheck": False,
        "FailOnViolation": True,
        "RegisterNewBaseline": False,
        "SuppliedBaselineStatistics": None,
        "SuppliedBaselineConstraints": None,
        **settings,
    }


def bias(workbench: Workbench, name: str, **settings: Any) -> dict[str, Any]:
    """A DATA_BIAS step on a dataset in which d has fewer positive labels than a."""
    lines = [f"{sex},{int(number < positive)}\n" for sex, positive in (("a", 160), ("d", 60)) for number in range(200)]
    configuration = {
        "dataset_type": "text/csv",
        "headers": ["sex", "label"],
        "label": "label",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["d"]}],
        "methods": {"pre_training_bias": {"methods": ["CI", "DPL"]}, "report": {"name": "report", "title": "Report"}},
    }
    inputs = {
        "config": workbench.put(f"{name}/config/analysis_config.json", json.dumps(configuration)),
        "data": workbench.put(f"{name}/data/data.csv", "".join(lines)),
    }
    arguments = job(CLARIFY, workbench.uri(f"{name}/results"), inputs, {}, "analysis_result")
    check = {"CheckType": "DATA_BIAS", "SkipCheck": False, "FailOnViolation": True, "RegisterNewBaseline": False}
    return {"Name": name, "Type": "ClarifyCheck", "Arguments": arguments, **check, **settings}


def test_a_first_run_registers_its_own_baseline_without_a_check(workbench: Workbench) -> None:
    execution = run(workbench, quality(workbench, "First", rows(), SkipCheck=True, RegisterNewBaseline=True))

    assert execution.status == "Succeeded", execution.steps
    shown = execution.steps["First"]["Metadata"]["QualityCheck"]
    assert shown["CalculatedBaselineConstraints"] == workbench.uri("First/results/constraints.json")
    assert shown["BaselineUsedForDriftCheckStatistics"] == workbench.uri("First/results/statistics.json")
    assert json.loads(workbench.get("First/results/statistics.json"))["dataset"] == {"item_count": 2000}


def baseline_of(step: str) -> dict[str, Any]:
    return {
        f"SuppliedBaseline{kind}": {"Get": f"Steps.{step}.CalculatedBaseline{kind}"}
        for kind in ("Constraints", "Statistics")
    }


def test_data_that_drifted_from_the_supplied_baseline_fails_the_step_with_the_violation(workbench: Workbench) -> None:
    first = quality(workbench, "Base", rows(), SkipCheck=True, RegisterNewBaseline=True)

    execution = run(workbench, first, quality(workbench, "Drifted", rows(1.0), **baseline_of("Base")))

    assert execution.statuses == {"Base": "Succeeded", "Drifted": "Failed"}
    assert "rate: baseline_drift_check: Baseline drift distance" in execution.reason("Drifted")
    shown = execution.steps["Drifted"]["Metadata"]["QualityCheck"]
    assert shown["ViolationReport"] == workbench.uri("Drifted/results/constraint_violations.json")


def test_violations_only_report_when_they_must_not_fail_the_step(workbench: Workbench) -> None:
    first = quality(workbench, "Base2", rows(), SkipCheck=True, RegisterNewBaseline=True)
    second = quality(workbench, "Reported", rows(1.0), FailOnViolation=False, **baseline_of("Base2"))

    execution = run(workbench, first, second)

    assert execution.status == "Succeeded", execution.steps
    shown = execution.steps["Reported"]["Metadata"]["QualityCheck"]
    assert shown["BaselineUsedForDriftCheckConstraints"] == workbench.uri("Base2/results/constraints.json")
    assert "ViolationReport" in shown


def test_the_baseline_of_the_newest_approved_version_is_taken(workbench: Workbench) -> None:
    run(workbench, quality(workbench, "Kept", rows(), SkipCheck=True, RegisterNewBaseline=True))
    group = f"{workbench.bucket}-models"
    workbench.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    kept = {
        kind: {"ContentType": "application/json", "S3Uri": workbench.uri(f"Kept/results/{kind.lower()}.json")}
        for kind in ("Constraints", "Statistics")
    }
    workbench.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": MONITOR, "ModelDataUrl": workbench.put("model.tar.gz", b"x")}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        DriftCheckBaselines={"ModelDataQuality": kept},
    )

    execution = run(workbench, quality(workbench, "AgainstApproved", rows(), ModelPackageGroupName=group))

    assert execution.status == "Succeeded", execution.steps
    shown = execution.steps["AgainstApproved"]["Metadata"]["QualityCheck"]
    assert shown["BaselineUsedForDriftCheckConstraints"] == kept["Constraints"]["S3Uri"]


def test_a_check_without_any_baseline_fails_and_says_how_the_first_run_is_made(workbench: Workbench) -> None:
    execution = run(workbench, quality(workbench, "NoBaseline", rows()))

    assert "Set SkipCheck and RegisterNewBaseline for the first run" in execution.reason("NoBaseline")


def test_a_bias_check_calculates_its_baseline_and_compares_with_it(workbench: Workbench) -> None:
    first = bias(workbench, "Bias", SkipCheck=True, RegisterNewBaseline=True)
    constraints = {"SuppliedBaselineConstraints": {"Get": "Steps.Bias.CalculatedBaselineConstraints"}}

    execution = run(workbench, first, bias(workbench, "BiasAgain", **constraints))

    assert execution.status == "Succeeded", execution.steps
    report = json.loads(workbench.get("BiasAgain/results/analysis.json"))
    (group,) = report["pre_training_bias_metrics"]["facets"]["sex"]
    assert {metric["name"]: round(metric["value"], 6) for metric in group["metrics"]} == {"CI": 0.0, "DPL": 0.5}
