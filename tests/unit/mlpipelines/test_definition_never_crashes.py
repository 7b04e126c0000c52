"""Whatever JSON comes in, sentences come out."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlpipelines import dependencies, iter_places, problems_in
from tests.unit.mlpipelines.samples import PIPELINE

# Words of the format, so that nonsense gets past the first checks.
# fmt: off
WORDS = (
    "Version", "Parameters", "Steps", "Name", "Type", "Arguments", "DependsOn", "Conditions", "Condition",
    "IfSteps", "ElseSteps", "Get", "Std:Join", "Std:JsonGet", "PropertyFile", "PropertyFiles", "Path", "On",
    "Values", "QueryValue", "LeftValue", "RightValue", "OutputParameters", "OutputName", "RetryPolicies",
    "ExceptionType", "CacheConfig", "Enabled", "DefaultValue", "EnumValues", "Or", "Not", "In", "Lambda",
    "Fail", "Training", "Processing", "Steps.Train.x", "Steps.", "Parameters.InputUri",
)
# fmt: on
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(WORDS))
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=5))
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=20,
)


def is_sentences(problems: object) -> bool:
    return isinstance(problems, tuple) and all(isinstance(problem, str) and problem for problem in problems)


@given(json_values)
def test_any_json_value_gives_sentences(value: object) -> None:
    assert is_sentences(problems_in(value))


@given(st.lists(json_values, max_size=3), st.lists(json_values, max_size=3))
def test_any_steps_and_parameters_give_sentences(steps: list[object], parameters: list[object]) -> None:
    value = {"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}

    assert is_sentences(problems_in(value))


@settings(deadline=None)
@given(st.data())
def test_a_sound_definition_with_any_part_replaced_gives_sentences(data: st.DataObject) -> None:
    """The mutations reach the checks that nonsense from the outside in would never reach."""
    value: Any = copy.deepcopy(PIPELINE.definition())
    for _ in range(data.draw(st.integers(1, 3))):
        part = value
        while True:
            key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
            inner = part[key]
            if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 3)) == 0:
                part[key] = data.draw(json_values)
                break
            part = inner

    assert is_sentences(problems_in(value))
    assert all(isinstance(dependencies(place.step), tuple) for place in iter_places(value))


def test_a_very_deep_definition_gives_sentences() -> None:
    """Deeper than Python's own recursion goes."""
    deep: object = {"Get": "Steps.Nowhere.x"}
    steps: object = []
    condition: object = {"Type": "Equals", "LeftValue": deep, "RightValue": 1}
    for depth in range(1_500):
        deep = {"Std:Join": {"On": "", "Values": [deep]}}
        condition = {"Type": "Not", "Condition": condition}
        arguments = {"Conditions": [condition] if depth == 1_499 else [], "IfSteps": steps}
        steps = [{"Name": f"S{depth}", "Type": "Condition", "Arguments": arguments}]
    experiment = {"ExperimentName": deep, "TrialName": [deep]}

    problems = problems_in({"Version": "2020-12-01", "Steps": steps, "PipelineExperimentConfig": experiment})

    assert "the pipeline refers to step 'Nowhere', which the pipeline does not have" in "\n".join(problems)
