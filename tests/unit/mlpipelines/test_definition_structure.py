"""The sentences for what is malformed: version, steps, names, types, members, parameters."""

from __future__ import annotations

from typing import Any

import pytest

from mlpipelines import JsonObject, problems_in
from tests.unit.mlpipelines.samples import FUNCTION, call, definition, fork, out

TYPES = (
    "AutoML, Callback, ClarifyCheck, Condition, EMR, EMRServerless, Endpoint, EndpointConfig, Fail, "
    "InferenceComponent, Lambda, Lineage, Model, Processing, QualityCheck, RegisterModel, Training, Transform, "
    "Tuning"
)


def without(value: JsonObject, name: str) -> JsonObject:
    return {key: item for key, item in value.items() if key != name}


@pytest.mark.parametrize(
    ("value", "words"), [([], "a list"), (None, "null"), ("x", "text"), (1, "a number"), (True, "a boolean")]
)
def test_a_definition_is_an_object(value: object, words: str) -> None:
    assert problems_in(value) == (f"the definition is {words}; use a JSON object with Version and Steps",)


def test_version_is_there() -> None:
    assert problems_in(without(definition(call("A")), "Version")) == (
        "the definition has no Version; use '2020-12-01'",
    )


def test_version_is_the_known_one() -> None:
    assert problems_in({**definition(call("A")), "Version": "2019-01-01"}) == (
        "the definition has Version '2019-01-01'; use '2020-12-01'",
    )


@pytest.mark.parametrize("steps", [[], None])
def test_there_is_at_least_one_step(steps: object) -> None:
    assert problems_in({"Version": "2020-12-01", "Steps": steps}) == (
        "the definition has no Steps; add at least one step",
    )


def test_steps_are_a_list() -> None:
    assert problems_in({"Version": "2020-12-01", "Steps": {"a": 1}}) == ('Steps is {"a": 1}; use a list of steps',)


def test_each_step_is_an_object() -> None:
    assert problems_in(definition(call("A"), 5)) == ("entry 1 of Steps is 5; each step is a JSON object",)


def test_each_step_of_a_branch_is_an_object() -> None:
    assert problems_in(definition(fork("A", if_steps=["B"]))) == (
        "entry 0 of IfSteps of step 'A' is 'B'; each step is a JSON object",
    )


def test_each_step_has_a_name() -> None:
    assert problems_in(definition(call("A"), without(call("B"), "Name"))) == ("step number 2 has no Name; give it one",)


def test_a_step_name_is_text() -> None:
    assert problems_in(definition({**call("A"), "Name": 5})) == ("step number 1 has Name 5; use text",)


@pytest.mark.parametrize("name", ["Train model", "a" * 65, "Train.1"])
def test_a_step_name_has_only_allowed_characters(name: str) -> None:
    shown = f"'{name}'" if len(name) < 60 else f"'{'a' * 56}..."
    assert problems_in(definition(call(name))) == (
        f"step name {shown} is not allowed; use 1 to 64 letters, digits, '-' and '_'",
    )


def test_step_names_are_unique_over_branches() -> None:
    assert problems_in(definition(call("A"), fork("B", if_steps=[call("A")]))) == (
        "2 steps have the name 'A'; names are unique in a pipeline, branches included",
    )


def test_each_step_has_a_type() -> None:
    assert problems_in(definition(without(call("A"), "Type"))) == (f"step 'A' has no Type; the types are {TYPES}",)


def test_an_unknown_type_gets_a_suggestion() -> None:
    assert problems_in(definition({**call("A"), "Type": "Lambada"})) == (
        f"step 'A' has the unknown type 'Lambada'; did you mean 'Lambda'? the types are {TYPES}",
    )


def test_an_unknown_type_like_no_other_gets_the_list() -> None:
    assert problems_in(definition({**call("A"), "Type": {"x": 1}})) == (
        f"step 'A' has the unknown type {{\"x\": 1}}; the types are {TYPES}",
    )


def test_each_step_has_arguments() -> None:
    assert problems_in(definition(without(call("A"), "Arguments"))) == ("step 'A' has no Arguments; give it an object",)


def test_arguments_are_an_object() -> None:
    assert problems_in(definition({**call("A"), "Arguments": [1]})) == (
        "step 'A' has Arguments [1]; give it an object",
    )


def test_a_fail_step_says_why() -> None:
    assert problems_in(definition({"Name": "A", "Type": "Fail", "Arguments": {}})) == (
        "step 'A' has no ErrorMessage in its Arguments; say there why the execution fails",
    )


def test_a_lambda_step_has_a_function() -> None:
    assert problems_in(definition(without(call("A"), "FunctionArn"))) == (
        "step 'A' has no FunctionArn beside its Arguments; add it",
    )


def test_a_callback_step_has_a_queue() -> None:
    assert problems_in(definition({"Name": "A", "Type": "Callback", "Arguments": {}})) == (
        "step 'A' has no SqsQueueUrl beside its Arguments; add it",
    )


def test_an_output_parameter_has_a_name_and_a_known_type() -> None:
    outputs = [{"OutputName": "", "OutputType": "String"}, {"OutputName": "x", "OutputType": "Integr"}]

    assert problems_in(definition(call("A", OutputParameters=outputs))) == (
        "an output of step 'A' has OutputName ''; give it a name",
        "output 'x' of step 'A' has type 'Integr'; did you mean 'Integer'?",
    )


def test_output_parameters_have_different_names() -> None:
    outputs = [{"OutputName": "x", "OutputType": "String"}] * 2

    assert problems_in(definition(call("A", OutputParameters=outputs))) == (
        "step 'A' has 2 outputs with the name 'x'; use different names",
    )


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"PropertyFiles": "report"}, "PropertyFiles of step 'A' is 'report'; use a list of property files"),
        ({"PropertyFiles": [5]}, "entry 0 of PropertyFiles of step 'A' is 5; each property file is a JSON object"),
        ({"DisplayName": 5}, "step 'A' has DisplayName 5; use text"),
        ({"Description": []}, "step 'A' has Description []; use text"),
    ],
)
def test_what_a_step_has_beside_its_arguments_is_of_its_kind(members: dict[str, Any], sentence: str) -> None:
    assert problems_in(definition(call("A", **members))) == (sentence,)


def test_depends_on_is_a_list() -> None:
    assert problems_in(definition(call("A"), call("B", DependsOn="A"))) == (
        "step 'B' has DependsOn 'A'; use a list of step names",
    )


def test_depends_on_holds_step_names() -> None:
    assert problems_in(definition(call("A"), call("B", DependsOn=[5, {"Step": "A"}]))) == (
        "step 'B' has 5 in DependsOn; use the name of a step",
    )


def test_all_problems_come_at_once_and_each_once() -> None:
    broken = definition(call("A", reads=[out("X"), out("X")]), {**call("A"), "FunctionArn": FUNCTION})

    assert problems_in(broken) == (
        "2 steps have the name 'A'; names are unique in a pipeline, branches included",
        "step 'A' refers to step 'X', which the pipeline does not have; use 'A'",
    )


def test_a_parameter_has_a_name() -> None:
    assert problems_in(definition(call("A"), parameters=[{"Type": "String"}])) == (
        "parameter number 1 has Name null; give it a name",
    )


def test_a_parameter_name_has_only_allowed_characters() -> None:
    assert problems_in(definition(call("A"), parameters=[{"Name": "in uri", "Type": "String"}])) == (
        "parameter name 'in uri' is not allowed; use up to 256 letters, digits, '-' and '_'",
    )


def test_parameters_have_different_names() -> None:
    assert problems_in(definition(call("A"), parameters=[{"Name": "P", "Type": "String"}] * 2)) == (
        "2 parameters have the name 'P'; use different names",
    )


def test_a_parameter_has_a_type() -> None:
    assert problems_in(definition(call("A"), parameters=[{"Name": "P"}])) == (
        "parameter 'P' has no Type; use one of 'String', 'Integer', 'Float', 'Boolean'",
    )


def test_a_parameter_has_a_known_type() -> None:
    assert problems_in(definition(call("A"), parameters=[{"Name": "P", "Type": "Int"}])) == (
        "parameter 'P' has type 'Int'; did you mean 'Integer'?",
    )


@pytest.mark.parametrize(
    ("type_name", "default", "shown"),
    [("Integer", "3", "'3'"), ("Integer", True, "true"), ("String", 3, "3"), ("Boolean", 0, "0")],
)
def test_a_default_is_of_the_type_of_its_parameter(type_name: str, default: object, shown: str) -> None:
    parameter = {"Name": "P", "Type": type_name, "DefaultValue": default}

    assert problems_in(definition(call("A"), parameters=[parameter])) == (
        f"parameter 'P' has type {type_name} and the default {shown}; use one type",
    )


def test_a_whole_number_is_a_good_default_of_a_float() -> None:
    assert problems_in(definition(call("A"), parameters=[{"Name": "P", "Type": "Float", "DefaultValue": 1}])) == ()


def test_enum_values_are_of_the_type_of_their_parameter() -> None:
    parameter = {"Name": "P", "Type": "String", "EnumValues": ["a", 1]}

    assert problems_in(definition(call("A"), parameters=[parameter])) == (
        "parameter 'P' has type String and 1 in EnumValues; use one type",
    )


@pytest.mark.parametrize(("choices", "shown"), [([], "[]"), ("a", "'a'")])
def test_enum_values_are_a_list_with_something_in_it(choices: object, shown: str) -> None:
    parameter = {"Name": "P", "Type": "String", "EnumValues": choices}

    assert problems_in(definition(call("A"), parameters=[parameter])) == (
        f"parameter 'P' has EnumValues {shown}; use a list of values",
    )


def test_a_default_is_one_of_the_enum_values() -> None:
    parameter = {"Name": "P", "Type": "String", "DefaultValue": "c", "EnumValues": ["daily", "weekly"]}

    assert problems_in(definition(call("A"), parameters=[parameter])) == (
        "parameter 'P' has the default 'c', which is none of its EnumValues; use one of 'daily', 'weekly'",
    )


def test_a_trigger_is_one_of_four() -> None:
    def problems(trigger: str) -> tuple[str, ...]:
        return problems_in(definition(call("A"), call("B", DependsOn=[{"Step": "A", "Trigger": trigger}])))

    assert problems("Failed") == ()
    assert problems("Faild") == ("step 'B' depends on step 'A' with Trigger 'Faild'; did you mean 'Failed'?",)
