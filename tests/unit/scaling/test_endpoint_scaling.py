"""What a policy becomes in a template, by what it means to Application Auto Scaling and CloudWatch."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aws_cdk import App, CfnResource
from aws_cdk.assertions import Annotations, Match
from hypothesis import given
from hypothesis import strategies as st

from mlplatform import EndpointScaling, InvalidPropsError, MlProject, ScalingProof, read_scaling
from mlplatform.project import PublishedOutput
from mlplatform.scaling.rendering import calendar_actions
from mlrecords.codec import to_json
from mlscaling import (
    WAKE_FROM_ZERO,
    Event,
    ForecastFloor,
    Objective,
    PublishedForecast,
    Scaling,
    Signal,
    Step,
    StepIn,
    StepScaleIn,
    StepScaling,
    TargetTracking,
    by_backlog,
)
from tests.conftest import REPOSITORY
from tests.unit.pipeline.synthesis import Json, Synthesized, new_project, synthesize_project
from tests.unit.scaling.demand import write_demand

TARGET, POLICY, ALARM = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
)
TRACKING = TargetTracking(target=300)


def define(scaling: Scaling, **more: Any) -> Callable[[MlProject], EndpointScaling]:
    def defined(project: MlProject) -> EndpointScaling:
        return EndpointScaling(
            project,
            "Scaling",
            project=project,
            endpoint_name="quotes",
            variant_name="AllTraffic",
            scaling=scaling,
            **more,
        )

    return defined


def synthesized(directory: Path, scaling: Scaling, **more: Any) -> Synthesized:
    return synthesize_project(directory, define(scaling, **more))


def test_a_variant_is_a_scalable_target_between_minimum_and_maximum(tmp_path: Path) -> None:
    target = synthesized(tmp_path, Scaling(minimum=2, maximum=60)).only(TARGET)

    assert target["ServiceNamespace"] == "sagemaker"
    assert target["ResourceId"] == "endpoint/quotes/variant/AllTraffic"
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 60)
    assert "ScheduledActions" not in target


@pytest.mark.parametrize(
    ("signal", "component", "metric"),
    [
        (Signal.INVOCATIONS, None, "SageMakerVariantInvocationsPerInstance"),
        (Signal.CONCURRENT_REQUESTS, None, "SageMakerVariantConcurrentRequestsPerModelHighResolution"),
        (Signal.INVOCATIONS, "forecaster", "SageMakerInferenceComponentInvocationsPerCopy"),
        (
            Signal.CONCURRENT_REQUESTS,
            "forecaster",
            "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
        ),
    ],
)
def test_target_tracking_keeps_the_signal_near_its_target(
    tmp_path: Path, signal: Signal, component: str | None, metric: str
) -> None:
    tracking = TargetTracking(target=12.5, signal=signal, scale_out_cooldown_seconds=60, scale_in=False)
    template = synthesized(tmp_path, Scaling(maximum=9, target=tracking), component_name=component)

    policy = template.only(POLICY)
    (target_id,) = template.resources(TARGET)
    assert policy["PolicyType"] == "TargetTrackingScaling"
    assert policy["ScalingTargetId"] == {"Ref": target_id}
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        "TargetValue": 12.5,
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 300,
        "DisableScaleIn": True,
    }


def test_steps_are_a_policy_and_the_alarm_that_calls_it(tmp_path: Path) -> None:
    steps = StepScaling(steps=(Step(at_least=100, add=100), Step(at_least=250, add=400)), datapoints=3)
    template = synthesized(tmp_path, Scaling(maximum=60, steps=(steps,)))

    alarm, policy = template.only(ALARM), template.only(POLICY)
    (policy_id,) = template.resources(POLICY)
    assert alarm["AlarmActions"] == [{"Ref": policy_id}]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (
        "AWS/SageMaker", "InvocationsPerInstance", "Sum",
    )  # fmt: skip
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (10, 3, 3)
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (100, "GreaterThanOrEqualToThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["Dimensions"] == [
        {"Name": "EndpointName", "Value": "quotes"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    configuration = policy["StepScalingPolicyConfiguration"]
    assert [adds(configuration, 100, value) for value in (100, 249.9, 250, 10_000)] == [100, 100, 400, 400]
    assert adds(configuration, 100, 99.9) is None
    assert (configuration["AdjustmentType"], configuration["MinAdjustmentMagnitude"]) == ("PercentChangeInCapacity", 1)
    assert configuration["Cooldown"] == 300


def test_steps_that_scale_in_are_a_policy_and_the_alarm_that_calls_it(tmp_path: Path) -> None:
    steps = StepScaleIn(steps=(StepIn(at_most=150, remove_percent=50), StepIn(at_most=60, remove_percent=79)))
    template = synthesized(tmp_path, Scaling(maximum=60, scale_in=steps))

    alarm, policy = template.only(ALARM), template.only(POLICY)
    assert alarm["AlarmActions"] == [{"Ref": next(iter(template.resources(POLICY)))}]
    assert (alarm["MetricName"], alarm["Period"], alarm["EvaluationPeriods"]) == ("InvocationsPerInstance", 60, 3)
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (150, "LessThanOrEqualToThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"
    assert (alarm["AlarmName"], policy["PolicyName"]) == ("endpoint/quotes/variant/AllTraffic/ScaleIn", "scale-in")
    configuration = policy["StepScalingPolicyConfiguration"]
    assert configuration["StepAdjustments"] == [
        {"MetricIntervalUpperBound": 0, "MetricIntervalLowerBound": -90, "ScalingAdjustment": -50},
        {"MetricIntervalUpperBound": -90, "ScalingAdjustment": -79},
    ]
    assert configuration["Cooldown"] == 60


def adds(configuration: Json, threshold: float, value: float) -> int | None:
    """What Application Auto Scaling would add (user guide, "How step scaling works")."""
    for step in configuration["StepAdjustments"]:
        upper = step.get("MetricIntervalUpperBound", float("inf"))
        if step["MetricIntervalLowerBound"] <= value - threshold < upper:
            found: int = step["ScalingAdjustment"]
            return found
    return None


def test_a_component_wakes_from_zero_by_the_first_request_that_fails(tmp_path: Path) -> None:
    scaling = Scaling(minimum=0, maximum=4, target=TRACKING, steps=(WAKE_FROM_ZERO,))
    template = synthesized(tmp_path, scaling, component_name="forecaster")

    target, alarm = template.only(TARGET), template.only(ALARM)
    assert (target["ResourceId"], target["MinCapacity"]) == ("inference-component/forecaster", 0)
    assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    assert (alarm["MetricName"], alarm["Period"], alarm["Threshold"]) == ("NoCapacityInvocationFailures", 30, 1)
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": "forecaster"}]
    (steps,) = [one for one in template.resources(POLICY).values() if one["PolicyType"] == "StepScaling"]
    assert steps["StepScalingPolicyConfiguration"]["AdjustmentType"] == "ChangeInCapacity"
    assert adds(steps["StepScalingPolicyConfiguration"], 1, 1) == 1


def test_instances_do_not_scale_to_zero(tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match="only an inference component scales to zero"):
        synthesized(tmp_path, Scaling(minimum=0, maximum=4, steps=(WAKE_FROM_ZERO,)))


def test_an_event_raises_the_minimum_before_it_and_puts_it_back_after(tmp_path: Path) -> None:
    spot = Event(
        name="TV spot", at=datetime(2026, 12, 24, 20, 15, tzinfo=ZoneInfo("Asia/Tokyo")), capacity=45, minutes=30
    )
    target = synthesized(tmp_path, Scaling(minimum=2, maximum=60, calendar=(spot,))).only(TARGET)

    assert target["ScheduledActions"] == [
        {
            "ScheduledActionName": "calendar-20261224T1100Z",
            "Schedule": "at(2026-12-24T11:00:00)",
            "Timezone": "UTC",
            "ScalableTargetAction": {"MinCapacity": 45},
        },
        {
            "ScheduledActionName": "calendar-20261224T1145Z",
            "Schedule": "at(2026-12-24T11:45:00)",
            "Timezone": "UTC",
            "ScalableTargetAction": {"MinCapacity": 2},
        },
    ]


EVENTS = st.builds(
    Event,
    name=st.just("event"),
    at=st.datetimes(
        datetime(2026, 3, 28), datetime(2026, 3, 30), timezones=st.sampled_from([UTC, ZoneInfo("Europe/Berlin")])
    ),
    capacity=st.integers(1, 20),
    minutes=st.integers(1, 300),
    lead_minutes=st.integers(0, 90),
)


@given(events=st.lists(EVENTS, max_size=5), minute=st.integers(0, 4 * 1440))
def test_at_any_time_the_last_action_has_the_largest_capacity_of_the_events_that_are_on(
    events: list[Event], minute: int
) -> None:
    """Also where events overlap, follow on each other, or a clock is changed between them (that of Berlin on the 29th)."""
    scaling = Scaling(minimum=2, maximum=20, calendar=tuple(events))
    now = datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=minute)
    done = [one for one in calendar_actions(scaling) if one["schedule"] <= f"at({now:%Y-%m-%dT%H:%M:%S})"]

    is_on = [one.capacity for one in events if one.begins <= now < one.ends]
    minimum = done[-1]["scalableTargetAction"]["minCapacity"] if done else scaling.minimum
    assert minimum == max([2, *is_on])


def test_what_an_endpoint_needs_is_there_before_it_scales(tmp_path: Path) -> None:
    def defined(project: MlProject) -> None:
        endpoint = CfnResource(project, "Endpoint", type="AWS::SageMaker::Endpoint")
        define(Scaling(maximum=2), depends_on=[endpoint])(project)

    template = synthesize_project(tmp_path, defined).template
    (endpoint_id,) = [key for key, one in template["Resources"].items() if one["Type"] == "AWS::SageMaker::Endpoint"]
    (target,) = [one for one in template["Resources"].values() if one["Type"] == TARGET]
    assert target["DependsOn"] == [endpoint_id]


def test_logical_ids_follow_from_names_alone(tmp_path: Path) -> None:
    """They are state: with another one, CloudFormation would make a second policy of the same name before it takes the first."""
    steps = StepScaling(steps=(Step(at_least=100, add=100),))
    template = synthesized(tmp_path, Scaling(maximum=60, target=TRACKING, steps=(steps,)))

    assert [*template.resources(TARGET), *template.resources(POLICY), *template.resources(ALARM)] == [
        "ProjectScalingTarget650A4A89",
        "ProjectScalingTargetTrackingC75BCD50",
        "ProjectScalingStepsFastInvocationsDC341E9F",
        "ProjectScalingAlarmFastInvocationsBFF7E354",
    ]


NO_FORECAST = Scaling(maximum=60, target=TRACKING)
ENOUGH = Scaling(minimum=25, maximum=60, target=TRACKING)


def test_a_policy_without_a_proof_warns_what_to_run(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    project = new_project(app)
    define(NO_FORECAST)(project)

    Annotations.from_stack(project.node.scope).has_warning(  # type: ignore[arg-type]
        "/stack-demo/Project/Scaling",
        Match.string_like_regexp(
            r"ships unproved.*mlp scaling history ENDPOINT.*mlp loadtest ENDPOINT.*ScalingProof\(demand="
        ),
    )


def test_a_policy_that_misses_its_objective_stops_the_synthesis(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10, usd_per_instance_hour=0.23)

    with pytest.raises(InvalidPropsError) as raised:
        synthesized(tmp_path / "out", NO_FORECAST, proof=proof)

    (said,) = raised.value.problems
    assert str(raised.value).startswith("scaling of endpoint 'quotes':")
    assert "of the requests of trace 'noon' wait too long or are rejected, and 0.100% may" in said
    assert "in its worst minute, 2026-03-0" in said
    assert "would meet it: " in said
    assert " times as much\n" in said
    assert "or say with `although` why this one may go out without" in said


def test_a_policy_that_meets_its_objective_says_so_in_the_template_and_warns_of_nothing(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    project = new_project(app)
    scaling = define(ENOUGH, proof=proof)(project)

    Annotations.from_stack(project.node.scope).has_no_warning("*", Match.any_value())  # type: ignore[arg-type]
    assert scaling.target.get_metadata("mlplatform:scaling")["verdict"].startswith("0.0")


def test_a_published_forecast_is_proved_by_what_was_published_or_else_by_the_quantile(tmp_path: Path) -> None:
    wanted = PublishedForecast(pipeline="demo-demand", interval_minutes=60)
    floor = ForecastFloor(requests_per_second=8, quantile=0, published=wanted)
    policy = Scaling(maximum=60, target=TRACKING, floor=floor)
    rows = [
        f"2026-03-0{day}T00:00:00,2026-03-0{day}T{hour:02}:00:00,{3600 * (200 if hour == 12 else 20)}\n"
        for day in (2, 3, 4, 5)
        for hour in range(24)
    ]
    forecasts = tmp_path / "forecasts.csv"
    forecasts.write_text(f"published_at,time,requests\n{''.join(rows)}")
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10)

    shares = [
        one.prove(policy).played.violation_share
        for one in (dataclasses.replace(proof, forecasts=forecasts), dataclasses.replace(proof, although="x"))
    ]
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    project = new_project(app)
    project.outputs["demo-demand"] = PublishedOutput(columns=("time", "requests"), json_lines=True)
    define(policy, proof=dataclasses.replace(proof, although="nothing is published yet"))(project)

    assert shares[0] < 0.001 < shares[1]
    Annotations.from_stack(project.node.scope).has_info(  # type: ignore[arg-type]
        "*",
        Match.string_like_regexp(
            "played by its quantile alone, as if nothing had been published; give the proof forecasts="
        ),
    )
    with pytest.raises(InvalidPropsError, match=r"the policy uses no published forecast; leave .*forecasts\.csv out"):
        dataclasses.replace(proof, forecasts=forecasts).prove(NO_FORECAST)


def test_a_policy_that_misses_goes_out_with_a_reason_that_stays_in_the_template(tmp_path: Path) -> None:
    proof = ScalingProof(
        demand=write_demand(tmp_path), requests_per_second=10, although="a pilot that two people use until May"
    )
    template = synthesized(tmp_path / "out", NO_FORECAST, proof=proof).template
    again = synthesized(tmp_path / "again", NO_FORECAST, proof=proof).template

    (target,) = [one for one in template["Resources"].values() if one["Type"] == TARGET]
    said = target["Metadata"]["mlplatform:scaling"]
    assert said["although"] == "a pilot that two people use until May"
    assert "in its worst minute, 2026-03-0" in said["verdict"]
    assert again == template


def test_a_proof_of_too_few_days_or_of_no_file_is_refused(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path, days=2), requests_per_second=10)

    with pytest.raises(InvalidPropsError, match=r"noon.csv has 2 whole days \(UTC\); give 3 or more"):
        synthesized(tmp_path / "out", ENOUGH, proof=proof)
    with pytest.raises(InvalidPropsError, match=r"No such file.*absent.csv"):
        synthesized(tmp_path / "out", ENOUGH, proof=dataclasses.replace(proof, demand=tmp_path / "absent.csv"))


def test_the_policy_that_was_found_is_the_one_that_ships(tmp_path: Path) -> None:
    policy = dataclasses.replace(ENOUGH, steps=(StepScaling(steps=(Step(at_least=100, add=50),)),))
    (tmp_path / "policy.json").write_text(json.dumps(to_json(policy)))
    (tmp_path / "empty.json").write_text("{}")

    assert read_scaling(tmp_path / "policy.json") == policy
    with pytest.raises(InvalidPropsError, match=r"empty.json has no maximum; give a file"):
        read_scaling(tmp_path / "empty.json")
    with pytest.raises(InvalidPropsError, match="No such file"):
        read_scaling(tmp_path / "absent.json")


def test_a_proof_reads_the_load_test(tmp_path: Path) -> None:
    load_test = tmp_path / "load-test.json"
    load_test.write_text(json.dumps({"requests_per_second": 10, "concurrency": 2, "confirmed": True}))
    weak = tmp_path / "weak.json"
    weak.write_text(json.dumps({"requests_per_second": 5, "concurrency": 2, "confirmed": True}))
    proof = ScalingProof(demand=write_demand(tmp_path), load_test=load_test)

    assert proof.prove(ENOUGH).meets
    assert not dataclasses.replace(proof, load_test=weak, although="a test").prove(ENOUGH).meets
    with pytest.raises(InvalidPropsError, match=r"No such file.*absent.json"):
        dataclasses.replace(proof, load_test=tmp_path / "absent.json").prove(ENOUGH)


def test_a_proof_knows_how_many_requests_instances_let_wait(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10, although="a test")
    late = proof.prove(NO_FORECAST).played.violation_share
    refused = proof.prove(NO_FORECAST, max_queued_requests=8).played.violation_share

    assert refused < 0.9 * late
    scaling = synthesized(tmp_path / "out", NO_FORECAST, proof=proof, max_queued_requests=8)
    (target,) = [it for it in scaling.template["Resources"].values() if it["Type"] == TARGET]
    assert f"{refused:.3%}" in target["Metadata"]["mlplatform:scaling"]["verdict"]


def test_all_numbers_of_a_proof_that_cannot_be_are_told_at_once() -> None:
    with pytest.raises(InvalidPropsError) as raised:
        ScalingProof(
            demand=Path("demand.csv"),
            requests_per_second=0,
            objective=Objective(served_share=99),
            although=" ",
            usd_per_instance_hour=-1,
            provisioning_seconds=-300,
        )

    assert len(raised.value.problems) == 5
    with pytest.raises(InvalidPropsError, match="what one instance serves has to be said once"):
        ScalingProof(demand=Path("demand.csv"))


def test_an_ordinary_synthesis_does_not_load_numpy() -> None:
    """It takes a tenth of a second and is not among the dependencies of the library."""
    script = (
        "import sys; from aws_cdk import App; from mlplatform import EndpointScaling, ScalingProof;"
        "from mlscaling import Scaling; from tests.unit.pipeline.synthesis import new_project;"
        "app = App(); project = new_project(app);"
        "EndpointScaling(project, 'S', project=project, endpoint_name='a', variant_name='b', scaling=Scaling(maximum=2));"
        "app.synth(); sys.exit('numpy' in sys.modules)"
    )
    completed = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=False)
    assert completed.returncode == 0, completed.stderr.decode()


def test_a_policy_by_backlog_is_of_an_asynchronous_endpoint(tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match="is on the backlog of an asynchronous endpoint, which scales itself"):
        synthesized(tmp_path, by_backlog(minimum=1, maximum=2, backlog_per_instance=5))
