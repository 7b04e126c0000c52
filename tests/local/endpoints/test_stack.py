"""An endpoint with its scaling as one stack: created, changed, rolled back and deleted, with what is behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.local.endpoints.models import BROKEN, invoke, put_model
from tests.local.endpoints.scaling import load, wait_for_capacity
from tests.local.workbench import IMAGE, ROLE, Workbench


def template(data: str, config: str, *, minimum: int = 1, label: str = "") -> str:
    variables = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "LABEL": label,
    }
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/AllTraffic"},
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "MinCapacity": minimum,
        "MaxCapacity": "3",
        "Tags": [{"Key": "owner", "Value": "team"}],
    }
    dimensions = [{"Name": "EndpointName", "Value": "stacked"}, {"Name": "VariantName", "Value": "AllTraffic"}]
    resources: dict[str, Any] = {
        "Model": _resource(
            "SageMaker::Model",
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": data, "Environment": variables},
        ),
        "Config": _resource(
            "SageMaker::EndpointConfig",
            EndpointConfigName=config,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": "1",
                    "InitialVariantWeight": 1,
                }
            ],
        ),
        "Endpoint": _resource(
            "SageMaker::Endpoint",
            EndpointName="stacked",
            EndpointConfigName={"Fn::GetAtt": ["Config", "EndpointConfigName"]},
            RetainAllVariantProperties=True,
        ),
        "Target": _resource("ApplicationAutoScaling::ScalableTarget", **target),
        "Policy": _resource(
            "ApplicationAutoScaling::ScalingPolicy",
            PolicyName="jump",
            PolicyType="StepScaling",
            ScalingTargetId={"Ref": "Target"},
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ExactCapacity",
                "StepAdjustments": [{"MetricIntervalLowerBound": "0", "ScalingAdjustment": "3"}],
            },
        ),
        "Alarm": _resource(
            "CloudWatch::Alarm",
            Namespace="AWS/SageMaker",
            MetricName="InvocationsPerInstance",
            Dimensions=dimensions,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            Threshold=100,
            AlarmActions=[{"Ref": "Policy"}],
        ),
    }
    return json.dumps({"Resources": resources})


def _resource(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{name}", "Properties": properties}


def deploy(workbench: Workbench, action: str, body: str | None) -> None:
    cloudformation = workbench.engine.client("cloudformation")
    request = {} if body is None else {"TemplateBody": body}
    getattr(cloudformation, f"{action}_stack")(StackName="stacked", **request)
    cloudformation.get_waiter(f"stack_{action}_complete").wait(
        StackName="stacked", WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
    )


def test_a_stack_makes_an_endpoint_that_serves_scales_and_goes(fast: Workbench) -> None:
    put_model(fast, "good")
    put_model(fast, "broken", BROKEN)
    good, broken = fast.uri("good/model.tar.gz"), fast.uri("broken/model.tar.gz")
    deploy(fast, "create", template(good, "first", label="first"))
    first = invoke(fast, "stacked")["label"]
    scaling = fast.engine.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    tags = scaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"]
    with load(fast, "stacked", 8):
        wait_for_capacity(fast, "stacked", 3)

    deploy(fast, "update", template(good, "second", label="second"))
    second = invoke(fast, "stacked")["label"]
    wait_for_capacity(fast, "stacked", 3)
    with pytest.raises(WaiterError):
        deploy(fast, "update", template(broken, "third"))
    third = invoke(fast, "stacked")["label"]
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in fast.engine.client("cloudformation").describe_stack_events(StackName="stacked")["StackEvents"]
    ]
    deploy(fast, "delete", None)

    assert (first, second, third) == ("first", "second", "second")
    assert any("did not pass the ping health check" in reason for reason in reasons)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        fast.sagemaker.describe_endpoint(EndpointName="stacked")
    assert fast.sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert tags == {"owner": "team"}
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
