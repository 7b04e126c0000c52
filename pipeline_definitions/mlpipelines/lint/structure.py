"""Checks of form: version, steps and their names, types and members."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.definition import Check, Definition, objects
from mlpipelines.lint.words import advice, quote

SCHEMA_VERSION = "2020-12-01"
STEP_TYPES = (
    "AutoML",
    "Callback",
    "ClarifyCheck",
    "Condition",
    "EMR",
    "EMRServerless",
    "Endpoint",
    "EndpointConfig",
    "Fail",
    "InferenceComponent",
    "Lambda",
    "Lineage",
    "Model",
    "Processing",
    "QualityCheck",
    "RegisterModel",
    "Training",
    "Transform",
    "Tuning",
)
"""Source: `StepTypeEnum` of the `sagemaker` SDK 2.257.7, and EMRServerless of SDK 3."""
TRIGGERS = ("Completed", "Failed", "Stopped", "Any")
"""Source: `TriggerCondition` of the `sagemaker` SDK 3.27."""
_STEP_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")


def version(definition: Definition) -> Iterator[str]:
    """The schema version is the only one there is."""
    if "Version" not in definition.json:
        yield f"the definition has no Version; use '{SCHEMA_VERSION}'"
    elif definition.json["Version"] != SCHEMA_VERSION:
        yield f"the definition has Version {quote(definition.json['Version'])}; use '{SCHEMA_VERSION}'"


def lists_of_objects(definition: Definition) -> Iterator[str]:
    """Steps, branches and parameters are lists of objects, and there is at least one step."""
    if not definition.json.get("Steps"):
        yield "the definition has no Steps; add at least one step"
    yield from _list_problems("Steps", definition.json.get("Steps"), "step")
    yield from _list_problems("Parameters", definition.json.get("Parameters"), "parameter")
    for label, step in definition.labelled_steps():
        arguments = step.get("Arguments")
        if step.get("Type") == "Condition" and isinstance(arguments, dict):
            for branch in ("IfSteps", "ElseSteps"):
                yield from _list_problems(f"{branch} of {label}", arguments.get(branch), "step")


def _list_problems(where: str, value: object, item_kind: str) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, list):
        yield f"{where} is {quote(value)}; use a list of {item_kind}s"
        return
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            yield f"entry {index} of {where} is {quote(item)}; each {item_kind} is a JSON object"


def step_names(definition: Definition) -> Iterator[str]:
    """Each step has a name that SageMaker takes, and no other step has it."""
    for label, step in definition.labelled_steps():
        name = step.get("Name")
        if name is None or name == "":
            yield f"{label} has no Name; give it one"
        elif not isinstance(name, str):
            yield f"{label} has Name {quote(name)}; use text"
        elif not _STEP_NAME.fullmatch(name):
            yield f"step name {quote(name)} is not allowed; use 1 to 64 letters, digits, '-' and '_'"
    names = [step.get("Name") for _, step in definition.labelled_steps()]
    counts = Counter(name for name in names if isinstance(name, str) and name)
    for name, count in counts.items():
        if count > 1:
            yield f"{count} steps have the name '{name}'; names are unique in a pipeline, branches included"


def step_types(definition: Definition) -> Iterator[str]:
    """Each step is of a known type."""
    for label, step in definition.labelled_steps():
        given = step.get("Type")
        if given is None:
            yield f"{label} has no Type; the types are {', '.join(STEP_TYPES)}"
        elif given not in STEP_TYPES:
            hint = advice(given, STEP_TYPES)
            hint = f"{hint} " if hint.startswith("did") else ""
            yield f"{label} has the unknown type {quote(given)}; {hint}the types are {', '.join(STEP_TYPES)}"


def step_arguments(definition: Definition) -> Iterator[str]:
    """Each step has an object of arguments; a few types need more than that."""
    for label, step in definition.labelled_steps():
        arguments = step.get("Arguments")
        if not isinstance(arguments, dict):
            got = "no Arguments" if arguments is None else f"Arguments {quote(arguments)}"
            yield f"{label} has {got}; give it an object"
        elif step.get("Type") == "Fail" and not isinstance(arguments.get("ErrorMessage"), str | dict):
            yield f"{label} has no ErrorMessage in its Arguments; say there why the execution fails"
        yield from _top_level_problems(label, step)


def step_members(definition: Definition) -> Iterator[str]:
    """What a step has beside its arguments is of its kind."""
    for label, step in definition.labelled_steps():
        yield from _list_problems(f"PropertyFiles of {label}", step.get("PropertyFiles"), "property file")
        for name in ("DisplayName", "Description"):
            if not isinstance(step.get(name, ""), str | None):
                yield f"{label} has {name} {quote(step[name])}; use text"


def _top_level_problems(label: str, step: JsonObject) -> Iterator[str]:
    needed = {"Lambda": "FunctionArn", "Callback": "SqsQueueUrl"}.get(str(step.get("Type")))
    if needed and not isinstance(step.get(needed), str | dict):
        yield f"{label} has no {needed} beside its Arguments; add it"
    if needed:
        yield from _output_parameter_problems(label, step)


def _output_parameter_problems(label: str, step: JsonObject) -> Iterator[str]:
    outputs = step.get("OutputParameters")
    yield from _list_problems(f"OutputParameters of {label}", outputs, "output")
    types = ("String", "Integer", "Float", "Boolean")
    for output in objects(outputs):
        name = output.get("OutputName")
        if not isinstance(name, str) or not name:
            yield f"an output of {label} has OutputName {quote(name)}; give it a name"
        if output.get("OutputType") not in types:
            given = output.get("OutputType")
            yield f"output {quote(name)} of {label} has type {quote(given)}; {advice(given, types)}"
    counts = Counter(output.get("OutputName") for output in objects(outputs) if _is_name(output))
    for name, count in counts.items():
        if count > 1:
            yield f"{label} has {count} outputs with the name '{name}'; use different names"


def _is_name(output: JsonObject) -> bool:
    return isinstance(output.get("OutputName"), str)


def depends_on(definition: Definition) -> Iterator[str]:
    """DependsOn is a list of step names, each alone or with the end that the step must come to."""
    for label, step in definition.labelled_steps():
        entries = step.get("DependsOn")
        if entries is None:
            continue
        if not isinstance(entries, list):
            yield f"{label} has DependsOn {quote(entries)}; use a list of step names"
            continue
        for entry in entries:
            name = entry.get("Step") if isinstance(entry, dict) else entry
            if not isinstance(name, str):
                yield f"{label} has {quote(entry)} in DependsOn; use the name of a step"
            elif isinstance(entry, dict) and entry.get("Trigger", TRIGGERS[0]) not in TRIGGERS:
                trigger = entry["Trigger"]
                yield f"{label} depends on step '{name}' with Trigger {quote(trigger)}; {advice(trigger, TRIGGERS)}"


CHECKS: tuple[Check, ...] = (
    version,
    lists_of_objects,
    step_names,
    step_types,
    step_arguments,
    step_members,
    depends_on,
)
