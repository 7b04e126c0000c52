"""Which MLflow app `mlp ui` opens on AWS, where each project has one of its own; SageMaker's answers are botocore stubs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from mlp.errors import CliError
from mlp.target import AwsTarget

ARN = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-"


@dataclass(frozen=True)
class Session:
    """A session with one client, whatever it is asked for."""

    sagemaker: Any

    def client(self, service: str, **options: Any) -> Any:
        return self.sagemaker


def opened(*apps: str, app: str | None = None) -> str:
    """Which of these apps is opened: the URL that SageMaker answers names it."""
    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    made = {"Status": "Created", "CreationTime": datetime(2026, 11, 24, tzinfo=UTC)}
    asked: list[str] = []
    client.meta.events.register(
        "provide-client-params.sagemaker.CreatePresignedMlflowAppUrl", lambda params, **_: asked.append(params["Arn"])
    )
    with Stubber(client) as stub:
        stub.add_response("list_mlflow_apps", {"Summaries": [{"Name": it, "Arn": f"{ARN}{it}", **made} for it in apps]})
        stub.add_response("create_presigned_mlflow_app_url", {"AuthorizedUrl": "https://mlflow"})
        assert AwsTarget(session=Session(client)).experiments_url(app) == "https://mlflow"
    return asked[0].removeprefix(ARN)


def test_the_stores_app_is_the_one_unless_another_is_named() -> None:
    assert opened("mlp-pricing", "mlp-experiments", "mlp-ranking") == "mlp-experiments"
    assert opened("mlp-pricing", "mlp-experiments", app="mlp-pricing") == "mlp-pricing"


def test_the_only_app_is_the_one() -> None:
    assert opened("mlp-pricing") == "mlp-pricing"


def test_without_the_stores_one_of_several_has_to_be_named() -> None:
    with pytest.raises(CliError, match="there are 2 MLflow apps: mlp-pricing, mlp-ranking"):
        opened("mlp-ranking", "mlp-pricing")
