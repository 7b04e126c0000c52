"""`RealtimeEndpoint`: what CloudFormation makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from mlplatform import AlarmLimits, MlProject, PinnedVersion, RealtimeEndpoint, Variant
from mlscaling import Scaling, Signal, StepIn, StepScaleIn
from tests.unit.endpoint.endpoints import NETWORK, of, project_of
from tests.unit.pipeline.synthesis import Json, Synthesized, flat, synthesize

MODEL, CONFIG, ENDPOINT = "AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"
CUSTOM = "AWS::CloudFormation::CustomResource"
KINDS = ("ProductionVariants", "ShadowProductionVariants")


def test_one_line_is_an_endpoint_with_the_newest_approved_version_on_one_small_instance(endpoints: Synthesized) -> None:
    (variant,) = of(endpoints, CONFIG, "PlainConfig")["ProductionVariants"]
    assert (variant["VariantName"], variant["InstanceType"], variant["InitialInstanceCount"]) == (
        "main",
        "ml.m5.large",
        1,
    )
    assert flat(variant["ModelName"]).startswith("<ProjectPlainmainModel")
    container = of(endpoints, MODEL, "PlainmainModel")["PrimaryContainer"]
    assert flat(container["ModelPackageName"]).startswith("<ProjectPlainModelsNewestApproved")
    assert of(endpoints, CUSTOM, "PlainModelsNewestApproved")["Choice"] == {"kind": "newest_approved"}
    assert of(endpoints, ENDPOINT, "Plain")["EndpointName"] == "demo-plain"


def test_models_run_in_the_projects_network_cut_off_from_it_under_its_key(endpoints: Synthesized) -> None:
    model = of(endpoints, MODEL, "PlainmainModel")
    assert model["VpcConfig"] == {"Subnets": [*NETWORK.subnet_ids], "SecurityGroupIds": [*NETWORK.security_group_ids]}
    assert model["EnableNetworkIsolation"] is True
    assert flat(model["ExecutionRoleArn"]).startswith("<ProjectPlainRole")
    assert flat(of(endpoints, CONFIG, "PlainConfig")["KmsKeyId"]).startswith("<ProjectKey")


def test_a_key_is_not_given_where_sagemaker_refuses_it(endpoints: Synthesized) -> None:
    """One variant with NVMe disks is enough."""
    assert "KmsKeyId" not in of(endpoints, CONFIG, "ShadowedConfig")


def test_requests_go_to_the_instance_with_the_fewest(endpoints: Synthesized) -> None:
    configs = [of(endpoints, CONFIG, f"{name}Config") for name in ("Plain", "Full", "Shadowed")]
    variants = [it for config in configs for kind in KINDS for it in config.get(kind, ())]
    assert len(variants) == 5
    assert {it["RoutingConfig"]["RoutingStrategy"] for it in variants} == {"LEAST_OUTSTANDING_REQUESTS"}


def test_instances_refuse_what_would_wait_too_long_with_every_version(endpoints: Synthesized) -> None:
    """The server of AWS's image takes its queue from there. A version that an approval brings has it, too."""
    environment = {"GUNICORN_CMD_ARGS": "--backlog=8"}
    for variant in ("main", "challenger"):
        assert of(endpoints, MODEL, f"Full{variant}Model")["PrimaryContainer"]["Environment"] == environment
    assert settings(endpoints, "Full")["environment"] == environment
    assert "Environment" not in of(endpoints, MODEL, "PlainmainModel")["PrimaryContainer"]
    assert settings(endpoints, "Plain")["environment"] == {}


def settings(endpoints: Synthesized, name: str) -> Json:
    function = of(endpoints, "AWS::Lambda::Function", f"{name}ModelsFunction")
    found: Json = json.loads(flat(function["Environment"]["Variables"]["ENDPOINT"]))
    return found


def test_everything_of_an_endpoint_is_tagged(endpoints: Synthesized) -> None:
    for kind in (MODEL, CONFIG, ENDPOINT):
        for resource in endpoints.resources(kind).values():
            assert {"Key": "project", "Value": "demo"} in resource["Tags"]


def test_models_and_configurations_have_no_names_of_their_own(endpoints: Synthesized) -> None:
    """They never change, so CloudFormation makes new ones beside the old."""
    assert all("ModelName" not in it for it in endpoints.resources(MODEL).values())
    assert all("EndpointConfigName" not in it for it in endpoints.resources(CONFIG).values())


def retained(endpoint: Json) -> set[str]:
    assert endpoint["RetainAllVariantProperties"] is True
    excluded = {it["VariantPropertyType"] for it in endpoint["ExcludeRetainedVariantProperties"]}
    return {"DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"} - excluded


def test_an_update_keeps_the_count_that_scaling_has_set_and_nothing_else(endpoints: Synthesized) -> None:
    assert retained(of(endpoints, ENDPOINT, "Full")) == {"DesiredInstanceCount"}
    assert retained(of(endpoints, ENDPOINT, "Documents")) == {"DesiredInstanceCount"}


def test_without_scaling_the_template_decides_on_the_count(endpoints: Synthesized) -> None:
    assert retained(of(endpoints, ENDPOINT, "Plain")) == set()


@pytest.mark.parametrize(
    ("endpoint", "routing", "bake_seconds"),
    [
        ("Plain", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}, 300),
        (
            "Full",
            {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20}, "WaitIntervalInSeconds": 900},
            600,
        ),
        (
            "Shadowed",
            {
                "Type": "LINEAR",
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                "WaitIntervalInSeconds": 120,
            },
            300,
        ),
    ],
)
def test_traffic_moves_as_it_was_said(
    endpoints: Synthesized, endpoint: str, routing: dict[str, Any], bake_seconds: int
) -> None:
    policy = of(endpoints, ENDPOINT, endpoint)["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == routing
    assert policy["TerminationWaitInSeconds"] == bake_seconds


def test_a_deployment_has_time_for_all_its_steps(endpoints: Synthesized) -> None:
    policy = of(endpoints, ENDPOINT, "Shadowed")["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["MaximumExecutionTimeoutInSeconds"] == 3600 + 4 * 120 + 300


def rolling_back(endpoints: Synthesized, endpoint: str) -> dict[str, Json]:
    """The alarms that a deployment of an endpoint watches, by name."""
    alarms = endpoints.resources("AWS::CloudWatch::Alarm")
    watched = of(endpoints, ENDPOINT, endpoint)["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    found = [alarms[flat(it["AlarmName"]).strip("<>")] for it in watched]
    return {it["AlarmName"]: it for it in found}


def test_errors_and_latency_of_each_variant_that_answers_roll_a_deployment_back(endpoints: Synthesized) -> None:
    assert set(rolling_back(endpoints, "Full")) == {
        f"demo-full/{variant}/{alarm}"
        for variant in ("main", "challenger")
        for alarm in ("ServerErrors", "ModelLatency")
    }
    assert set(rolling_back(endpoints, "Shadowed")) == {
        "demo-shadowed/main/ServerErrors",
        "demo-shadowed/main/ModelLatency",
    }


def test_alarms_are_on_the_share_of_errors_and_the_99th_percentile_in_microseconds(endpoints: Synthesized) -> None:
    alarms = rolling_back(endpoints, "Full")
    errors, latency = alarms["demo-full/main/ServerErrors"], alarms["demo-full/main/ModelLatency"]
    assert (errors["MetricName"], errors["Statistic"], errors["Threshold"]) == ("Invocation5XXErrors", "Average", 0.02)
    assert (latency["MetricName"], latency["ExtendedStatistic"], latency["Threshold"]) == (
        "ModelLatency",
        "p99",
        250_000,
    )
    for alarm in (errors, latency):
        dimensions = {it["Name"]: it["Value"] for it in alarm["Dimensions"]}
        assert dimensions == {"EndpointName": "demo-full", "VariantName": "main"}
        assert flat(alarm["AlarmActions"][0]).startswith("<ProjectNotifications")


def test_without_a_limit_there_is_no_alarm_on_latency(project: MlProject) -> None:
    endpoint = RealtimeEndpoint(project, "Slow", alarms=AlarmLimits(latency_milliseconds=None))
    assert len(endpoint.alarms.names) == 1


def test_variants_share_requests_by_weight(endpoints: Synthesized) -> None:
    main, challenger = of(endpoints, CONFIG, "FullConfig")["ProductionVariants"]
    assert (main["InitialVariantWeight"], challenger["InitialVariantWeight"]) == (1, 0.25)
    assert challenger["InitialInstanceCount"] == 2
    assert of(endpoints, CUSTOM, "FullModelsPinned3")["Choice"] == {"kind": "pinned", "version": 3}


def test_a_shadow_gets_copies_of_half_of_the_requests(endpoints: Synthesized) -> None:
    config = of(endpoints, CONFIG, "ShadowedConfig")
    (shadow,) = config["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("candidate", 0.5)
    assert [it["VariantName"] for it in config["ProductionVariants"]] == ["main"]


def test_what_is_captured_goes_to_the_projects_bucket_under_its_key(endpoints: Synthesized) -> None:
    capture = of(endpoints, CONFIG, "FullConfig")["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 5
    assert flat(capture["DestinationS3Uri"]).endswith("/demo-full/captured")
    assert flat(capture["KmsKeyId"]).startswith("<ProjectKey")
    assert [it["CaptureMode"] for it in capture["CaptureOptions"]] == ["Input", "Output"]


def test_nothing_is_captured_by_itself(endpoints: Synthesized) -> None:
    assert "DataCaptureConfig" not in of(endpoints, CONFIG, "PlainConfig")


def test_scaling_scales_the_variant_once_the_endpoint_is_there(endpoints: Synthesized) -> None:
    target = of(endpoints, "AWS::ApplicationAutoScaling::ScalableTarget", "FullmainScalingTarget")
    assert target["ResourceId"] == "endpoint/demo-full/variant/main"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)
    everything = endpoints.template["Resources"]
    targets = (it for it in everything.values() if it["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget")
    waited_for = [everything[it]["Type"] for target in targets for it in target["DependsOn"]]
    assert sorted(waited_for) == [ENDPOINT, ENDPOINT, ENDPOINT, "AWS::SageMaker::InferenceComponent"]


def test_an_endpoint_begins_with_the_minimum_of_its_scaling(endpoints: Synthesized) -> None:
    assert of(endpoints, CONFIG, "FullConfig")["ProductionVariants"][0]["InitialInstanceCount"] == 2


def test_ten_second_metrics_are_there_where_a_policy_watches_them(endpoints: Synthesized) -> None:
    assert of(endpoints, CONFIG, "FullConfig")["MetricsConfig"] == {
        "EnableEnhancedMetrics": True,
        "MetricPublishFrequencyInSeconds": 10,
    }
    assert "MetricsConfig" not in of(endpoints, CONFIG, "PlainConfig")


def test_ten_second_metrics_are_there_for_a_policy_that_only_scales_in_by_them(tmp_path: Path) -> None:
    idle = StepScaleIn(signal=Signal.FAST_INVOCATIONS, steps=(StepIn(at_most=2, remove_percent=20),))
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    RealtimeEndpoint(project_of(app), "Idle", scaling=Scaling(maximum=4, scale_in=idle))
    metrics = of(synthesize(app, tmp_path), CONFIG, "IdleConfig")["MetricsConfig"]
    assert metrics["MetricPublishFrequencyInSeconds"] == 10


def test_a_count_that_a_deployment_cannot_change_is_told_with_what_changes_it(tmp_path: Path) -> None:
    """SageMaker keeps the counts of all variants, or of none."""
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    project = project_of(app)
    beside = Variant(name="challenger", model=PinnedVersion(1), instance_count=4)
    mixed = RealtimeEndpoint(project, "Mixed", scaling=Scaling(maximum=4), beside=[beside])
    fixed = RealtimeEndpoint(project, "Fixed", beside=[beside])
    warned = [it.data for it in mixed.node.metadata if "keeps-count" in str(it.data)]
    assert len(warned) == 1
    assert "variant 'challenger' keeps the instances it has, whatever instance_count says" in warned[0]
    assert (
        "update-endpoint-weights-and-capacities --endpoint-name demo-mixed "
        "--desired-weights-and-capacities VariantName=challenger,DesiredInstanceCount=4"
    ) in warned[0]
    assert not [it for it in fixed.node.metadata if "keeps-count" in str(it.data)]


def test_containers_log_to_an_encrypted_group_that_forgets(endpoints: Synthesized) -> None:
    log = of(endpoints, "AWS::Logs::LogGroup", "PlainLog")
    assert log["LogGroupName"] == "/aws/sagemaker/Endpoints/demo-plain"
    assert log["RetentionInDays"] == 90
    assert flat(log["KmsKeyId"]).startswith("<ProjectKey")


def test_the_dashboard_has_a_line_for_each_variant_and_the_alarms(endpoints: Synthesized) -> None:
    body = json.loads(flat(of(endpoints, "AWS::CloudWatch::Dashboard", "FullDashboard")["DashboardBody"]))
    top, first, *_ = body["widgets"]
    assert len(top["properties"]["alarms"]) == 4
    assert [line[5] for line in first["properties"]["metrics"]] == ["main", "challenger"]


def configuration(directory: Path, count: int, others: bool = False) -> str:
    app = App(outdir=str(directory), analytics_reporting=False)
    project = project_of(app)
    if others:
        RealtimeEndpoint(project, "Other", model=PinnedVersion(1))
    RealtimeEndpoint(project, "Live", instance_count=count)
    return str(of(synthesize(app, directory), CUSTOM, "LiveModelsNewestApproved")["Configuration"])


def test_versions_are_looked_up_again_when_the_endpoint_changes_and_only_then(tmp_path: Path) -> None:
    """Else a deployment would go back to the version that an older one had found."""
    before = configuration(tmp_path / "before", 1)
    assert configuration(tmp_path / "same", 1, others=True) == before
    assert configuration(tmp_path / "changed", 2) != before
