"""Checks that what expressions refer to is there: steps, outputs, property files, parameters, variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.definition import Check, Definition, member, names_in, objects
from mlpipelines.lint.words import advice, listing, quote
from mlpipelines.reading import depends_on, split_step_path, walk_expressions

EXECUTION_VARIABLES = (
    "CurrentDateTime",
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionId",
    "PipelineName",
    "ProcessingJobName",
    "StartDateTime",
    "TrainingJobName",
)
"""Source: `ExecutionVariables` of the `sagemaker` SDK 2.257.7."""
_NAMED_OUTPUT = re.compile(r"(?P<of>ProcessingOutputConfig\.Outputs|OutputParameters)\[['\"](?P<name>.*?)['\"]\]")
_FORM = "use 'Steps.<step>.<path>', 'Parameters.<name>' or 'Execution.<variable>'"


def steps_waited_for(definition: Definition) -> Iterator[str]:
    """The steps in DependsOn are there, and none waits for itself."""
    for label, step in definition.labelled_steps():
        for name in dict.fromkeys(depends_on(step)):
            if name == step.get("Name"):
                yield f"{label} has itself in DependsOn; remove it"
            elif name not in definition.place_of:
                hint = advice(name, definition.place_of)
                yield f"{label} depends on step {quote(name)}, which the pipeline does not have; {hint}"


def expressions(definition: Definition) -> Iterator[str]:
    """What every expression refers to is there."""
    around = {name: value for name, value in definition.json.items() if name not in ("Steps", "Parameters")}
    yield from _problems_of("the pipeline", None, walk_expressions(around), definition)
    for label, step, inside in definition.expressions:
        yield from _problems_of(label, step.get("Name"), inside, definition)


def _problems_of(label: str, name: object, inside: Iterable[JsonObject], definition: Definition) -> Iterator[str]:
    for expression in inside:
        ((function, operand),) = expression.items()
        if function == "Std:Join":
            yield from _join_problems(label, operand)
        elif function == "Std:JsonGet":
            yield from _json_get_problems(label, operand)
        elif not isinstance(operand, str):
            yield f"{label} has the reference {quote(operand)}; {_FORM}"
        else:
            yield from _get_problems(label, name, operand, definition)


def _join_problems(label: str, operand: object) -> Iterator[str]:
    if not isinstance(member(operand, "Values"), list):
        yield f"{label} has a Std:Join without a list of Values; add it"
    if not isinstance(operand, dict) or not isinstance(operand.get("On", ""), str):
        yield f"{label} has a Std:Join whose On is not text; use the text to put between the values"


def _json_get_problems(label: str, operand: object) -> Iterator[str]:
    source = member(operand, "PropertyFile", "Get")
    if not isinstance(member(operand, "Path"), str):
        yield f"{label} has a Std:JsonGet without a Path; give the JSONPath of the value"
    if source is None and member(operand, "S3Uri") is None:
        yield f"{label} has a Std:JsonGet without a PropertyFile; give it one"
    elif isinstance(source, str) and ".PropertyFiles." not in source:
        yield f"{label} has a Std:JsonGet of {quote(source)}; use 'Steps.<step>.PropertyFiles.<name>'"


def _get_problems(label: str, own_name: object, path: str, definition: Definition) -> Iterator[str]:
    root, _, rest = path.partition(".")
    if root == "Parameters":
        if rest not in definition.parameters:
            hint = advice(rest, definition.parameters)
            yield f"{label} refers to parameter {quote(rest)}, which the pipeline does not have; {hint}"
    elif root == "Execution":
        if rest not in EXECUTION_VARIABLES:
            yield f"{label} refers to execution variable {quote(rest)}; {advice(rest, EXECUTION_VARIABLES)}"
    elif root == "Steps":
        yield from _step_reference_problems(label, own_name, path, definition)
    elif path not in ("PipelineExperimentConfig.ExperimentName", "PipelineExperimentConfig.TrialName"):
        yield f"{label} has the reference {quote(path)}; {_FORM}"


def _step_reference_problems(label: str, own_name: object, path: str, definition: Definition) -> Iterator[str]:
    name, rest = split_step_path(path) or ("", "")
    if not rest:
        yield f"{label} has the reference {quote(path)}; use 'Steps.<step>.<path>'"
        return
    if name == own_name:
        yield f"{label} refers to its own {quote(rest)}; refer to another step"
        return
    place = definition.place_of.get(name)
    if place is None:
        hint = advice(name, definition.place_of)
        yield f"{label} refers to step {quote(name)}, which the pipeline does not have; {hint}"
    elif place.step.get("Type") == "Fail":
        yield f"{label} refers to step '{name}', which is of type Fail and has no outputs; use another step"
    else:
        yield from _output_problems(label, name, rest, place.step)


def _output_problems(label: str, name: str, path: str, step: JsonObject) -> Iterator[str]:
    if path.startswith("PropertyFiles."):
        known, what, wanted = (
            names_in(step.get("PropertyFiles"), "PropertyFileName"),
            "property file",
            path[14:],
        )
    elif named := _NAMED_OUTPUT.match(path):
        known, what, wanted = _outputs(step, named["of"]), "output", named["name"]
    else:
        return
    if wanted not in known:
        yield f"{label} refers to {what} {quote(wanted)} of step '{name}', {_what_there_is(what, known)}"


def _outputs(step: JsonObject, of: str) -> list[str]:
    if of == "OutputParameters":
        return names_in(step.get("OutputParameters"), "OutputName")
    return names_in(member(step, "Arguments", "ProcessingOutputConfig", "Outputs"), "OutputName")


def _what_there_is(what: str, known: list[str]) -> str:
    if not known:
        return f"which has no {what}s; add it to that step"
    if len(known) == 1:
        return f"which has the {what} '{known[0]}'; use that one"
    return f"which has {what}s {listing(known)}; use one of those"


def property_files(definition: Definition) -> Iterator[str]:
    """A property file lies in an output that its step has."""
    for label, step in definition.labelled_steps():
        outputs = _outputs(step, "ProcessingOutputConfig.Outputs")
        for entry in objects(step.get("PropertyFiles")):
            name, output = entry.get("PropertyFileName"), entry.get("OutputName")
            if not isinstance(name, str) or not isinstance(entry.get("FilePath"), str):
                yield f"{label} has the property file {quote(entry)}; give it PropertyFileName and FilePath"
            if output not in outputs:
                there_is = _what_there_is("output", outputs)
                yield f"property file {quote(name)} of {label} lies in its output {quote(output)}, {there_is}"


CHECKS: tuple[Check, ...] = (
    steps_waited_for,
    expressions,
    property_files,
)
