"""Values that several tests of the command line look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from mlp.model import Definition, Execution, ParameterSpec, StepRun

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:111122223333:pipeline/demand-forecast-training/execution/abc123"


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that knows no credentials, no region and no endpoint."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture
def definition() -> Definition:
    """A training pipeline with a parameter of each type."""

    def parameter(name: str, type_name: str, default: str | float | bool | None = None, *values: str) -> ParameterSpec:
        return ParameterSpec(
            name=name, type=type_name, default=default, has_default=default is not None, enum_values=values
        )

    return Definition(
        pipeline_name="demand-forecast-training",
        parameters=(
            parameter("InputUri", "String"),
            parameter("Loss", "String", "squared_error", "squared_error", "poisson"),
            parameter("MaxIter", "Integer", 300),
            parameter("LearningRate", "Float", 0.06),
            parameter("EarlyStop", "Boolean", True),
        ),
        graph=(),
    )


@pytest.fixture
def execution() -> Execution:
    """An execution that failed after 20 seconds."""
    return Execution(
        arn=ARN,
        pipeline_name="demand-forecast-training",
        status="Failed",
        start=NOON,
        last_change=NOON + timedelta(seconds=20),
        failure_reason="Step failure: one or multiple steps failed",
    )


@pytest.fixture
def make_step() -> Callable[..., StepRun]:
    """A succeeded processing step of five seconds; every field can be given."""

    def make(name: str = "ValidateData", **fields: object) -> StepRun:
        arn = f"arn:aws:sagemaker:us-east-1:111122223333:processing-job/pipelines-abc123-{name.lower()}"
        values: dict[str, object] = {
            "type": "ProcessingJob",
            "status": "Succeeded",
            "start": NOON,
            "end": NOON + timedelta(seconds=5),
            "failure_reason": None,
            "is_cached": False,
            "outcome": None,
            "resource_arn": arn,
        }
        return StepRun(name=name, **{**values, **fields})  # type: ignore[arg-type]

    return make
