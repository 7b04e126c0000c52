"""What pipeline expressions and conditions mean in an execution."""

from __future__ import annotations

from typing import Any

import pytest

from mllocal.execution.conditions import holds
from mllocal.execution.expressions import UnresolvedError, Values

REPORT = {"regression_metrics": {"rmse": {"value": 41.5}}, "classes": ["a", "b"]}


@pytest.fixture
def values() -> Values:
    features = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}}]}}
    return Values(
        parameters={"Rate": 0.5, "Name": "demand"},
        execution={"PipelineExecutionId": "abc"},
        read_json={"s3://b/train/report.json": REPORT, "s3://b/other.json": {"n": 1}}.__getitem__,
        property_files={("Features", "report"): ("train", "report.json")},
        steps={"Features": features, "Resolve": {"OutputParameters": {"arn": "arn:x"}}},
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Get": "Parameters.Rate"}, 0.5),
        ({"Get": "Execution.PipelineExecutionId"}, "abc"),
        ({"Get": "Steps.Features.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}, "s3://b/train"),
        ({"Get": "Steps.Features.ProcessingOutputConfig.Outputs[0].OutputName"}, "train"),
        ({"Get": 'Steps.Features.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri'}, "s3://b/train"),
        ({"Get": "Steps.Resolve.OutputParameters['arn']"}, "arn:x"),
        (
            {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Name"}, {"Get": "Parameters.Rate"}]}},
            "s3://demand/0.5",
        ),
        ({"Std:Join": {"On": "", "Values": ["a", {"Std:Join": {"On": "-", "Values": ["b", "c"]}}]}}, "ab-c"),
        (
            {
                "Std:JsonGet": {
                    "PropertyFile": {"Get": "Steps.Features.PropertyFiles.report"},
                    "Path": "regression_metrics.rmse.value",
                }
            },
            41.5,
        ),
        ({"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Features.PropertyFiles.report"}, "Path": "classes[1]"}}, "b"),
        ({"Std:JsonGet": {"S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://b", "other.json"]}}, "Path": "n"}}, 1),
        ({"Std:JsonGet": {"S3Uri": "s3://b/other.json", "Path": "$.n"}}, 1),
        ({"Std:JsonGet": {"S3Uri": "s3://b/other.json", "Path": "$['n']"}}, 1),
        ({"Plain": ["text", 1, {"Get": "Parameters.Name"}]}, {"Plain": ["text", 1, "demand"]}),
    ],
)
def test_expressions_resolve(values: Values, expression: Any, expected: Any) -> None:
    assert values.resolve(expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Get": "Steps.Missing.ModelName"}, "step 'Missing' did not run in this execution"),
        ({"Get": "Steps.Features.ProcessingOutputConfig.Outputs['test'].S3Output"}, r"nothing is at \"\['test'\]\""),
        ({"Get": "Environment.HOME"}, "is not a pipeline variable; use Parameters, Execution or Steps"),
        ({"Get": "Parameters.Unknown"}, "has no value"),
        (
            {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Features.PropertyFiles.report"}, "Path": "no.such"}},
            "no.such of s3://b/train/report.json",
        ),
    ],
)
def test_an_expression_without_a_value_is_an_error_that_says_why(values: Values, expression: Any, message: str) -> None:
    with pytest.raises(UnresolvedError, match=message):
        values.resolve(expression)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Type": "Equals", "LeftValue": {"Get": "Parameters.Name"}, "RightValue": "demand"}, True),
        ({"Type": "LessThan", "LeftValue": {"Get": "Parameters.Rate"}, "RightValue": 0.5}, False),
        ({"Type": "LessThanOrEqualTo", "LeftValue": {"Get": "Parameters.Rate"}, "RightValue": 0.5}, True),
        ({"Type": "GreaterThan", "LeftValue": 2, "RightValue": 1}, True),
        ({"Type": "GreaterThanOrEqualTo", "LeftValue": 1, "RightValue": 1}, True),
        ({"Type": "In", "QueryValue": {"Get": "Parameters.Name"}, "Values": ["supply", "demand"]}, True),
        ({"Type": "Equals", "LeftValue": 1, "RightValue": 1.0}, True),
        ({"Type": "Equals", "LeftValue": 1, "RightValue": True}, False),
        ({"Type": "In", "QueryValue": False, "Values": [0, ""]}, False),
        ({"Type": "Not", "Condition": {"Type": "Equals", "LeftValue": 1, "RightValue": 1}}, False),
        (
            {
                "Type": "Or",
                "Conditions": [
                    {"Type": "Equals", "LeftValue": 1, "RightValue": 2},
                    {"Type": "Equals", "LeftValue": 2, "RightValue": 2},
                ],
            },
            True,
        ),
    ],
)
def test_conditions_hold_as_their_names_say(values: Values, condition: Any, expected: bool) -> None:
    assert holds(condition, values) is expected


def test_comparing_text_with_a_number_is_an_error(values: Values) -> None:
    condition = {"Type": "LessThan", "LeftValue": {"Get": "Parameters.Name"}, "RightValue": 1}

    with pytest.raises(UnresolvedError, match=r"LessThan cannot compare 'demand' \(str\) with 1 \(int\)"):
        holds(condition, values)
