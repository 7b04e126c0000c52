"""What a pipeline definition means: a second, independent reading of SageMaker's documentation. Imports nothing of this project.

Sources, by title: developer guide "Pipelines overview", "Pipelines steps", "Pipeline parameters", "Pass data between steps", "Retry Policy
for Pipeline Steps", "Caching pipeline steps"; the `sagemaker` SDK's `ConditionStep`, `FailStep` and `TriggerCondition`. Where they leave
something open, the rule taken stands beside the code.

What the steps' own code does is agreed with `laboratory`: a processing container writes its variable `REPORT` to a property file and exits
with `EXIT`; the function and whoever answers callbacks give back `Returns`, or fail when `Fails` is true.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.local.random_definitions.reference_language import (
    Json,
    StepFailed,
    compare,
    equal,
    fail,
    look_up,
    output_names,
    places,
    text,
    typed,
)

TRIGGERED_BY = {"Completed": {"Succeeded"}, "Failed": {"Failed"}, "Stopped": {"Stopped"}}
TRIGGERED_BY["Any"] = {"Succeeded", "Failed", "Stopped"}
CACHED_ARGUMENTS = {"Processing": ("AppSpecification", "Environment", "ProcessingInputs")}
CACHED_TYPES = ("Processing", "Lambda", "Callback")
FAULTS = {"capacity": "SageMaker.CAPACITY_ERROR", "internal": "SageMaker.JOB_INTERNAL_ERROR"}
DEFAULT_ATTEMPTS = 5


@dataclass(frozen=True)
class Ran:
    """How a step that ran ended: its resolved arguments and what `Steps.<name>` stands for from then on."""

    status: str
    attempts: int | None = 1
    arguments: Json = None
    properties: Mapping[str, Json] = field(default_factory=dict)
    key: str | None = None


@dataclass
class Reference:
    """One execution. `variables` are its `Execution.*`, `names` what the service generated for each step, `before` an earlier execution."""

    definition: Json
    given: Mapping[str, str]
    variables: Mapping[str, str]
    names: Mapping[str, Mapping[str, Json]]
    before: Reference | None = None
    ran: dict[str, Ran] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = {place.step["Name"]: place for place in places(self.definition["Steps"])}
        self.parameters = {
            entry["Name"]: typed(entry["Type"], self.given[entry["Name"]])
            if entry["Name"] in self.given
            else entry["DefaultValue"]
            for entry in self.definition.get("Parameters", [])
        }
        self.objects: dict[str, str] = dict(self.before.objects) if self.before else {}
        while due := [name for name in self.places if name not in self.ran and self.is_due(name)]:
            for name in due:
                self.ran[name] = self.run(self.places[name].step)

    def is_due(self, name: str) -> bool:
        """All that a step waits for has ended as it should; a step in the branch not taken, and all that waits for it, never runs."""
        place = self.places[name]
        for other in place.waits_for:
            ended = self.ran.get(other)
            if ended is None or ended.status not in TRIGGERED_BY[place.triggers.get(other, "Completed")]:
                return False
        return place.condition is None or self.ran[place.condition].properties["Outcome"] == str(place.side)

    @property
    def unhandled(self) -> list[str]:
        """The failed steps that no other step is there for: a trigger other than Completed that their status lets pass."""
        failed = {name: ran.status for name, ran in self.ran.items() if ran.status != "Succeeded"}
        handled = {
            other
            for place in self.places.values()
            for entry in place.step.get("DependsOn") or []
            if isinstance(entry, dict) and (other := entry["Step"]) in failed
            if failed[other] in TRIGGERED_BY[entry.get("Trigger", "Completed")]
        }
        return [name for name in failed if name not in handled]

    @property
    def status(self) -> str:
        """How the execution ends."""
        if self.unhandled:
            return "Failed"
        return "Succeeded" if all(ran.status == "Succeeded" for ran in self.ran.values()) else "CompletedWithFailures"

    def run(self, step: Json) -> Ran:
        """What one step leaves. A step whose values cannot be resolved fails."""
        arguments, attempts, key = None, 1, self.cache_key(step)
        if step.get("CacheConfig", {}).get("Enabled") and (found := self.cached(step["Name"], key)):
            return Ran("Succeeded", None, found.arguments, found.properties, key)
        try:
            if step["Type"] == "Condition":
                outcome = all(self.holds(condition) for condition in step["Arguments"]["Conditions"])
                return Ran("Succeeded", properties={"Outcome": str(outcome)})
            arguments = self.resolve(step["Arguments"])
            check_lengths(arguments)
            if step["Type"] == "Processing":
                attempts, is_started = attempts_of(step, arguments.get("Environment", {}).get("MLP_FAULT", ""))
                if not is_started:
                    fail("the last attempt had a fault")
            properties = getattr(self, f"run_{step['Type'].lower()}")(step, arguments)
            return Ran("Succeeded", attempts, arguments, properties, key)
        except StepFailed:
            return Ran("Failed", attempts, arguments)

    def run_processing(self, step: Json, arguments: Json) -> Json:
        """A job's outputs are in S3 only when it succeeded."""
        environment = arguments.get("Environment", {})
        if environment.get("EXIT", "0") != "0":
            fail("the container's exit code")
        for output in arguments.get("ProcessingOutputConfig", {}).get("Outputs", []):
            self.objects[f"{output['S3Output']['S3Uri']}/report.json"] = environment.get("REPORT", "")
        return {**arguments, **self.names.get(step["Name"], {}), "ProcessingJobStatus": "Completed"}

    def run_model(self, step: Json, arguments: Json) -> Json:
        """A model describes itself with what it was made of."""
        return {**arguments, **self.names.get(step["Name"], {})}

    def run_registermodel(self, step: Json, arguments: Json) -> Json:
        """A version waits for its approval unless it was registered with another status."""
        return {"ModelApprovalStatus": "PendingManualApproval", **arguments, **self.names.get(step["Name"], {})}

    def run_lambda(self, step: Json, arguments: Json) -> Json:
        """The declared outputs are what the function returned."""
        if arguments["Fails"]:
            fail("the function raised an error")
        return {"OutputParameters": {name: arguments["Returns"][name] for name in output_names(step)}}

    run_callback = run_lambda

    def run_fail(self, step: Json, arguments: Json) -> Json:
        """A Fail step fails."""
        return fail(arguments["ErrorMessage"])

    def cache_key(self, step: Json) -> str | None:
        """Caching pipeline steps, default cache key attributes; types without a list there are compared whole."""
        if step["Type"] not in CACHED_TYPES:
            return None
        arguments = {
            name: step["Arguments"].get(name) for name in CACHED_ARGUMENTS.get(step["Type"], step["Arguments"])
        }
        try:
            return json.dumps([step["Name"], self.resolve(arguments)], sort_keys=True)
        except StepFailed:
            return None

    def cached(self, name: str, key: str | None) -> Ran | None:
        """The successful run of the same step with the same key in the execution before."""
        found = self.before.ran.get(name) if self.before else None
        return found if found and key and found.key == key and found.status == "Succeeded" else None

    def resolve(self, value: Json) -> Json:
        """A value with its expressions replaced."""
        match value:
            case {"Get": str(path)}:
                return self.get(path)
            case {"Std:Join": {"On": on, "Values": values}}:
                return str(on).join(text(self.resolve(part)) for part in values)
            case {"Std:JsonGet": {"Path": path, **source}}:
                return look_up(self.document(source), re.sub(r"^\$\.?", "", path))
            case dict():
                return {name: self.resolve(item) for name, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
        return value

    def get(self, path: str) -> Json:
        """`Parameters.<name>`, `Execution.<variable>` or `Steps.<step>.<path>`."""
        root, rest = path.split(".", 1)
        if root == "Parameters":
            return self.parameters[rest]
        if root == "Execution":
            return self.variables[rest]
        name, rest = rest.split(".", 1)
        return look_up(self.ran[name].properties, rest)

    def document(self, source: Json) -> Json:
        """The JSON that a `Std:JsonGet` reads: a property file in an output of its step, or an object in S3."""
        if "S3Uri" in source:
            uri = self.resolve(source["S3Uri"])
        else:
            _, name, _, file_name = source["PropertyFile"]["Get"].split(".")
            files = self.places[name].step["PropertyFiles"]
            file = next(file for file in files if file["PropertyFileName"] == file_name)
            prefix = look_up(
                self.ran[name].properties, f"ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri"
            )
            uri = f"{prefix}/{file['FilePath']}"
        try:
            return json.loads(self.objects[uri])
        except (KeyError, ValueError):
            return fail(f"{uri} has no JSON")

    def holds(self, condition: Json) -> bool:
        """The conditions of a step are joined by and, and read from the left as far as needed."""
        match condition:
            case {"Type": "Not", "Condition": inner}:
                return not self.holds(inner)
            case {"Type": "Or", "Conditions": several}:
                return any(self.holds(inner) for inner in several)
            case {"Type": "In", "QueryValue": query, "Values": values}:
                wanted = self.resolve(query)
                return any(equal(wanted, self.resolve(value)) for value in values)
        return compare(condition["Type"], self.resolve(condition["LeftValue"]), self.resolve(condition["RightValue"]))


def check_lengths(arguments: Json) -> None:
    """API reference: a request with longer texts is refused, which fails the step."""
    match arguments:
        case {"AppSpecification": {"ContainerArguments": words}, "Environment": variables}:
            texts, longest = [*words, *variables.values()], 256
        case {"PrimaryContainer": {"Environment": variables}}:
            texts, longest = list(variables.values()), 1024
        case {"InferenceSpecification": {"Containers": [{"Environment": variables}]}, "ModelPackageDescription": words}:
            texts, longest = [words, *variables.values()], 1024
        case _:
            return
    if any(len(text) > longest for text in texts):
        fail(f"more than {longest} characters")


def attempts_of(step: Json, faults: str) -> tuple[int, bool]:
    """How many jobs a step makes when the first ones fail so, and whether the last one starts.

    Each policy counts its retries, 5 when it does not say; the first one that names the failure decides.
    """
    used: Counter[int] = Counter()
    policies = step.get("RetryPolicies") or []
    words = [word.split(":") for word in faults.split()]
    for attempt, kind in enumerate([FAULTS[kind] for kind, count in words for _ in range(int(count))], start=1):
        found = next((index for index, policy in enumerate(policies) if kind in policy["ExceptionType"]), None)
        if found is None or used[found] >= policies[found].get("MaxAttempts", DEFAULT_ATTEMPTS):
            return attempt, False
        used[found] += 1
    return sum(used.values()) + 1, True
