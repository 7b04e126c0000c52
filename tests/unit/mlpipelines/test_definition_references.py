"""The sentences for what expressions refer to and is not there."""

from __future__ import annotations

import dataclasses

import pytest

from mlpipelines import Get, JsonObject, Pipeline, PipelineDefinitionError, PropertyFile, problems_in
from tests.unit.mlpipelines.samples import (
    EVALUATE,
    FEATURES,
    INPUT_URI,
    LEARNING_RATE,
    PIPELINE,
    TRAIN,
    call,
    definition,
    fork,
    out,
)


def with_steps(*steps: JsonObject) -> tuple[str, ...]:
    """Problems of the features step followed by these."""
    parameters = [INPUT_URI.declaration(), LEARNING_RATE.declaration()]
    return problems_in(definition(FEATURES.to_json(), *steps, parameters=parameters))


def test_a_reference_names_a_step_of_the_pipeline() -> None:
    assert problems_in(definition(call("Features"), call("B", reads=[out("Featurs")]))) == (
        "step 'B' refers to step 'Featurs', which the pipeline does not have; did you mean 'Features'?",
    )


def test_a_reference_into_processing_names_one_of_its_outputs() -> None:
    step = call("Train", reads=[FEATURES.output_uri("x").path])

    assert with_steps(step) == (
        "step 'Train' refers to output 'x' of step 'Features', which has outputs 'train', 'test'; use one of those",
    )


def test_a_reference_into_a_lambda_step_names_its_output() -> None:
    assert problems_in(definition(call("A"), call("B", reads=["Steps.A.OutputParameters['arn']"]))) == (
        "step 'B' refers to output 'arn' of step 'A', which has the output 'out'; use that one",
    )


def test_a_reference_to_an_output_of_a_step_without_outputs_says_so() -> None:
    assert problems_in(definition(call("A", OutputParameters=[]), call("B", reads=[out("A")]))) == (
        "step 'B' refers to output 'out' of step 'A', which has no outputs; add it to that step",
    )


def test_a_reference_names_a_property_file_of_the_step() -> None:
    wrong = call("B", reads=[])
    wrong["Arguments"] = {
        "x": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.metrics"}, "Path": "a"}}
    }
    evaluate = dataclasses.replace(EVALUATE, inputs=()).to_json()

    assert with_steps(evaluate, wrong) == (
        "step 'B' refers to property file 'metrics' of step 'Evaluate', which has the property file "
        "'evaluation'; use that one",
    )


def test_a_property_file_lies_in_an_output_of_its_step() -> None:
    files = (PropertyFile(name="evaluation", output_name="evaluaton", path="evaluation.json"),)

    assert with_steps(dataclasses.replace(EVALUATE, inputs=(), property_files=files).to_json()) == (
        "property file 'evaluation' of step 'Evaluate' lies in its output 'evaluaton', which has the output "
        "'evaluation'; use that one",
    )


def test_a_property_file_has_a_name_and_a_path() -> None:
    evaluate = dataclasses.replace(EVALUATE, inputs=()).to_json()
    evaluate["PropertyFiles"] = [{"OutputName": "evaluation"}]

    assert with_steps(evaluate) == (
        'step \'Evaluate\' has the property file {"OutputName": "evaluation"}; give it PropertyFileName and FilePath',
    )


def test_a_reference_names_a_parameter_of_the_pipeline() -> None:
    parameters = [{"Name": "InputUri", "Type": "String"}]

    assert problems_in(definition(call("A", reads=["Parameters.InputURI"]), parameters=parameters)) == (
        "step 'A' refers to parameter 'InputURI', which the pipeline does not have; did you mean 'InputUri'?",
    )


def test_a_reference_to_a_parameter_of_a_pipeline_without_any_says_so() -> None:
    assert problems_in(definition(call("A", reads=["Parameters.P"]))) == (
        "step 'A' refers to parameter 'P', which the pipeline does not have; there are none",
    )


def test_a_reference_names_a_variable_that_executions_have() -> None:
    assert problems_in(definition(call("A", reads=["Execution.PipelineExecutionID"]))) == (
        "step 'A' refers to execution variable 'PipelineExecutionID'; did you mean 'PipelineExecutionId'?",
    )


def test_a_reference_starts_with_steps_parameters_or_execution() -> None:
    assert problems_in(definition(call("A", reads=["Parameter.P"]))) == (
        "step 'A' has the reference 'Parameter.P'; "
        "use 'Steps.<step>.<path>', 'Parameters.<name>' or 'Execution.<variable>'",
    )


def test_a_reference_is_text() -> None:
    assert problems_in(definition({**call("A"), "Arguments": {"x": {"Get": 5}}})) == (
        "step 'A' has the reference 5; use 'Steps.<step>.<path>', 'Parameters.<name>' or 'Execution.<variable>'",
    )


@pytest.mark.parametrize("path", ["Steps.A", "Steps", "Steps."])
def test_a_reference_to_a_step_names_what_it_reads(path: str) -> None:
    assert problems_in(definition(call("A"), call("B", reads=[path]))) == (
        f"step 'B' has the reference '{path}'; use 'Steps.<step>.<path>'",
    )


def test_a_step_does_not_refer_to_itself() -> None:
    assert problems_in(definition(call("A", reads=[out("A")]))) == (
        "step 'A' refers to its own 'OutputParameters['out']'; refer to another step",
    )


def test_a_fail_step_has_nothing_to_refer_to() -> None:
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}

    assert problems_in(definition(fail, call("A", reads=["Steps.Stop.ErrorMessage"]))) == (
        "step 'A' refers to step 'Stop', which is of type Fail and has no outputs; use another step",
    )


def test_conditions_are_searched_for_references() -> None:
    wrong = {"Type": "Equals", "LeftValue": {"Get": out("X")}, "RightValue": 1}
    condition = fork("Check", conditions=[{"Type": "Not", "Condition": wrong}])

    assert problems_in(definition(condition)) == (
        "step 'Check' refers to step 'X', which the pipeline does not have; use 'Check'",
    )


def test_fail_messages_and_nested_branches_are_searched_for_references() -> None:
    message = {"Std:Join": {"On": " ", "Values": ["was", {"Get": out("X")}]}}
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}

    assert problems_in(definition(fork("Outer", else_steps=[fork("Inner", if_steps=[fail])]))) == (
        "step 'Stop' refers to step 'X', which the pipeline does not have; use one of 'Outer', 'Inner', 'Stop'",
    )


def test_what_stands_beside_the_steps_is_searched_for_references() -> None:
    experiment = {"ExperimentName": {"Get": "Parameters.P"}, "TrialName": {"Get": "Execution.PipelineName"}}

    assert problems_in({**definition(call("A")), "PipelineExperimentConfig": experiment}) == (
        "the pipeline refers to parameter 'P', which the pipeline does not have; there are none",
    )


def test_depends_on_names_a_step_of_the_pipeline() -> None:
    assert problems_in(definition(call("Alpha"), call("B", DependsOn=["Alhpa"]))) == (
        "step 'B' depends on step 'Alhpa', which the pipeline does not have; did you mean 'Alpha'?",
    )


def test_a_step_does_not_depend_on_itself() -> None:
    assert problems_in(definition(call("A", DependsOn=["A"]))) == ("step 'A' has itself in DependsOn; remove it",)


@pytest.mark.parametrize(
    ("operand", "sentences"),
    [
        ({"On": "/"}, ("step 'A' has a Std:Join without a list of Values; add it",)),
        (
            {"On": 1, "Values": []},
            ("step 'A' has a Std:Join whose On is not text; use the text to put between the values",),
        ),
    ],
)
def test_a_join_has_values_and_text_between_them(operand: object, sentences: tuple[str, ...]) -> None:
    assert problems_in(definition({**call("A"), "Arguments": {"x": {"Std:Join": operand}}})) == sentences


@pytest.mark.parametrize(
    ("operand", "sentence"),
    [
        (
            {"PropertyFile": {"Get": "Parameters.P"}},
            "step 'A' has a Std:JsonGet without a Path; give the JSONPath of the value",
        ),
        ({"Path": "a"}, "step 'A' has a Std:JsonGet without a PropertyFile; give it one"),
        (
            {"PropertyFile": {"Get": "Parameters.P"}, "Path": "a"},
            "step 'A' has a Std:JsonGet of 'Parameters.P'; use 'Steps.<step>.PropertyFiles.<name>'",
        ),
    ],
)
def test_a_json_get_has_a_property_file_and_a_path(operand: object, sentence: str) -> None:
    parameters = [{"Name": "P", "Type": "String"}]
    broken = definition({**call("A"), "Arguments": {"x": {"Std:JsonGet": operand}}}, parameters=parameters)

    assert sentence in problems_in(broken)


def test_validate_raises_all_problems_at_once() -> None:
    wrong = dataclasses.replace(TRAIN, output_s3_uri=Get("Steps.Nowhere.x"), depends_on=("Missing",))
    pipeline = Pipeline(name="demand", steps=(FEATURES, wrong), parameters=PIPELINE.parameters)

    with pytest.raises(PipelineDefinitionError) as caught:
        pipeline.validate()

    assert caught.value.problems == (
        "step 'Train' depends on step 'Missing', which the pipeline does not have; use one of 'Features', 'Train'",
        "step 'Train' refers to step 'Nowhere', which the pipeline does not have; use one of 'Features', 'Train'",
    )
    assert str(caught.value).startswith("pipeline 'demand' has 2 problems:\n  - step 'Train' depends on")
