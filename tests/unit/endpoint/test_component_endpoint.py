"""`ComponentEndpoint`: models as inference components, with what each may use, how it scales, and what is refused."""

from __future__ import annotations

import json

import pytest

from mlplatform import ComponentEndpoint, InferenceComponent, InvalidPropsError, MlProject, PinnedVersion
from mlscaling import Scaling, Signal, Step, StepIn, StepScaleIn, StepScaling
from tests.unit.endpoint.endpoints import of, statements
from tests.unit.pipeline.synthesis import Synthesized, flat

COMPONENT = "AWS::SageMaker::InferenceComponent"


def test_the_configuration_has_instances_without_a_model_that_come_and_go(endpoints: Synthesized) -> None:
    config = of(endpoints, "AWS::SageMaker::EndpointConfig", "SharedConfig")
    (variant,) = config["ProductionVariants"]
    assert "ModelName" not in variant
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3}
    assert flat(config["ExecutionRoleArn"]).startswith("<ProjectSharedRole")
    assert config["EnableNetworkIsolation"] is True
    assert config["VpcConfig"]["Subnets"] == ["subnet-01234567"]
    assert flat(config["KmsKeyId"]).startswith("<ProjectKey")


def test_each_component_has_its_model_its_room_and_its_copies(endpoints: Synthesized) -> None:
    prices = of(endpoints, COMPONENT, "SharedpricesComponent")
    stocks = of(endpoints, COMPONENT, "SharedstocksComponent")
    assert [it["InferenceComponentName"] for it in (prices, stocks)] == ["demo-shared-prices", "demo-shared-stocks"]
    assert [it["RuntimeConfig"]["CopyCount"] for it in (prices, stocks)] == [1, 2]
    assert stocks["Specification"]["ComputeResourceRequirements"] == {
        "MinMemoryRequiredInMb": 2048,
        "NumberOfCpuCoresRequired": 1,
    }
    assert flat(stocks["Specification"]["ModelName"]).startswith("<ProjectSharedstocksModel")
    assert flat(stocks["EndpointName"]).startswith("<ProjectShared")


def test_a_new_version_goes_back_by_the_alarms_of_its_own_component(endpoints: Synthesized) -> None:
    deployment = of(endpoints, COMPONENT, "SharedpricesComponent")["DeploymentConfig"]
    assert deployment["RollingUpdatePolicy"]["WaitIntervalInSeconds"] == 300
    named = [flat(it["AlarmName"]) for it in deployment["AutoRollbackConfiguration"]["Alarms"]]
    assert [name.startswith("<ProjectSharedAlarmsprices") for name in named] == [True, True]
    alarm = of(endpoints, "AWS::CloudWatch::Alarm", "SharedAlarmspricesServerErrors")
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": "demo-shared-prices"}]


def test_who_follows_approvals_updates_the_components_that_are_not_pinned_and_no_endpoint(
    endpoints: Synthesized,
) -> None:
    found = statements(endpoints, "SharedModelsFunctionRole")
    assert "UpdateTheEndpoint" not in found
    updated = [arn.rpartition(":")[2] for arn in found["UpdateComponents"]["Resource"]]
    assert updated == ["inference-component/demo-shared-prices"]
    settings = json.loads(flat(_function(endpoints, "SharedModelsFunction")["ENDPOINT"]))
    component = of(endpoints, COMPONENT, "SharedpricesComponent")
    (update,) = settings["components"].values()
    assert update["DeploymentConfig"]["RollingUpdatePolicy"] == component["DeploymentConfig"]["RollingUpdatePolicy"]
    assert "RuntimeConfig" not in update


def test_it_hears_of_approvals_and_a_clock_takes_the_place_of_events_that_there_are_not(
    endpoints: Synthesized,
) -> None:
    assert of(endpoints, "AWS::Events::Rule", "SharedModelsClock")["ScheduleExpression"] == "rate(5 minutes)"
    assert of(endpoints, "AWS::Events::Rule", "SharedModelsApprovals")["EventPattern"]["detail"]


def test_what_is_captured_is_said_by_the_configuration_and_written_under_the_endpoints_prefix(
    endpoints: Synthesized,
) -> None:
    capture = of(endpoints, "AWS::SageMaker::EndpointConfig", "SharedConfig")["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 5
    (written,) = statements(endpoints, "SharedRole")["WriteBelowItsPrefix"]["Resource"]
    assert written.endswith("/demo-shared/captured/*")


def test_the_path_of_the_http_api_ends_in_the_components_own_name(endpoints: Synthesized) -> None:
    route = of(endpoints, "AWS::ApiGatewayV2::Route", "SharedApiRoute")
    assert route["RouteKey"] == "POST /invocations/{component}"
    settings = json.loads(_function(endpoints, "SharedApiFunction")["API"])
    assert settings["components"] == {"prices": "demo-shared-prices", "stocks": "demo-shared-stocks"}
    found = statements(endpoints, "SharedApiFunctionRole")
    assert [arn.rpartition(":")[2] for arn in found["Invoke"]["Resource"]] == [
        "endpoint/demo-shared",
        "inference-component/demo-shared-prices",
        "inference-component/demo-shared-stocks",
    ]
    assert {"LookAtComponents", "ReadServedModels"} < set(found)
    assert "ReadServedEndpointConfigs" not in found


def _function(endpoints: Synthesized, start: str) -> dict[str, str]:
    variables: dict[str, str] = of(endpoints, "AWS::Lambda::Function", start)["Environment"]["Variables"]
    return variables


def test_a_component_that_goes_to_zero_is_woken_and_told_of_if_it_never_wakes(endpoints: Synthesized) -> None:
    target = of(endpoints, "AWS::ApplicationAutoScaling::ScalableTarget", "SharedpricesScalingTarget")
    assert (target["ResourceId"], target["MinCapacity"]) == ("inference-component/demo-shared-prices", 0)
    waking = of(endpoints, "AWS::CloudWatch::Alarm", "SharedpricesScalingAlarmNoCapacity")
    stuck = of(endpoints, "AWS::CloudWatch::Alarm", "SharedAlarmspricesNeverWakes")
    assert {waking["MetricName"], stuck["MetricName"]} == {"NoCapacityInvocationFailures"}
    assert stuck["EvaluationPeriods"] == 30


def test_containers_write_the_logs_of_their_components_and_nothing_else(endpoints: Synthesized) -> None:
    logs = [arn.partition(".")[0] for arn in statements(endpoints, "SharedRole")["WriteOwnLog"]["Resource"]]
    names = {
        it["Properties"]["LogGroupName"] if "Properties" in it else it["LogGroupName"]
        for key, it in endpoints.resources("AWS::Logs::LogGroup").items()
        if any(key in log for log in logs)
    }
    assert names == {
        "/aws/sagemaker/Endpoints/demo-shared",
        "/aws/sagemaker/InferenceComponents/demo-shared-prices",
        "/aws/sagemaker/InferenceComponents/demo-shared-stocks",
    }


def test_the_dashboard_has_a_line_for_each_component(endpoints: Synthesized) -> None:
    body = json.dumps(of(endpoints, "AWS::CloudWatch::Dashboard", "SharedDashboard")["DashboardBody"])
    assert all(word in body for word in ("InvocationsPerCopy", "demo-shared-prices", "demo-shared-stocks"))


def test_everything_that_is_wrong_is_told_at_once(project: MlProject) -> None:
    fast = StepScaling(signal=Signal.FAST_INVOCATIONS, steps=(Step(at_least=8, add=100),))
    with pytest.raises(InvalidPropsError) as raised:
        ComponentEndpoint(
            project,
            "Wrong",
            components=[
                InferenceComponent(name="a", cpus=4),
                InferenceComponent(name="a", scaling=Scaling(maximum=9, steps=(fast,))),
                InferenceComponent(name="b" * 60),
            ],
        )
    told = str(raised.value)
    assert "two components are called 'a'" in told
    assert "a copy of 'a' has cpus 4, and ml.m5.large has 2" in told
    assert "all copies at their maximum need cpus 14, and 2 of ml.m5.large have 4" in told
    assert "which components do not have" in told
    assert "use shorter names" in told
    idle = StepScaleIn(signal=Signal.FAST_INVOCATIONS, steps=(StepIn(at_most=2, remove_percent=20),))
    falling = InferenceComponent(name="a", scaling=Scaling(maximum=2, scale_in=idle))
    with pytest.raises(InvalidPropsError, match="'a' is on FAST_INVOCATIONS, which components do not have"):
        ComponentEndpoint(project, "Falling", components=[falling])
    pinned = InferenceComponent(name="a", model=PinnedVersion(3))
    with pytest.raises(InvalidPropsError, match="follow_approvals is set, and every version is pinned"):
        ComponentEndpoint(project, "Pinned", components=[pinned], follow_approvals=True)
    with pytest.raises(InvalidPropsError, match="there are no components"):
        ComponentEndpoint(project, "None", components=[])
    with pytest.raises(InvalidPropsError, match=r"(?s)name is '-'.*memory_mb is 1.*copies is 0"):
        InferenceComponent(name="-", memory_mb=1, copies=0)
