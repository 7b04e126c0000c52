"""Serverless variants keep as many containers warm as their load asks for."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.local.endpoints.models import create, put_config, put_model
from tests.local.endpoints.scaling import load, mlp
from tests.local.endpoints.test_components import wait_until
from tests.local.workbench import Workbench

SIZE = {"MemorySizeInMB": 1024, "MaxConcurrency": 5, "ProvisionedConcurrency": 1}
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/warm/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency",
}


def warm(workbench: Workbench) -> int:
    (only,) = workbench.sagemaker.describe_endpoint(EndpointName="warm")["ProductionVariants"]
    count: int = only["CurrentServerlessConfig"]["ProvisionedConcurrency"]
    return count


def test_provisioned_concurrency_follows_its_use_out_and_in(fast: Workbench) -> None:
    model = put_model(fast, "warm", SECONDS="0.4")
    put_config(fast, "warm", {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": SIZE})
    create(fast, "warm", "warm")
    scaling = fast.engine.client("application-autoscaling")
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=3)
    scaling.put_scaling_policy(
        **TARGET,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "ScaleInCooldown": 60,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"
            },
        },
    )
    shown = mlp(fast, "endpoints", "show", "warm")["variants"]
    with load(fast, "warm", 4):
        wait_until(lambda: warm(fast) > 1)
    wait_until(lambda: warm(fast) == 1)

    shrunk, *_, grown = scaling.describe_scaling_activities(**TARGET)["ScalingActivities"]
    assert "AlarmHigh" in grown["Cause"]
    assert "AlarmLow" in shrunk["Cause"]
    (variant,) = shown
    assert (variant["instances"], variant["provisioned_concurrency"], variant["desired"]) == (None, 1, 1)
    assert (variant["minimum"], variant["maximum"], variant["policies"]) == (1, 3, ["track"])
    assert mlp(fast, "endpoints", "show", "warm")["activities"][0]["cause"] == shrunk["Cause"]
    with pytest.raises(ClientError, match="MaxConcurrency of AllTraffic"):
        fast.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="warm",
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "ServerlessUpdateConfig": {"MaxConcurrency": 9}}
            ],
        )
