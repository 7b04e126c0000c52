"""The helpers with which the lint and the embedded engine read plain definitions."""

from __future__ import annotations

import subprocess
import sys

from mlpipelines import (
    dependencies,
    iter_places,
    iter_steps,
    own_members,
    referenced_steps,
    split_step_path,
    walk_expressions,
)
from tests.unit.mlpipelines.samples import CHECK, PIPELINE, PREDICT, TRAIN, call, definition, fork, out


def test_iter_steps_goes_into_branches_in_the_order_written() -> None:
    nested = fork("A", if_steps=[call("B"), fork("C", else_steps=[call("D")])], else_steps=[call("E")])

    names = [step["Name"] for step in iter_steps(definition(nested, call("F")))]

    assert names == ["A", "B", "C", "D", "E", "F"]


def test_iter_places_names_the_branches_around_a_step() -> None:
    nested = fork("A", if_steps=[fork("C", else_steps=[call("D")])])

    branches = {place.step["Name"]: place.branches for place in iter_places(definition(nested))}

    assert branches == {
        "A": (),
        "C": (("A", "IfSteps"),),
        "D": (("A", "IfSteps"), ("C", "ElseSteps")),
    }


def test_walk_expressions_gives_outer_before_inner() -> None:
    value = {"a": [{"Std:Join": {"On": "", "Values": [1, {"Get": "Parameters.P"}]}}], "b": {"Get": "X", "c": 1}}

    assert [next(iter(expression)) for expression in walk_expressions(value)] == ["Std:Join", "Get"]


def test_referenced_steps_finds_each_step_once() -> None:
    assert referenced_steps(TRAIN.to_json()) == ("Features",)
    assert referenced_steps(own_members(CHECK.to_json())) == ("Evaluate",)
    assert referenced_steps([{"Get": out("B")}, {"Get": out("A")}, {"Get": out("B")}]) == ("B", "A")


def test_dependencies_are_those_declared_then_those_referred_to() -> None:
    assert dependencies(PREDICT.to_json()) == ("Features", "Train", "CreateModel")


def test_dependencies_of_a_condition_leave_out_those_of_its_branches() -> None:
    step = fork("C", if_steps=[call("D", reads=[out("A")])], DependsOn=[{"Step": "B", "Trigger": "SUCCEEDED"}])

    assert dependencies(step) == ("B",)


def test_split_step_path_parts_the_step_from_what_is_read() -> None:
    assert split_step_path("Steps.A.B.C") == ("A", "B.C")
    assert split_step_path("Steps.A.Outputs['x.y'].S3Uri") == ("A", "Outputs['x.y'].S3Uri")
    assert split_step_path("Steps.A") == ("A", "")
    assert split_step_path("Parameters.A") is None
    assert split_step_path(5) is None


def test_reading_passes_over_what_is_malformed() -> None:
    assert list(iter_steps({"Steps": [1, {"Type": "Condition", "Arguments": {"IfSteps": 5}}]})) == [
        {"Type": "Condition", "Arguments": {"IfSteps": 5}}
    ]
    assert list(iter_steps(None)) == []


def test_importing_mlpipelines_loads_neither_botocore_nor_cdk() -> None:
    code = "import sys, mlpipelines; print(sorted({'botocore', 'boto3', 'aws_cdk', 'sagemaker'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_sound_pipeline_has_no_problems() -> None:
    assert PIPELINE.problems() == ()
    PIPELINE.validate()
