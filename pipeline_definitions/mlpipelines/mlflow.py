"""MLflow in the jobs of a pipeline: where `mlflow.autolog()` logs to, and how its runs are told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from mlpipelines.expressions import JsonObject
from mlpipelines.reading import iter_steps

EXECUTION_TAG, STEP_TAG = "mlplatform.execution", "mlplatform.step"
"""Tags of a run that a job made: the execution's id and the step's name, which name the job."""


@dataclass(frozen=True, kw_only=True)
class MlflowConfig:
    """The MLflow app or tracking server of a pipeline, by ARN, and the experiment of its runs."""

    resource_arn: str
    experiment_name: str

    def to_json(self) -> JsonObject:
        """The member `MlflowConfig` of a definition, as the `sagemaker` SDK writes it."""
        return {"MlflowResourceArn": self.resource_arn, "MlflowExperimentName": self.experiment_name}


def with_mlflow(definition: JsonObject, default: MlflowConfig | None) -> JsonObject:
    """Have the jobs of a definition log to MLflow, the definition's own if it names one. Changes the definition.

    Jobs get the variables that MLflow itself reads: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, and in MLFLOW_RUN_CONTEXT the
    tags of every run that they make. What a job says itself stays. Tags that name the execution would make every run of a cached
    step a new one, as its environment is part of the cache's key (SageMaker AI developer guide, "Default cache key attributes by
    pipeline step type"), and those of a tuning step would be the same for all its jobs: neither has them.
    """
    config = definition.get("MlflowConfig") or (None if default is None else default.to_json())
    if not isinstance(config, dict):
        return definition
    definition["MlflowConfig"] = config
    for step in iter_steps(definition):
        for job, has_tags in _jobs(step):
            variables = {
                "MLFLOW_TRACKING_URI": config.get("MlflowResourceArn"),
                "MLFLOW_EXPERIMENT_NAME": config.get("MlflowExperimentName"),
                **({"MLFLOW_RUN_CONTEXT": _tags(str(step.get("Name")))} if has_tags else {}),
            }
            said = job.get("Environment")
            if said is None or isinstance(said, dict):
                job["Environment"] = {**{name: value for name, value in variables.items() if value}, **(said or {})}
    return definition


def _jobs(step: JsonObject) -> Iterator[tuple[JsonObject, bool]]:
    """The requests in which a step's jobs get their environment, and whether a run of theirs can name the step's one job."""
    request = step.get("Arguments")
    if not isinstance(request, dict):
        return
    if step.get("Type") in ("Processing", "Training"):
        cache = step.get("CacheConfig")
        yield request, not (isinstance(cache, dict) and cache.get("Enabled"))
    elif step.get("Type") == "Tuning":
        several = request.get("TrainingJobDefinitions")
        for job in (request.get("TrainingJobDefinition"), *(several if isinstance(several, list) else ())):
            if isinstance(job, dict):
                yield job, False


def _tags(step: str) -> JsonObject:
    """JSON text with the id of the execution that runs the step; short, since a variable of a processing job has 256 characters."""
    head, tail = json.dumps({EXECUTION_TAG: "|", STEP_TAG: step}, separators=(",", ":")).split("|")
    return {"Std:Join": {"On": "", "Values": [head, {"Get": "Execution.PipelineExecutionId"}, tail]}}
