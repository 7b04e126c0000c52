"""What scales the containers that a serverless endpoint keeps warm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match
from aws_cdk.aws_applicationautoscaling import CfnScalableTarget

from mlplatform import EndpointScaling, InvalidPropsError, MlProject, ScalingProof, ServerlessEndpoint
from mlscaling import Event, Scaling, Signal, TargetTracking, TimesUsual
from tests.unit.endpoint.endpoints import WARM, of, project_of
from tests.unit.pipeline.synthesis import Synthesized
from tests.unit.scaling.demand import write_demand

SPOT = datetime(2126, 12, 24, 20, 15, tzinfo=UTC)


def test_warm_containers_follow_their_use(endpoints: Synthesized) -> None:
    target = of(endpoints, "AWS::ApplicationAutoScaling::ScalableTarget", "WarmScalingTarget")
    policy = of(endpoints, "AWS::ApplicationAutoScaling::ScalingPolicy", "WarmScalingTargetTracking")
    (variant,) = of(endpoints, "AWS::SageMaker::EndpointConfig", "WarmConfig")["ProductionVariants"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 8)
    assert tracking["PredefinedMetricSpecification"]["PredefinedMetricType"] == (
        "SageMakerVariantProvisionedConcurrencyUtilization"
    )
    assert variant["ServerlessConfig"]["ProvisionedConcurrency"] == 1


def test_what_does_not_scale_warm_containers_is_refused(project: MlProject) -> None:
    with pytest.raises(InvalidPropsError, match=r"(?s)decides on it.*use 1 to the max_concurrency, 5"):
        ServerlessEndpoint(project, "Both", outside_network=True, provisioned_concurrency=1, scaling=WARM)
    tracked = Scaling(maximum=2, target=TargetTracking(target=9))
    with pytest.raises(InvalidPropsError, match="has no instances to track"):
        _scale(project, "A", tracked, serverless=True)
    with pytest.raises(InvalidPropsError, match="which a serverless endpoint has"):
        _scale(project, "B", WARM, serverless=False)
    spot = Event(name="TV spot", at=SPOT, capacity=2, demand=TimesUsual(times=10, requests_per_second=2))
    with pytest.raises(InvalidPropsError, match="leave steps, scale_in, floor and the demand of events out"):
        _scale(project, "C", replace(WARM, calendar=(spot,)), serverless=True)
    with pytest.raises(InvalidPropsError, match="max_concurrency is 4, and scaling goes up to 8"):
        _scale(project, "D", WARM, serverless=True, max_concurrency=4)
    with pytest.raises(InvalidPropsError, match="max_concurrency is 4, and the endpoint is not serverless"):
        _scale(project, "E", tracked, serverless=False, max_concurrency=4)


def _proof(tmp_path: Path, **more: object) -> ScalingProof:
    """A request every 50 seconds, and every 5 from noon to one, each of which takes 5 seconds."""
    known = {"requests_per_second": 0.2, "cold_start_seconds": 20, **more}
    return ScalingProof(demand=write_demand(tmp_path, share=0.001), **known)  # type: ignore[arg-type]


def _endpoint(app: App, scaling: Scaling = WARM, *, max_concurrency: int = 24, **props: object) -> ServerlessEndpoint:
    return ServerlessEndpoint(
        project_of(app),
        "Seldom",
        outside_network=True,
        max_concurrency=max_concurrency,
        scaling=scaling,
        **props,  # type: ignore[arg-type]
    )


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(outdir=str(tmp_path / "out"), analytics_reporting=False)


def test_cold_starts_that_are_too_many_stop_the_synthesis_with_what_would_not(app: App, tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError) as raised:
        _endpoint(app, proof=_proof(tmp_path, usd_per_instance_hour=0.1))

    (said,) = raised.value.problems
    assert "of the requests of trace 'noon' wait too long or are rejected, and 0.100% may" in said
    assert "in its worst minute, 2026-03-0" in said
    assert "this policy: 1-8 warm containers, target 70% of the warm containers at work; " in said
    assert "would meet it: " in said
    assert " warm container hours a day, " in said
    assert "take minimum=" in said
    assert "; or say with `although` why this one may go out without" in said


def test_what_the_message_says_meets_the_objective_and_stands_in_the_template(app: App, tmp_path: Path) -> None:
    enough = Scaling(minimum=8, maximum=24, target=TargetTracking(target=0.5, signal=Signal.PROVISIONED_CONCURRENCY))

    endpoint = _endpoint(app, enough, proof=_proof(tmp_path))

    (target,) = [one for one in endpoint.node.find_all() if isinstance(one, CfnScalableTarget)]
    assert target.get_metadata("mlplatform:scaling")["verdict"].startswith("0.")


def test_so_few_containers_that_nothing_would_meet_the_objective_say_what_to_change(app: App, tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError) as raised:
        _endpoint(app, replace(WARM, maximum=2), max_concurrency=2, proof=_proof(tmp_path))

    (said,) = raised.value.problems
    assert "comes nearest: " in said
    assert "nothing up to 2 warm containers would; raise max_concurrency, or lower served_share" in said


def test_a_policy_without_a_proof_warns_what_to_run(app: App) -> None:
    endpoint = _endpoint(app)

    Annotations.from_stack(endpoint.node.scope.node.scope).has_warning(  # type: ignore[union-attr, arg-type]
        "*", Match.string_like_regexp(r"ships unproved.*mlp scaling history ENDPOINT.*cold_start_seconds=")
    )


def test_a_load_test_of_instances_proves_no_containers(app: App, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"requests_per_second": 10, "concurrency": 1, "confirmed": true}', encoding="utf-8")

    with pytest.raises(InvalidPropsError, match=r"a.json is of an instance, and this is a serverless endpoint"):
        _endpoint(app, proof=_proof(tmp_path, requests_per_second=None, load_test=path))


def test_a_proof_of_another_kind_of_endpoint_is_refused(app: App, project: MlProject, tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match=r"has no cold_start_seconds; give .*ModelSetupTime"):
        _endpoint(app, proof=_proof(tmp_path, cold_start_seconds=None))
    with pytest.raises(InvalidPropsError, match="has cold_start_seconds, and the endpoint is not serverless"):
        _scale(
            project, "C", Scaling(maximum=2, target=TargetTracking(target=9)), serverless=False, proof=_proof(tmp_path)
        )


def test_a_proof_of_nothing_is_refused(app: App, tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match="there is a proof and no scaling"):
        ServerlessEndpoint(project_of(app), "Seldom", outside_network=True, proof=_proof(tmp_path))


def _scale(project: MlProject, construct_id: str, scaling: Scaling, **props: object) -> None:
    EndpointScaling(
        project,
        construct_id,
        project=project,
        endpoint_name="demo",
        variant_name="main",
        scaling=scaling,
        **props,  # type: ignore[arg-type]
    )
