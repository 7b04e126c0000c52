"""The step cache: the newest successful run of the same step of the same pipeline with equal attributes is used again.

Source: the developer guide, "Caching pipeline steps", and its "Default cache key attributes by pipeline step type".
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from mllocal.errors import ApiError
from mllocal.execution.expressions import Values
from mllocal.execution.step_run import Result
from mllocal.sagemaker.store import Document, Store, scope_of

KIND = "PipelineStepCache"
CACHEABLE_STEP_TYPES = (
    "AutoML",
    "Callback",
    "ClarifyCheck",
    "EMR",
    "Lambda",
    "Processing",
    "QualityCheck",
    "Training",
    "Transform",
    "Tuning",
)
_KEY_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
}
"""Other types have no list of their own in the guide: everything that the step was given counts."""
_NOT_IN_KEY = ("CacheConfig", "DependsOn", "Description", "DisplayName", "PropertyFiles", "RetryPolicies")
_DURATION = re.compile(
    r"P?(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)
_DAY = 86_400
_SECONDS = {"years": 365 * _DAY, "months": 30 * _DAY, "weeks": 7 * _DAY, "days": _DAY, "hours": 3600, "minutes": 60}


def duration_seconds(text: str) -> float:
    """An ISO 8601 duration such as `P30D`, `PT12H` or AWS's `30dT5h`, in seconds; a year has 365 days, a month 30."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not an ISO 8601 duration; write for example P30D or PT12H")
    return sum(float(count) * _SECONDS.get(unit, 1) for unit, count in match.groupdict(default="0").items())


def key_of(step: dict[str, Any], values: Values) -> str | None:
    """What must be equal for a result to be used again; None for a step that has no key (in this execution)."""
    if step["Type"] not in CACHEABLE_STEP_TYPES:
        return None
    attributes = {name: member for name, member in step.items() if name not in _NOT_IN_KEY}
    arguments = _KEY_ARGUMENTS.get(step["Type"])
    if arguments is not None:
        attributes = {name: step["Arguments"].get(name) for name in arguments}
    try:
        resolved = values.resolve({**attributes, "Name": step["Name"], "Type": step["Type"]})
    except ApiError:
        return None  # the step itself fails with the reason
    return hashlib.sha256(json.dumps(resolved, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class CacheHit:
    """A result of an earlier execution."""

    source_execution_arn: str
    result: Result


@dataclass(frozen=True)
class StepCache:
    """The results of one pipeline's steps, one for each key: the newest."""

    store: Store
    pipeline_arn: str

    def find(self, step: dict[str, Any], key: str | None) -> CacheHit | None:
        """The result to use instead of running a step, if its `CacheConfig` asks for one and there is one young enough."""
        config = step.get("CacheConfig") or {}
        entry = self.store.get(self._arn(key)) if config.get("Enabled") and key else None
        if entry is None or time.time() - entry["Time"] > _longest_age(config):
            return None
        return CacheHit(entry["PipelineExecutionArn"], Result(entry["Metadata"], entry["Properties"]))

    def remember(self, key: str | None, execution_arn: str, result: Result) -> None:
        """Keep the result of a step that has run and succeeded."""
        if key is None:
            return
        entry = {
            "PipelineArn": self.pipeline_arn,
            "EntryArn": self._arn(key),
            "PipelineExecutionArn": execution_arn,
            "Metadata": result.metadata,
            "Properties": result.properties,
            "Time": time.time(),
        }
        with self.store.transaction():
            if not self.store.insert(KIND, self._arn(key), entry):
                self.store.update(self._arn(key), lambda document: document.update(entry))

    def forget(self) -> None:
        """Drop every result, with the pipeline they belong to."""
        for entry in self.store.find(KIND, scope_of(self.pipeline_arn)):
            if entry["PipelineArn"] == self.pipeline_arn:
                self.store.delete(entry["EntryArn"])

    def _arn(self, key: str | None) -> str:
        return f"{self.pipeline_arn}/cache/{key}"


def _longest_age(config: Document) -> float:
    return duration_seconds(config["ExpireAfter"]) if config.get("ExpireAfter") else float("inf")
