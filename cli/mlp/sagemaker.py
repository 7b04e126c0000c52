"""SageMaker as this command line uses it: boto3 contained in a few typed calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mlp.errors import CliError, ExitCode, not_found
from mlp.model import (
    Definition,
    Execution,
    ModelVersion,
    PipelineRow,
    StepRun,
    definition_of,
    execution_of,
    model_version_of,
    step_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlp.target import Target

_MISSING = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
_EXECUTION_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]+:\d{12}:pipeline/[^/]+/execution/[^/]+")


class SageMaker:
    """Pipelines, executions and model versions of one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client = target.client("sagemaker")

    def pipeline_names(self) -> tuple[str, ...]:
        return tuple(sorted(item["PipelineName"] for item in self._pages("list_pipelines", "PipelineSummaries")))

    def pipelines(self) -> tuple[PipelineRow, ...]:
        """Every pipeline with its newest execution."""
        return tuple(PipelineRow(name=name, last=self.last_execution(name)) for name in self.pipeline_names())

    def definition(self, pipeline: str) -> Definition:
        """Raises CliError with the names that exist when there is no such pipeline."""
        try:
            return definition_of(self._client.describe_pipeline(PipelineName=pipeline))
        except ClientError as error:
            if not _is_missing(error):
                raise
            raise self._no_pipeline(pipeline) from error

    def start(self, pipeline: str, parameters: Mapping[str, str]) -> str:
        """Start a new execution and return its ARN; boto3 makes a fresh client request token each time."""
        listed = [{"Name": name, "Value": value} for name, value in parameters.items()]
        answer = self._client.start_pipeline_execution(PipelineName=pipeline, PipelineParameters=listed)
        return str(answer["PipelineExecutionArn"])

    def stop(self, execution_arn: str) -> None:
        self._client.stop_pipeline_execution(PipelineExecutionArn=execution_arn)

    def execution(self, execution_arn: str) -> Execution:
        return execution_of(self._client.describe_pipeline_execution(PipelineExecutionArn=execution_arn))

    def last_execution(self, pipeline: str) -> Execution | None:
        try:
            answer = self._client.list_pipeline_executions(
                PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
            )
        except ClientError as error:
            if not _is_missing(error):
                raise
            raise self._no_pipeline(pipeline) from error
        newest = [execution_of(item) for item in answer["PipelineExecutionSummaries"]]
        # The summary does not say when the execution ended; the description does.
        return self.execution(newest[0].arn) if newest else None

    def find_execution(self, name: str) -> Execution:
        """The execution meant by an ARN, `<pipeline>/<execution id>`, or a pipeline (then the newest)."""
        if name.startswith("arn:"):
            return self._execution_at(self._checked_arn(name))
        pipeline, separator, execution_id = name.partition("/")
        if separator:
            return self._find_by_id(pipeline, execution_id)
        last = self.last_execution(pipeline)
        if last is None:
            fix = f"start one with `mlp run {pipeline}`"
            raise CliError(f"pipeline '{pipeline}' has not run yet", fix=fix, exit_code=ExitCode.NOT_FOUND)
        return last

    def follower(self, execution: Execution) -> Execution | None:
        """The execution that the platform started in the place of this one, on another machine or on demand; None if there is none yet."""
        names = [execution.pipeline_name, *self.on_demand_pipeline(execution)]
        summaries = (
            self._pages("list_pipeline_executions", "PipelineExecutionSummaries", PipelineName=name) for name in names
        )
        started = (execution_of(item) for found in summaries for item in found)
        return next((one for one in started if one.follows(execution)), None)

    def on_demand_pipeline(self, execution: Execution) -> list[str]:
        """The pipeline to which executions like this move when spot capacity would come too late, if there is one."""
        return [name for name in self.pipeline_names() if name == f"{execution.pipeline_name}-on-demand"]

    def steps(self, execution_arn: str) -> tuple[StepRun, ...]:
        """The steps that have begun, in the order they did."""
        items = self._pages(
            "list_pipeline_execution_steps",
            "PipelineExecutionSteps",
            PipelineExecutionArn=execution_arn,
            SortOrder="Ascending",
        )
        return tuple(step_of(item) for item in items)

    def model_versions(self, group: str) -> tuple[ModelVersion, ...]:
        """The versions of a model package group, newest first. Raises CliError when there is no such one."""
        groups = [
            str(item["ModelPackageGroupName"])
            for item in self._pages("list_model_package_groups", "ModelPackageGroupSummaryList")
        ]
        if group not in groups:
            raise not_found("model package group", group, known=groups, where=self._target.label)
        found = (
            model_version_of(item)
            for item in self._pages("list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=group)
        )
        return tuple(sorted(found, key=lambda version: version.version, reverse=True))

    def comparison(self, model_package_arn: str) -> str | None:
        """How a version compares with the one in production when it was registered, as `TrainingPipeline` says it."""
        package = self._client.describe_model_package(ModelPackageName=model_package_arn)
        sentence: str | None = package.get("CustomerMetadataProperties", {}).get("comparison")
        return sentence

    def approve(self, model_package_arn: str, *, description: str) -> None:
        self._client.update_model_package(
            ModelPackageArn=model_package_arn, ModelApprovalStatus="Approved", ApprovalDescription=description
        )

    def _execution_at(self, arn: str) -> Execution:
        try:
            return self.execution(arn)
        except ClientError as error:
            if not _is_missing(error):
                raise
            fix = f"list the last executions with `mlp pipelines`; {self._target.label} was asked"
            raise CliError(f"there is no execution '{arn}'", fix=fix, exit_code=ExitCode.NOT_FOUND) from error

    def _find_by_id(self, pipeline: str, execution_id: str) -> Execution:
        try:
            pages = self._pages("list_pipeline_executions", "PipelineExecutionSummaries", PipelineName=pipeline)
        except ClientError as error:
            if not _is_missing(error):
                raise
            raise self._no_pipeline(pipeline) from error
        found = (execution_of(item) for item in pages)
        match = next((item for item in found if item.arn.rsplit("/", 1)[-1] == execution_id), None)
        if match is None:
            fix = f"`mlp logs {pipeline}` takes the newest execution"
            cause = f"pipeline '{pipeline}' has no execution '{execution_id}'"
            raise CliError(cause, fix=fix, exit_code=ExitCode.NOT_FOUND)
        return self.execution(match.arn)

    def _checked_arn(self, arn: str) -> str:
        if not _EXECUTION_ARN.fullmatch(arn):
            fix = "it reads arn:aws:sagemaker:<region>:<account>:pipeline/<pipeline>/execution/<id>"
            raise CliError(f"'{arn}' is not an execution ARN", fix=fix, exit_code=ExitCode.BAD_INPUT)
        return arn

    def _no_pipeline(self, name: str) -> CliError:
        return not_found("pipeline", name, known=self.pipeline_names(), where=self._target.label)

    def _pages(self, operation: str, key: str, **arguments: str) -> list[Mapping[str, Any]]:
        pages = self._client.get_paginator(operation).paginate(**arguments)
        return [item for page in pages for item in page[key]]


def _is_missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _MISSING
