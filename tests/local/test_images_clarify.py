"""ClarifyCheck steps that ask a model: its bias and its explanation, with the baseline's constraints, against values by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.check_steps import CLARIFY, job, run
from tests.local.execution_steps import create
from tests.local.workbench import IMAGE, ROLE, Workbench

# A score for each row of CSV: the weighted sum of its fields.
WEIGHTED = """
import json, pathlib
def model_fn(directory):
    return json.loads(pathlib.Path(directory, "weights.json").read_text())
def input_fn(body, content_type):
    return [[float(field) for field in line.split(",")] for line in body.splitlines()]
def predict_fn(rows, weights):
    return [sum(weight * value for weight, value in zip(weights, row, strict=True)) for row in rows]
def output_fn(scores, accept):
    return "\\n".join(str(score) for score in scores), accept
"""
# d is 1 for the disfavored group. Half the points are positive labels.
ROWS = [(d, points, int(points >= 4)) for d in (0, 1) for points in range(8)]
PREDICTOR = {"instance_type": "ml.m5.large", "initial_instance_count": 1}


def model(workbench: Workbench, name: str, *weights: float) -> str:
    """A model that scores rows with these weights; its name."""
    data = workbench.put_archive(
        f"{name}/model.tar.gz", {"weights.json": json.dumps(weights), "code/inference.py": WEIGHTED}
    )
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    name = f"{workbench.bucket}-{name}"
    workbench.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": data, "Environment": environment},
    )
    return name


def clarify(
    workbench: Workbench, name: str, check: str, model_name: str, configuration: dict[str, Any], **settings: Any
) -> dict[str, Any]:
    """A step that asks a model about the rows; the configuration does not name the model, as the SDK renders it."""
    given = {"dataset_type": "text/csv", "headers": ["d", "points", "label"], "label": "label", "predictor": PREDICTOR}
    methods = {**configuration["methods"], "report": {"name": "report", "title": "Analysis Report"}}
    inputs = {
        "config": workbench.put(
            f"{name}/config/analysis_config.json", json.dumps({**given, **configuration, "methods": methods})
        ),
        "data": workbench.put(f"{name}/data/data.csv", "".join(",".join(map(str, row)) + "\n" for row in ROWS)),
    }
    return {
        "Name": name,
        "Type": "ClarifyCheck",
        "CheckType": check,
        "ModelName": model_name,
        "Arguments": job(CLARIFY, workbench.uri(f"{name}/results"), inputs, {}, "analysis_result"),
        "SkipCheck": False,
        "FailOnViolation": True,
        "RegisterNewBaseline": False,
        **settings,
    }


def bias(workbench: Workbench, name: str, model_name: str, **settings: Any) -> dict[str, Any]:
    configuration = {
        "label_values_or_threshold": [1],
        "probability_threshold": 3.5,
        "facet": [{"name_or_index": "d", "value_or_threshold": [1]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "AD", "FT"]}},
    }
    return clarify(workbench, name, "MODEL_BIAS", model_name, configuration, **settings)


def explainability(workbench: Workbench, name: str, model_name: str, **settings: Any) -> dict[str, Any]:
    configuration = {"methods": {"shap": {"baseline": [[0, 1]], "agg_method": "mean_abs", "num_samples": 100}}}
    return clarify(workbench, name, "MODEL_EXPLAINABILITY", model_name, configuration, **settings)


FIRST = {"SkipCheck": True, "RegisterNewBaseline": True}


def baseline_of(step: str) -> dict[str, Any]:
    return {"SuppliedBaselineConstraints": {"Get": f"Steps.{step}.CalculatedBaselineConstraints"}}


def test_a_model_bias_check_asks_the_model_and_compares_with_the_baseline(workbench: Workbench) -> None:
    """The fair model accepts from 4 points on, the other one takes 2 points from d: from 6 on."""
    fair, unfair = model(workbench, "fair", 0, 1), model(workbench, "unfair", -2, 1)
    first, second = bias(workbench, "Fair", fair, **FIRST), bias(workbench, "Unfair", unfair, **baseline_of("Fair"))

    execution = run(workbench, first, second)

    assert execution.statuses == {"Fair": "Succeeded", "Unfair": "Failed"}, execution.steps
    assert "MODEL_BIAS check failed with 3 violations" in execution.reason("Unfair")
    assert metrics(workbench, "Fair") == {"AD": 0.0, "DPPL": 0.0, "FT": 0.0}
    # 4 and 2 of 8 accepted; all and 6 of 8 right; the neighbors of two more would have been accepted.
    assert metrics(workbench, "Unfair") == {"AD": 1 - 6 / 8, "DPPL": 4 / 8 - 2 / 8, "FT": 2 / 8}


def metrics(workbench: Workbench, step: str) -> dict[str, float]:
    report = json.loads(workbench.get(f"{step}/results/analysis.json"))
    (group,) = report["post_training_bias_metrics"]["facets"]["d"]
    return {metric["name"]: metric["value"] for metric in group["metrics"]}


def test_an_explainability_check_has_shap_values_and_compares_their_ranks(workbench: Workbench) -> None:
    """Of a weighted sum, a feature's value is its weight times its distance from the baseline (0, 1)."""
    base, other = model(workbench, "base", 1, 10), model(workbench, "other", 1000, 10)
    first = explainability(workbench, "Base", base, **FIRST)
    same = explainability(workbench, "Same", base, **baseline_of("Base"))
    moved = explainability(workbench, "Moved", other, **baseline_of("Base"), DependsOn=["Same"])

    execution = run(workbench, first, same, moved)

    assert execution.statuses == {"Base": "Succeeded", "Same": "Succeeded", "Moved": "Failed"}, execution.steps
    reason = execution.reason("Moved")
    assert "label0: feature_attribution_drift_check: Feature attribution drift 0." in reason
    found = json.loads(workbench.get("Base/results/analysis.json"))["explanations"]["kernel_shap"]["label0"]
    assert found["expected_value"] == pytest.approx(10)
    distances = [abs(points - 1) for _, points, _ in ROWS]
    assert found["global_shap_values"] == pytest.approx({"d": 0.5, "points": 10 * sum(distances) / len(ROWS)})
    header, *lines = workbench.get("Base/results/explanations_shap/out.csv").split()
    assert header == "d_label0,points_label0"
    assert [float(value) for value in lines[-1].split(",")] == pytest.approx([1, 60])
    assert "<td>points</td>" in workbench.get("Base/results/report.html")
    assert json.loads(workbench.get("Base/results/report.ipynb"))["nbformat"] == 4
    assert not [key for key in workbench.keys("Base/results") if "clarify-" in key]


def test_a_model_that_is_not_there_fails_the_step_with_its_name(workbench: Workbench) -> None:
    execution = run(workbench, explainability(workbench, "Lost", "nowhere", **FIRST))

    assert "Could not find model 'nowhere'" in execution.reason("Lost")


def test_a_check_of_a_model_without_one_is_refused_when_the_pipeline_is_created(workbench: Workbench) -> None:
    with pytest.raises(
        ClientError, match="step 'None' of type 'ClarifyCheck' has CheckType 'MODEL_BIAS' and no ModelName"
    ):
        create(workbench, bias(workbench, "None", ""))
