"""QualityCheck and ClarifyCheck steps: one processing job that calculates a new baseline and compares the data with the previous one.

Source: "Baseline calculation, drift detection and lifecycle with ClarifyCheck and QualityCheck steps", SageMaker Developer Guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import botocore.exceptions

from mllocal.aws import Aws
from mllocal.execution.retries import type_of_job_failure
from mllocal.execution.step_run import Result, StepFailedError, StepRun, StepStoppedError
from mllocal.jobs.literals import items, literal, when
from mllocal.s3 import S3Uri
from mllocal.sagemaker.store import Document

_BASELINE_PATH = "/opt/ml/processing/baseline"
_VIOLATIONS = "constraint_violations.json"
_MODEL_VARIABLE = "predictor_model_name"
"""Where mlp_clarify finds the model's name."""


@dataclass(frozen=True)
class CheckType:
    """A type of check: the files of its baseline, and where a model package keeps the baseline for it."""

    files: Mapping[str, str]
    drift_check_baselines: Mapping[str, tuple[str, str]]


_ANALYSIS = {"Constraints": "analysis.json"}
_CHECKS = {
    "DATA_QUALITY": CheckType(
        {"Constraints": "constraints.json", "Statistics": "statistics.json"},
        {kind: ("ModelDataQuality", kind) for kind in ("Constraints", "Statistics")},
    ),
    "MODEL_QUALITY": CheckType(
        {"Constraints": "constraints.json", "Statistics": "statistics.json"},
        {kind: ("ModelQuality", kind) for kind in ("Constraints", "Statistics")},
    ),
    "DATA_BIAS": CheckType(_ANALYSIS, {"Constraints": ("Bias", "PreTrainingConstraints")}),
    "MODEL_BIAS": CheckType(_ANALYSIS, {"Constraints": ("Bias", "PostTrainingConstraints")}),
    "MODEL_EXPLAINABILITY": CheckType(_ANALYSIS, {"Constraints": ("Explainability", "Constraints")}),
}
_CHECKS_OF_STEPS = {
    "QualityCheck": ("DATA_QUALITY", "MODEL_QUALITY"),
    "ClarifyCheck": ("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"),
}
_CHECKS_OF_MODELS = ("MODEL_BIAS", "MODEL_EXPLAINABILITY")


def unsupported_checks(step: dict[str, Any]) -> Iterator[str]:
    """A sentence for a check of this step that cannot run here; for the checks of a definition when it is created."""
    possible = _CHECKS_OF_STEPS.get(step["Type"])
    if possible is None:
        return
    check = step.get("CheckType")
    if check not in possible:
        yield f"step {step['Name']!r} of type {step['Type']!r} has CheckType {check!r}; use one of {', '.join(possible)}"
    elif check in _CHECKS_OF_MODELS and not step.get("ModelName"):
        yield f"step {step['Name']!r} of type {step['Type']!r} has CheckType {check!r} and no ModelName; give the model to ask"
    yield from _shards(step)


def _shards(step: dict[str, Any]) -> Iterator[str]:
    """Every instance analyzes what it has, and the results of the last one stay: that is right for whole datasets only."""
    count = literal(step, "Arguments", "ProcessingResources", "ClusterConfig", "InstanceCount")
    if not isinstance(count, int) or count == 1:
        return
    for item in items(step, "Arguments", "ProcessingInputs"):
        yield from when(
            item,
            ("S3Input", "S3DataDistributionType"),
            "ShardedByS3Key",
            f"step {step['Name']!r} of type {step['Type']!r}: ProcessingInputs[{item.get('InputName')!r}].S3Input."
            "S3DataDistributionType is ShardedByS3Key, and here each instance analyzes alone; use FullyReplicated or one instance",
        )


def quality_check(step_run: StepRun) -> Result:
    """Run a QualityCheck step. Raises `StepFailedError` when the job fails, or on violations if FailOnViolation is set."""
    return _Check(step_run, "QualityCheck").run()


def clarify_check(step_run: StepRun) -> Result:
    """Run a ClarifyCheck step. Raises `StepFailedError` when the job fails, or on violations if FailOnViolation is set."""
    return _Check(step_run, "ClarifyCheck").run()


class _Check:
    """One check while it runs."""

    def __init__(self, step_run: StepRun, kind: str) -> None:
        self._run = step_run
        self._kind = kind
        self._settings: dict[str, Any] = {
            name: step_run.values.resolve(value) for name, value in step_run.step.items() if name != "Arguments"
        }
        self._type = _CHECKS[self._settings["CheckType"]]
        self._metadata: Document = {
            name: self._settings.get(name)
            for name in ("CheckType", "ModelPackageGroupName", "SkipCheck", "RegisterNewBaseline")
            if self._settings.get(name) is not None
        }

    def run(self) -> Result:
        """The job, the check of its violations, and what the step leaves."""
        skips = _is_set(self._settings.get("SkipCheck"))
        registers = _is_set(self._settings.get("RegisterNewBaseline"))
        previous = {} if skips and registers else self._previous_baseline()
        arguments = self._run.arguments()
        output = S3Uri.parse(arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"])
        self._run_job(_with_baseline(self._with_model(arguments), {} if skips else previous))
        calculated = {kind: str(output / name) for kind, name in self._type.files.items()}
        used = calculated if registers else previous
        properties = {
            **{f"CalculatedBaseline{kind}": uri for kind, uri in calculated.items()},
            **{f"BaselineUsedForDriftCheck{kind}": uri for kind, uri in used.items()},
        }
        self._metadata |= properties
        if not skips:
            self._check_violations(output / _VIOLATIONS)
        return Result({self._kind: self._metadata}, properties)

    def _with_model(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The job's request with the model to ask, which the analysis configuration of a step does not name."""
        name = self._settings.get("ModelName")
        if not name:
            return arguments
        return {**arguments, "Environment": {**arguments.get("Environment", {}), _MODEL_VARIABLE: name}}

    def _previous_baseline(self) -> dict[str, str]:
        """The supplied baseline, or that of the group's newest approved version."""
        supplied = {kind: self._settings.get(f"SuppliedBaseline{kind}") for kind in self._type.files}
        registered = self._registered_baseline() if not supplied["Constraints"] else {}
        found = _present({**registered, **_present(supplied)})
        if "Constraints" not in found:
            raise StepFailedError(
                f"ClientError: there is no previous baseline for the {self._settings['CheckType']} check: SuppliedBaselineConstraints "
                "is not set, and no approved version of ModelPackageGroupName has one. "
                "Set SkipCheck and RegisterNewBaseline for the first run."
            )
        return found

    def _registered_baseline(self) -> dict[str, str]:
        group = self._settings.get("ModelPackageGroupName")
        if not group:
            return {}
        newest = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1}
        request = {"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved", **newest}
        packages = self._run.service.invoke("ListModelPackages", self._run.scope, request)["ModelPackageSummaryList"]
        if not packages:
            return {}
        package = self._run.service.store.get(packages[0]["ModelPackageArn"]) or {}
        baselines = package.get("DriftCheckBaselines", {})
        return {
            kind: baselines.get(section, {}).get(name, {}).get("S3Uri", "")
            for kind, (section, name) in self._type.drift_check_baselines.items()
        }

    def _run_job(self, arguments: dict[str, Any]) -> None:
        run = self._run
        tags = [
            {"Key": "sagemaker:pipeline-execution-arn", "Value": run.execution["PipelineExecutionArn"]},
            {"Key": "sagemaker:pipeline-step-name", "Value": run.name},
        ]
        request = {**arguments, "ProcessingJobName": run.resource_name(), "Tags": [*arguments.get("Tags", []), *tags]}
        arn = run.service.invoke("CreateProcessingJob", run.scope, request)["ProcessingJobArn"]
        self._metadata["CheckJobArn"] = arn
        run.announce({self._kind: dict(self._metadata)})
        # A stop that came before the announcement did not see this job.
        if run.stopping.is_set():
            run.service.runner.stop(arn)
        run.service.runner.wait(arn)
        job = run.service.store.get(arn) or {}
        if job["ProcessingJobStatus"] == "Stopped":
            raise StepStoppedError("ClientError: ProcessingJob was stopped")
        if job["ProcessingJobStatus"] != "Completed":
            reason = job.get("FailureReason", "ClientError: the check's processing job failed")
            raise StepFailedError(reason, type_of_job_failure(reason))

    def _check_violations(self, report: S3Uri) -> None:
        violations = self._read(report).get("violations", [])
        if not violations:
            return
        self._metadata["ViolationReport"] = str(report)
        self._run.announce({self._kind: dict(self._metadata)})
        if _is_set(self._settings.get("FailOnViolation", True)):
            first = violations[0]
            where = (
                first.get("feature_name") or first.get("label") or first.get("metric_name") or first.get("facet", "")
            )
            raise StepFailedError(
                f"ClientError: {self._settings['CheckType']} check failed with {len(violations)} violations of the baseline constraints; "
                f"the first: {where}: {first['constraint_check_type']}: {first['description']}; all are in {report}"
            )

    def _read(self, uri: S3Uri) -> Document:
        client = Aws(self._run.scope).client("s3")
        try:
            content: Document = json.loads(client.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read())
        except botocore.exceptions.ClientError as error:
            raise StepFailedError(f"ClientError: the check's processing job left no {uri}: {error}") from None
        return content


def _with_baseline(arguments: dict[str, Any], baseline: Mapping[str, str]) -> dict[str, Any]:
    """The job's request with the baseline's files as inputs, and the variables of the container contract that name them."""
    inputs = list(arguments.get("ProcessingInputs", []))
    environment = dict(arguments.get("Environment", {}))
    for kind, uri in baseline.items():
        directory = f"{_BASELINE_PATH}/{kind.lower()}"
        source = {"S3Uri": uri, "LocalPath": directory, "S3DataType": "S3Prefix", "S3InputMode": "File"}
        inputs.append({"InputName": f"baseline_{kind.lower()}", "S3Input": source})
        environment[f"baseline_{kind.lower()}"] = f"{directory}/{PurePosixPath(S3Uri.parse(uri).key).name}"
    return {**arguments, "ProcessingInputs": inputs, "Environment": environment}


def _present(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _is_set(value: object) -> bool:
    """A Boolean, which a parameter may give as text."""
    return value is True or str(value).lower() == "true"
