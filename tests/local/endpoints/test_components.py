"""Inference components of the embedded AWS: copies with room on the instances of one endpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.endpoints.models import BROKEN, PATIENCE_SECONDS, create, put_config, put_model
from tests.local.workbench import ROLE, Workbench

MEMORY_MB = 1024


def hosting_variant(least: int, most: int, **members: Any) -> dict[str, Any]:
    """A variant without a model, of `ml.m5.large`: 2 vCPUs, 8 GiB."""
    managed = {"Status": "ENABLED", "MinInstanceCount": least, "MaxInstanceCount": most}
    return {
        "VariantName": "AllTraffic",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": max(least, 1),
        "ManagedInstanceScaling": managed,
        **members,
    }


def host(workbench: Workbench, name: str, least: int = 0, most: int = 2, **members: Any) -> dict[str, Any]:
    put_config(workbench, name, hosting_variant(least, most, **members), ExecutionRoleArn=ROLE)
    return create(workbench, name, name)


def specification(model: str, cpus: int = 1, **members: Any) -> dict[str, Any]:
    needs = {"NumberOfCpuCoresRequired": cpus, "MinMemoryRequiredInMb": MEMORY_MB}
    return {"ModelName": model, "ComputeResourceRequirements": needs, **members}


def put_component(workbench: Workbench, endpoint: str, model: str, copies: int = 1, cpus: int = 1) -> dict[str, Any]:
    """A component called after its model, at rest."""
    workbench.sagemaker.create_inference_component(
        InferenceComponentName=model,
        EndpointName=endpoint,
        VariantName="AllTraffic",
        Specification=specification(model, cpus),
        RuntimeConfig={"CopyCount": copies},
    )
    return at_rest(workbench, model)


def scale(workbench: Workbench, name: str, copies: int) -> dict[str, Any]:
    workbench.sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
    )
    return at_rest(workbench, name)


def at_rest(workbench: Workbench, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def rests() -> bool:
        found.update(workbench.sagemaker.describe_inference_component(InferenceComponentName=name))
        return found["InferenceComponentStatus"] in ("InService", "Failed")

    wait_until(rests)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {PATIENCE_SECONDS} seconds")
        time.sleep(0.05)


def instances(workbench: Workbench, endpoint: str) -> int:
    (only,) = workbench.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
    count: int = only["CurrentInstanceCount"]
    return count


def ask(workbench: Workbench, endpoint: str, component: str) -> str:
    """The label of the model that answered."""
    answer = workbench.engine.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, InferenceComponentName=component, ContentType="text/csv", Body="21"
    )
    label: str = json.loads(answer["Body"].read())["label"]
    return label


def test_models_share_the_instances_of_one_endpoint(fast: Workbench) -> None:
    host(fast, "shared", most=1)
    for label in ("red", "blue"):
        put_component(fast, "shared", put_model(fast, label, LABEL=label))
    listed = fast.sagemaker.list_inference_components(EndpointNameEquals="shared")["InferenceComponents"]
    streams = fast.engine.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/InferenceComponents/red")

    assert [ask(fast, "shared", label) for label in ("red", "blue")] == ["red", "blue"]
    assert {component["InferenceComponentName"] for component in listed} == {"red", "blue"}
    assert instances(fast, "shared") == 1
    assert len(streams["logStreams"]) == 1
    with pytest.raises(ClientError, match="Inference Component Name header is required"):
        fast.engine.client("sagemaker-runtime").invoke_endpoint(EndpointName="shared", Body="1")
    with pytest.raises(ClientError, match="delete them first"):
        fast.sagemaker.delete_endpoint(EndpointName="shared")


def test_copies_bring_instances_and_what_finds_no_room_is_told(fast: Workbench) -> None:
    host(fast, "filling", most=2)
    put_component(fast, "filling", put_model(fast, "large"), cpus=2)
    grown = scale(fast, "large", 2)
    count = instances(fast, "filling")
    full = scale(fast, "large", 3)
    late = put_component(fast, "filling", put_model(fast, "late"))

    assert (grown["RuntimeConfig"], count) == ({"DesiredCopyCount": 2, "CurrentCopyCount": 2}, 2)
    assert (full["InferenceComponentStatus"], full["RuntimeConfig"]["CurrentCopyCount"]) == ("InService", 2)
    assert "not enough hardware resources" in full["FailureReason"]
    assert late["InferenceComponentStatus"] == "Failed"
    scale(fast, "large", 0)
    wait_until(lambda: instances(fast, "filling") == 0)
    with pytest.raises(ClientError, match="Inference Component has no capacity to process this request"):
        ask(fast, "filling", "large")
    scale(fast, "large", 1)
    assert ask(fast, "filling", "large") == ""


def test_an_update_brings_new_copies_before_old_ones_go_and_a_broken_one_goes_back(fast: Workbench) -> None:
    host(fast, "changing", most=2)
    put_component(fast, "changing", put_model(fast, "first", LABEL="first"), copies=2)
    put_model(fast, "second", LABEL="second")
    put_model(fast, "broken", BROKEN)
    batch = {
        "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}
    }
    seen = []
    for model in ("second", "broken"):
        fast.sagemaker.update_inference_component(
            InferenceComponentName="first", Specification=specification(model), DeploymentConfig=batch
        )
        component = at_rest(fast, "first")
        seen.append((ask(fast, "changing", "first"), component["RuntimeConfig"]["CurrentCopyCount"]))

    assert seen == [("second", 2), ("second", 2)]
    assert component["Specification"]["ModelName"] == "second"
    assert component["FailureReason"]


def test_what_components_cannot_be_is_refused(fast: Workbench) -> None:
    host(fast, "strict")
    put_model(fast, "any")
    with pytest.raises(ClientError, match="does no adapters"):
        fast.sagemaker.create_inference_component(
            InferenceComponentName="adapter",
            EndpointName="strict",
            Specification=specification("any", BaseInferenceComponentName="other"),
        )
    with pytest.raises(ClientError, match="scale its inference components"):
        fast.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="strict",
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}],
        )
    with pytest.raises(ClientError, match="ExecutionRoleArn is missing"):
        put_config(fast, "roleless", hosting_variant(0, 1))


def test_copies_wake_from_zero_for_a_request_and_go_when_nobody_asks(fast: Workbench) -> None:
    host(fast, "sleeper", most=1)
    put_component(fast, "sleeper", put_model(fast, "dozing"), copies=0)
    scaling, dimension = fast.engine.client("application-autoscaling"), "sagemaker:inference-component:DesiredCopyCount"
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/dozing",
        "ScalableDimension": dimension,
    }
    scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2)
    scaling.put_scaling_policy(
        **target,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 600,
            "ScaleInCooldown": 60,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"},
        },
    )
    wake = scaling.put_scaling_policy(
        **target,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    fast.engine.client("cloudwatch").put_metric_alarm(
        AlarmName="dozing-has-no-copy",
        Namespace="AWS/SageMaker",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": "dozing"}],
        Statistic="Maximum",
        Period=30,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        TreatMissingData="missing",
        AlarmActions=[wake["PolicyARN"]],
    )

    wait_until(lambda: answers(fast, "sleeper", "dozing"))
    wait_until(lambda: instances(fast, "sleeper") == 0)

    done = scaling.describe_scaling_activities(**target)["ScalingActivities"]
    assert [(one["StatusCode"], one["Description"][-2:]) for one in done] == [
        ("Successful", "0."),
        ("Successful", "1."),
    ]
    assert "dozing-has-no-copy" in done[1]["Cause"]
    assert "AlarmLow" in done[0]["Cause"]


def answers(workbench: Workbench, endpoint: str, component: str) -> bool:
    """Whether a component has a copy; raises what is another error."""
    try:
        ask(workbench, endpoint, component)
    except ClientError as error:
        if "has no capacity" not in str(error):
            raise
        return False
    return True
