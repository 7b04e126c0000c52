"""How pipelines, expressions and conditions render, and that equal pipelines render to equal bytes."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpipelines import (
    CURRENT_DATE_TIME,
    PIPELINE_EXECUTION_ARN,
    PIPELINE_NAME,
    START_DATE_TIME,
    Equals,
    Get,
    GreaterThan,
    GreaterThanOrEqualTo,
    In,
    Join,
    JsonGet,
    LessThan,
    Not,
    Or,
    Parameter,
    Pipeline,
    RetryPolicy,
)
from tests.unit.mlpipelines.samples import PIPELINE, RESOLVE, TRAIN


def test_pipeline_has_version_parameters_and_steps_in_the_order_given() -> None:
    definition = PIPELINE.definition()

    assert {name: definition[name] for name in definition if name != "Steps"} == {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [
            {"Name": "InputUri", "Type": "String", "DefaultValue": "s3://data/in/"},
            {"Name": "LearningRate", "Type": "Float", "DefaultValue": 0.06},
        ],
        "PipelineExperimentConfig": None,
    }
    assert [step["Name"] for step in definition["Steps"]] == [step.name for step in PIPELINE.steps]


def test_parameter_without_default_is_required_and_lists_its_values() -> None:
    assert Parameter(name="Mode", enum_values=("a", "b")).declaration() == {
        "Name": "Mode",
        "Type": "String",
        "EnumValues": ["a", "b"],
    }


def test_parameter_keeps_a_default_that_is_false_or_zero() -> None:
    assert Parameter(name="N", type="Integer", default=0).declaration()["DefaultValue"] == 0
    assert Parameter(name="B", type="Boolean", default=False).declaration()["DefaultValue"] is False


def test_execution_variables_read_from_the_execution() -> None:
    variables = (PIPELINE_EXECUTION_ARN, PIPELINE_NAME, START_DATE_TIME, CURRENT_DATE_TIME)

    assert [variable.path for variable in variables] == [
        "Execution.PipelineExecutionArn",
        "Execution.PipelineName",
        "Execution.StartDateTime",
        "Execution.CurrentDateTime",
    ]


def test_joins_nest() -> None:
    assert Join(on="", values=("a", Join(values=("b", 1)))).to_json() == {
        "Std:Join": {"On": "", "Values": ["a", {"Std:Join": {"On": "/", "Values": ["b", 1]}}]}
    }


def test_json_get_reads_a_property_file() -> None:
    assert JsonGet(step="Evaluate", property_file="evaluation", path="a.b").to_json() == {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.evaluation"}, "Path": "a.b"}
    }


@pytest.mark.parametrize("comparison", [Equals, GreaterThan, GreaterThanOrEqualTo, LessThan])
def test_comparisons_have_a_left_and_a_right_value(comparison: type[Equals]) -> None:
    assert comparison(Get("Parameters.N"), 2).to_json() == {
        "Type": comparison.__name__,
        "LeftValue": {"Get": "Parameters.N"},
        "RightValue": 2,
    }


def test_in_not_and_or_combine_conditions() -> None:
    assert Or((Not(In(Get("Parameters.N"), ("a", "b"))), Equals(True, False))).to_json() == {
        "Type": "Or",
        "Conditions": [
            {
                "Type": "Not",
                "Condition": {"Type": "In", "QueryValue": {"Get": "Parameters.N"}, "Values": ["a", "b"]},
            },
            {"Type": "Equals", "LeftValue": True, "RightValue": False},
        ],
    }


def test_a_retry_time_replaces_the_number_of_attempts() -> None:
    policy = RetryPolicy(exception_types=("Step.THROTTLING",), expire_after_minutes=30).to_json()

    assert policy["ExpireAfterMin"] == 30
    assert "MaxAttempts" not in policy


def test_rendering_is_the_definition_as_json() -> None:
    assert json.loads(PIPELINE.render()) == PIPELINE.definition()


def test_rendering_refuses_numbers_that_json_does_not_have() -> None:
    pipeline = Pipeline(name="p", steps=(dataclasses.replace(RESOLVE, inputs={"x": float("nan")}),))

    with pytest.raises(ValueError, match="JSON compliant"):
        pipeline.render()


@given(
    st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans()), min_size=2),
    st.randoms(use_true_random=False),
)
def test_equal_pipelines_render_to_equal_bytes(values: dict[str, str | int | bool], rng: random.Random) -> None:
    """Maps carry no order of their own, so the order they were written in must not show."""
    items = list(values.items())
    rng.shuffle(items)

    def pipeline(mapping: dict[str, str | int | bool]) -> Pipeline:
        tags = {key: str(value) for key, value in mapping.items()}
        train = dataclasses.replace(TRAIN, hyperparameters=mapping, environment=mapping, tags=tags)
        return Pipeline(name="p", steps=(train, dataclasses.replace(RESOLVE, inputs=mapping)))

    assert pipeline(values) == pipeline(dict(items))
    assert pipeline(values).render() == pipeline(dict(items)).render()
