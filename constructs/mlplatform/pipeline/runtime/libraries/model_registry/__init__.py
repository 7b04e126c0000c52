"""Which model version predicts, and what stands beside it: for the runs of batch inference, and for endpoints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Json = Mapping[str, Any]


class NoModelError(Exception):
    """There is no version to predict with; the message says what to do."""


class ModelKind(Enum):
    """How a version is found."""

    NEWEST_APPROVED = "newest_approved"
    PINNED = "pinned"
    CHAMPION_CHALLENGER = "champion_challenger"


@dataclass(frozen=True)
class ModelChoice:
    """How a version is found; a pinned one has a `version`."""

    kind: ModelKind = ModelKind.NEWEST_APPROVED
    version: int | None = None


@dataclass(frozen=True)
class Model:
    """A version of the registry, as who predicts with it needs it. URIs of baselines are empty where it was registered without."""

    arn: str
    version: int
    model_data_uri: str
    image_uri: str
    statistics_uri: str = ""
    constraints_uri: str = ""


@dataclass(frozen=True)
class Registry:
    """One model package group."""

    sagemaker: Any
    group: str

    def choose(self, choice: ModelChoice) -> tuple[Model, Model | None]:
        """The version to publish with, and the one to compare it with, if that is asked for and there is one.

        Raises NoModelError when there is nothing to publish with.
        """
        if choice.kind is ModelKind.PINNED:
            return self._pinned(choice.version), None
        champion = self._newest_approved()
        if choice.kind is ModelKind.NEWEST_APPROVED:
            return champion, None
        waiting = next(self._versions(ModelApprovalStatus="PendingManualApproval"), None)
        newer = waiting is not None and waiting["ModelPackageVersion"] > champion.version
        return champion, self._model(waiting["ModelPackageArn"]) if waiting is not None and newer else None

    def _newest_approved(self) -> Model:
        approved = next(self._versions(ModelApprovalStatus="Approved"), None)
        if approved is not None:
            return self._model(approved["ModelPackageArn"])
        waiting = next(self._versions(), None)
        if waiting is None:
            raise NoModelError(
                f"NoApprovedModel: model package group '{self.group}' has no version; run the project's training "
                "pipeline, then approve the version that it registers"
            )
        raise NoModelError(
            f"NoApprovedModel: no version of model package group '{self.group}' is approved; approve one, for example: "
            f"aws sagemaker update-model-package --model-package-arn {waiting['ModelPackageArn']} "
            "--model-approval-status Approved"
        )

    def _pinned(self, version: int | None) -> Model:
        arns = {found["ModelPackageVersion"]: found["ModelPackageArn"] for found in self._versions()}
        if version not in arns:
            known = f"it has {min(arns)} to {max(arns)}" if arns else "it has none"
            raise NoModelError(
                f"NoApprovedModel: model package group '{self.group}' has no version {version}; {known}: pin another"
            )
        return self._model(arns[version])

    def _versions(self, **filters: str) -> Iterator[Json]:
        """The versions that pass the filters, newest first."""
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.group, SortBy="CreationTime", SortOrder="Descending", **filters
        )
        for page in pages:
            yield from page["ModelPackageSummaryList"]

    def _model(self, arn: str) -> Model:
        package = self.sagemaker.describe_model_package(ModelPackageName=arn)
        container = package["InferenceSpecification"]["Containers"][0]
        data = container.get("ModelDataUrl") or container["ModelDataSource"]["S3DataSource"]["S3Uri"]
        baselines = _baselines(package)
        return Model(
            arn=arn,
            version=package["ModelPackageVersion"],
            model_data_uri=data,
            image_uri=container["Image"],
            statistics_uri=baselines.get("Statistics", {}).get("S3Uri", ""),
            constraints_uri=baselines.get("Constraints", {}).get("S3Uri", ""),
        )


def _baselines(package: Json) -> Json:
    """Data quality as it was registered for checks of drift, or else as it was measured on the training data."""
    for found in (package.get("DriftCheckBaselines", {}), package.get("ModelMetrics", {})):
        if quality := found.get("ModelDataQuality"):
            return dict(quality)
    return {}
