"""`ServerlessEndpoint`, `AsyncEndpoint` and the HTTP API: what CloudFormation makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.aws_applicationautoscaling import CfnScalableTarget

from mlplatform import AsyncEndpoint, InvalidPropsError, ScalingProof, read_scaling
from mlrecords.codec import to_json
from mlscaling import Event, Signal, TargetTracking, by_backlog
from tests.unit.endpoint.endpoints import of, project_of
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Synthesized, flat, synthesize
from tests.unit.scaling.demand import write_demand

MODEL, CONFIG, ENDPOINT = "AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"


def test_a_serverless_endpoint_has_containers_and_no_instances(endpoints: Synthesized) -> None:
    (variant,) = of(endpoints, CONFIG, "SeldomConfig")["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 2}
    assert "InstanceType" not in variant


def test_a_serverless_endpoint_asks_for_nothing_that_sagemaker_does_not_have_for_it(endpoints: Synthesized) -> None:
    assert {"VpcConfig", "EnableNetworkIsolation"}.isdisjoint(of(endpoints, MODEL, "SeldommainModel"))
    assert {"DeploymentConfig", "RetainAllVariantProperties"}.isdisjoint(of(endpoints, ENDPOINT, "Seldom"))


def test_answers_of_an_asynchronous_endpoint_go_to_the_projects_bucket_and_topics(endpoints: Synthesized) -> None:
    config = of(endpoints, CONFIG, "DocumentsConfig")["AsyncInferenceConfig"]
    output = config["OutputConfig"]
    assert flat(output["S3OutputPath"]).endswith("/demo-documents/output")
    assert flat(output["S3FailurePath"]).endswith("/demo-documents/failures")
    assert flat(output["KmsKeyId"]).startswith("<ProjectKey")
    assert config["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}
    told = output["NotificationConfig"]
    assert flat(told["SuccessTopic"]).startswith("<ProjectDocumentsSucceeded")
    assert flat(told["ErrorTopic"]).startswith("<ProjectDocumentsFailed")
    for topic in ("Succeeded", "Failed"):
        assert flat(of(endpoints, "AWS::SNS::Topic", f"Documents{topic}")["KmsMasterKeyId"]).startswith("<ProjectKey")


def test_an_asynchronous_endpoint_scales_to_zero_and_back(endpoints: Synthesized) -> None:
    target = of(endpoints, "AWS::ApplicationAutoScaling::ScalableTarget", "DocumentsTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    policies = "AWS::ApplicationAutoScaling::ScalingPolicy"
    tracked = of(endpoints, policies, "DocumentsByBacklog")["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["TargetValue"] == 5
    assert tracked["CustomizedMetricSpecification"]["MetricName"] == "ApproximateBacklogSizePerInstance"
    waking = of(endpoints, policies, "DocumentsFromZero")["StepScalingPolicyConfiguration"]
    assert waking["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    alarm = of(endpoints, "AWS::CloudWatch::Alarm", "DocumentsWaiting")
    assert (alarm["MetricName"], alarm["Threshold"]) == ("HasBacklogWithoutCapacity", 1)
    assert flat(alarm["AlarmActions"][0]).startswith("<ProjectDocumentsFromZero")


def test_what_scales_an_asynchronous_endpoint_is_what_a_proof_plays(endpoints: Synthesized) -> None:
    """Numbers of `by_backlog`, which the replay plays."""
    played = by_backlog(maximum=3, backlog_per_instance=5)
    target = of(endpoints, "AWS::ApplicationAutoScaling::ScalableTarget", "DocumentsTarget")
    policies = "AWS::ApplicationAutoScaling::ScalingPolicy"
    tracked = of(endpoints, policies, "DocumentsByBacklog")["TargetTrackingScalingPolicyConfiguration"]
    waking = of(endpoints, policies, "DocumentsFromZero")["StepScalingPolicyConfiguration"]
    alarm = of(endpoints, "AWS::CloudWatch::Alarm", "DocumentsWaiting")
    (steps,), (step,) = played.steps, played.steps[0].steps

    assert (target["MinCapacity"], target["MaxCapacity"]) == (played.minimum, played.maximum)
    assert played.target == TargetTracking(
        target=tracked["TargetValue"],
        signal=Signal.BACKLOG_PER_INSTANCE,
        scale_out_cooldown_seconds=tracked["ScaleOutCooldown"],
        scale_in_cooldown_seconds=tracked["ScaleInCooldown"],
        scale_in=not tracked["DisableScaleIn"],
    )
    assert tracked["CustomizedMetricSpecification"]["MetricName"] == Signal.BACKLOG_PER_INSTANCE.value
    assert (waking["Cooldown"], waking["AdjustmentType"]) == (steps.cooldown_seconds, "ChangeInCapacity")
    assert waking["StepAdjustments"][0]["ScalingAdjustment"] == step.add
    assert (alarm["MetricName"], alarm["Period"]) == (steps.signal.value, steps.signal.period_seconds)
    assert (alarm["DatapointsToAlarm"], alarm["Threshold"]) == (steps.datapoints, step.at_least)


def test_a_policy_that_was_found_scales_an_asynchronous_endpoint_with_a_calendar(tmp_path: Path) -> None:
    """`mlp scaling tune --asynchronous --out` writes such a file."""
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(to_json(by_backlog(minimum=1, maximum=6, backlog_per_instance=20))))
    closing = Event(name="closing", at=datetime(2026, 12, 31, 12, tzinfo=UTC), capacity=4)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    found = replace(read_scaling(file), calendar=(closing,))

    AsyncEndpoint(project_of(app), "Found", scaling=found)

    template = synthesize(app, tmp_path / "out")
    target = of(template, "AWS::ApplicationAutoScaling::ScalableTarget", "FoundTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 6)
    assert [it["ScalableTargetAction"]["MinCapacity"] for it in target["ScheduledActions"]] == [4, 1]
    tracked = of(template, "AWS::ApplicationAutoScaling::ScalingPolicy", "FoundByBacklog")
    assert tracked["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 20


def test_a_calendar_of_an_asynchronous_endpoint_is_played_by_its_proof(tmp_path: Path) -> None:
    """An hour of 200 requests per second at noon of each day, which nothing else but the calendar would answer in time."""
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    project = project_of(app)
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=30, longest_wait_seconds=60)
    reactive = by_backlog(maximum=16, backlog_per_instance=20)
    with pytest.raises(InvalidPropsError, match="wait too long or are rejected"):
        AsyncEndpoint(project, "Late", scaling=reactive, proof=proof)
    days = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number) for number in range(40)]
    noons = [Event(name="noon", at=day + timedelta(hours=11), capacity=8, minutes=180) for day in days]

    endpoint = AsyncEndpoint(
        project, "Announced", scaling=replace(reactive, minimum=1, calendar=tuple(noons)), proof=proof
    )

    (target,) = [one for one in endpoint.node.find_all() if isinstance(one, CfnScalableTarget)]
    assert target.get_metadata("mlplatform:scaling")["verdict"].startswith("0.0")


def test_somebody_is_told_when_requests_wait_and_no_instance_comes(endpoints: Synthesized) -> None:
    alarm = of(endpoints, "AWS::CloudWatch::Alarm", "DocumentsAlarmsBacklogStuck")
    assert (alarm["MetricName"], alarm["EvaluationPeriods"]) == ("HasBacklogWithoutCapacity", 30)
    assert flat(alarm["AlarmActions"][0]).startswith("<ProjectNotifications")
    watched = of(endpoints, ENDPOINT, "Documents")["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert len(watched) == 1


def test_only_callers_that_iam_knows_reach_the_http_api(endpoints: Synthesized) -> None:
    route = of(endpoints, "AWS::ApiGatewayV2::Route", "FullApiRoute")
    assert (route["RouteKey"], route["AuthorizationType"]) == ("POST /invocations", "AWS_IAM")
    stage = of(endpoints, "AWS::ApiGatewayV2::Stage", "FullApiStage")
    assert json.loads(stage["AccessLogSettings"]["Format"])["userArn"] == "$context.identity.userArn"


def test_only_this_route_of_this_api_calls_the_function(endpoints: Synthesized) -> None:
    permission = of(endpoints, "AWS::Lambda::Permission", "FullApiInvoke")
    assert flat(permission["SourceArn"]).startswith(
        f"arn:<AWS::Partition>:execute-api:{REGION}:{ACCOUNT}:<ProjectFullApi"
    )
    assert flat(permission["SourceArn"]).endswith("/$default/POST/invocations")


def test_without_being_asked_for_there_is_no_api(endpoints: Synthesized) -> None:
    assert not [name for name in endpoints.resources("AWS::ApiGatewayV2::Api") if name.startswith("ProjectPlain")]
