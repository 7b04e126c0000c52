"""Inference components of the embedded AWS: copies with room on the instances of one endpoint."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from mlp.main import app
from mlscaling.measurements.history import History
from tests.local.endpoints.models import BROKEN, PATIENCE_SECONDS, create, put_config, put_model
from tests.local.endpoints.scaling import mlp
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
            "TargetValue": 2,
            "ScaleInCooldown": 60,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
            },
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
    shown = mlp(fast, "endpoints", "show", "sleeper")
    (component,) = shown["components"]
    assert component == {
        "name": "dozing",
        "variant": "AllTraffic",
        "status": "InService",
        "failure_reason": None,
        "copies": 0,
        "desired": 0,
        "minimum": 0,
        "maximum": 2,
        "policies": ["track", "wake"],
    }
    assert [(one["scaled"], one["cause"]) for one in shown["activities"]] == [("dozing", one["Cause"]) for one in done]
    listed = CliRunner().invoke(app, ["endpoints", "list", "--endpoint-url", fast.engine.endpoint_url]).stdout
    assert re.search(r"dozing +\S 0 copies +\S 0 to 2 +\S track, wake ", listed)


def test_the_command_line_asks_a_component_and_reads_its_requests(fast: Workbench, tmp_path: Path) -> None:
    host(fast, "asked", most=1)
    for label in ("one", "two"):
        put_component(fast, "asked", put_model(fast, label, LABEL=label))
    (tmp_path / "row.csv").write_text("21\n")
    counted = {"MetricName": "Invocations", "Dimensions": [{"Name": "InferenceComponentName", "Value": "two"}]}
    hour_ago = datetime.now(tz=UTC) - timedelta(hours=1)
    fast.engine.client("cloudwatch").put_metric_data(
        Namespace="AWS/SageMaker", MetricData=[{**counted, "Timestamp": hour_ago, "Value": 7.0}]
    )

    answer = mlp(fast, "endpoints", "invoke", "asked", "--payload", str(tmp_path / "row.csv"), "--component", "two")
    mlp(fast, "scaling", "history", "asked", "--component", "two", "--days", "1", "--out", str(tmp_path / "two.csv"))
    url = ["--endpoint-url", fast.engine.endpoint_url]
    history = ["scaling", "history", "asked", *url, "--out", str(tmp_path / "none.csv")]
    absent = CliRunner().invoke(app, [*history, "--component", "three"])
    both = CliRunner().invoke(app, [*history, "--component", "two", "--variant", "AllTraffic"])

    assert (json.loads(answer["body"])["label"], answer["component"]) == ("two", "two")
    assert History.read_csv(tmp_path / "two.csv").counts[0] == 7
    assert (absent.exit_code, both.exit_code) == (3, 2)
    assert "there is no component 'three'" in absent.stderr
    assert "--variant AllTraffic and --component two are given" in both.stderr


def answers(workbench: Workbench, endpoint: str, component: str) -> bool:
    """Whether a component has a copy; raises what is another error."""
    try:
        ask(workbench, endpoint, component)
    except ClientError as error:
        if "has no capacity" not in str(error):
            raise
        return False
    return True
