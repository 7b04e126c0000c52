"""A tracking server on the embedded AWS is the engine's own MLflow, by CloudFormation and by the API."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.local.workbench import ROLE, Workbench

NAME = "tracking"


def test_a_tracking_server_is_deployed_described_and_destroyed(workbench: Workbench) -> None:
    cloudformation, sagemaker = workbench.engine.client("cloudformation"), workbench.sagemaker
    properties = {
        "TrackingServerName": NAME,
        "TrackingServerSize": "Small",
        "ArtifactStoreUri": workbench.uri("mlflow"),
        "RoleArn": ROLE,
    }
    template = {"Resources": {"Server": {"Type": "AWS::SageMaker::MlflowTrackingServer", "Properties": properties}}}
    patience = {"Delay": 0.2, "MaxAttempts": 150}
    cloudformation.create_stack(StackName=NAME, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig=patience)

    described = sagemaker.describe_mlflow_tracking_server(TrackingServerName=NAME)
    assert described["TrackingServerArn"].endswith(f":mlflow-tracking-server/{NAME}")
    assert described["TrackingServerUrl"] == workbench.engine.mlflow_url
    url = sagemaker.create_presigned_mlflow_tracking_server_url(TrackingServerName=NAME)["AuthorizedUrl"]
    assert url == workbench.engine.mlflow_url
    listed = sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"]
    assert [it["TrackingServerName"] for it in listed] == [NAME]

    cloudformation.delete_stack(StackName=NAME)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig=patience)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_mlflow_tracking_server(TrackingServerName=NAME)
