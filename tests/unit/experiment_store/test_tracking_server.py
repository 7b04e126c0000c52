"""An MLflow tracking server in place of the app: in the template, in what is granted, and in how it is addressed."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from mlplatform import ExperimentStore, TrackingServer
from mlplatform.experiment_store.runtime.capture.mlflow_api import Mlflow
from tests.unit.servers import ACCOUNT, REGION

SCOPE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"


def synthesized(**options: Any) -> Template:
    stack = Stack(App(analytics_reporting=False), "Stack", env=Environment(account=ACCOUNT, region=REGION))
    ExperimentStore(stack, "Store", **options)
    return Template.from_stack(stack)


def granted(template: Template) -> list[dict[str, Any]]:
    return [
        statement
        for role in template.find_resources("AWS::IAM::Role").values()
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Sid"] == "UseMlflow"
    ]


def test_a_store_has_an_app_unless_a_server_is_asked_for() -> None:
    template = synthesized()

    template.resource_count_is("AWS::SageMaker::MlflowApp", 1)
    template.resource_count_is("AWS::SageMaker::MlflowTrackingServer", 0)


def test_a_tracking_server_takes_the_place_of_the_app_and_deletes_nothing() -> None:
    template = synthesized(tracking_server=TrackingServer(size="Medium", mlflow_version="3.0"))

    template.resource_count_is("AWS::SageMaker::MlflowApp", 0)
    template.has_resource_properties(
        "AWS::SageMaker::MlflowTrackingServer",
        {"TrackingServerName": "mlp-experiments", "TrackingServerSize": "Medium", "MlflowVersion": "3.0"},
    )
    (statement,) = granted(template)
    assert all(action.startswith("sagemaker-mlflow:") for action in statement["Action"])
    assert not [action for action in statement["Action"] if "Delete" in action]
    (server,) = template.find_resources("AWS::SageMaker::MlflowTrackingServer")
    assert statement["Resource"] == [{"Fn::GetAtt": [server, "TrackingServerArn"]}]


@pytest.mark.parametrize(
    ("resource", "endpoint", "service", "header"),
    [
        ("mlflow-app/app-X", "https://mlflow.sagemaker.us-east-1.app.aws", "sagemaker", "x-sm-mlflow-app-arn"),
        (
            "mlflow-tracking-server/mlp",
            "https://us-east-1.experiments.sagemaker.aws",
            "sagemaker-mlflow",
            "x-mlflow-sm-tracking-server-arn",
        ),
    ],
)
def test_each_kind_is_addressed_and_signed_as_the_plugin_does(
    resource: str, endpoint: str, service: str, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = Mlflow(f"{SCOPE}:{resource}")

    assert (client._endpoint, client._signer._service_name) == (endpoint, service)
    assert client._arn_header == {header: f"{SCOPE}:{resource}"}
