"""What endpoints refuse at synthesis: sentences with the value and the fix, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.aws_applicationautoscaling import CfnScalableTarget

from mlplatform import (
    AlarmLimits,
    AsyncEndpoint,
    BlueGreen,
    DataCapture,
    Fallback,
    HttpApi,
    InvalidPropsError,
    MlProject,
    NewestApproved,
    PinnedVersion,
    RealtimeEndpoint,
    ScalingProof,
    ServerlessEndpoint,
    Variant,
)
from mlscaling import WAKE_FROM_ZERO, Scaling, TargetTracking, by_backlog
from tests.unit.endpoint.endpoints import project_of
from tests.unit.scaling.demand import write_demand

FROM_ZERO = Scaling(minimum=0, maximum=2, steps=(WAKE_FROM_ZERO,))
Make = Callable[[MlProject], object]


def problems(make: Make, project: MlProject) -> tuple[str, ...]:
    with pytest.raises(InvalidPropsError) as raised:
        make(project)
    return raised.value.problems


def other(name: str = "other", **props: object) -> Variant:
    return Variant(name=name, model=PinnedVersion(1), **props)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: BlueGreen(kind="ROLLING"), "kind is 'ROLLING'; use BlueGreen.all_at_once(), BlueGreen.canary()"),
        (lambda: BlueGreen(percent=10), "ALL_AT_ONCE has percent 10; leave it out"),
        (
            lambda: BlueGreen(kind="CANARY"),
            "CANARY has percent None; leave it out for ALL_AT_ONCE, and give it otherwise",
        ),
        (lambda: BlueGreen.canary(percent=60), "percent of CANARY is 60; use 1 to 50"),
        (lambda: BlueGreen.linear(percent=5), "percent of LINEAR is 5; use 10 to 50"),
        (lambda: BlueGreen.canary(wait_minutes=61), "wait_minutes is 61; use 0 to 60"),
        (lambda: BlueGreen.all_at_once(bake_minutes=-1), "bake_minutes is -1; use 0 to 60"),
        (lambda: other("a_b"), "name is 'a_b'; use letters and digits with hyphens between"),
        (lambda: other(instance_count=0), "instance_count is 0; use 1 or more"),
        (
            lambda: other(instance_count=3, scaling=Scaling(maximum=4)),
            "instance_count is 3, and there is scaling, which decides on it; leave one out",
        ),
        (
            lambda: other(proof=ScalingProof(demand=Path("x.csv"), requests_per_second=1)),
            "there is a proof and no scaling; give the scaling that it proves, or leave it out",
        ),
        (lambda: Fallback(body="0", failures=0), "failures is 0; use 1 or more"),
        (lambda: Fallback(body="0", open_seconds=-1), "open_seconds is -1; use 0 or more"),
        (lambda: HttpApi(timeout_seconds=30), "timeout_seconds is 30; use more than 0, up to 25"),
        (lambda: HttpApi(logged_percent=101), "logged_percent is 101; use 0 to 100"),
        (lambda: other(weight=-1), "weight is -1; use 0 or more"),
        (lambda: DataCapture(percent=0), "percent is 0; use 1 to 100, or leave the capture out"),
        (lambda: AlarmLimits(server_error_percent=0), "server_error_percent is 0; use more than 0, less than 100"),
        (
            lambda: AlarmLimits(latency_milliseconds=0),
            "latency_milliseconds is 0; use more than 0, or None for no alarm",
        ),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_value_and_the_fix(
    make: Callable[[], object], expected: str
) -> None:
    with pytest.raises(InvalidPropsError) as raised:
        make()
    (problem,) = raised.value.problems
    assert expected in problem


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda it: RealtimeEndpoint(it, "X" * 60),
            f"the endpoint's name 'demo-{'x' * 60}' has 65 characters; use a shorter construct id, for 47 at most",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", instance_type="ml.p5.48xlarge"),
            "variant 'main' asks for instance type 'ml.p5.48xlarge', which the project may not use; take one of ml.t3.medium",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", max_queued_requests=0),
            "max_queued_requests is 0; use 1 or more, or leave it out",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", beside=[other("main")]),
            "two variants are called 'main'; give each a name of its own",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", beside=[other(f"other{number}") for number in range(10)]),
            "11 variants share the requests; an endpoint has 10 at most",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", beside=[other()], shadow=other("shadow")),
            "there is a shadow, and there are variants beside the main one; SageMaker allows a shadow of a single variant only",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", shadow=other(weight=2)),
            "weight of the shadow 'other' is 2; use more than 0, up to 1",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", shadow=other(scaling=Scaling(maximum=2))),
            "the shadow 'other' has scaling; give it an instance_count",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", scaling=FROM_ZERO),
            "scaling of variant 'main' has minimum 0; a variant keeps 1 at least: use that, or an AsyncEndpoint",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", proof=ScalingProof(demand=Path("x.csv"), requests_per_second=1)),
            "there is a proof and no scaling; give the scaling that it proves, or leave it out",
        ),
        (
            lambda it: RealtimeEndpoint(it, "Live", model=PinnedVersion(2), follow_approvals=True),
            "follow_approvals is set, and every version is pinned; let one be NewestApproved(), or leave it out",
        ),
        (
            lambda it: ServerlessEndpoint(it, "Seldom", memory_mb=1500, outside_network=True),
            "memory_mb is 1500; use one of 1024, 2048, 3072, 4096, 5120, 6144",
        ),
        (
            lambda it: ServerlessEndpoint(it, "Seldom", max_concurrency=0, outside_network=True),
            "max_concurrency is 0; use 1 to 200",
        ),
        (
            lambda it: ServerlessEndpoint(it, "Seldom", provisioned_concurrency=6, outside_network=True),
            "provisioned_concurrency is 6; use 1 to the max_concurrency, 5, or leave it out",
        ),
        (
            lambda it: ServerlessEndpoint(it, "Seldom"),
            "models of this project run in its network, and SageMaker runs serverless ones outside of any; say outside_network=True",
        ),
        (
            lambda it: ServerlessEndpoint(it, "Seldom", follow_approvals=True, outside_network=True),
            "follow_approvals would create a model outside of the project's network, which the project's boundary refuses",
        ),
        (
            lambda it: AsyncEndpoint(it, "Documents", min_instances=2),
            "capacity is 2 to 1 instances; use 0 or more, and a maximum of 1 or more that is not below",
        ),
        (
            lambda it: AsyncEndpoint(it, "Documents", backlog_per_instance=0),
            "backlog_per_instance is 0; use more than 0",
        ),
        (
            lambda it: AsyncEndpoint(
                it, "Documents", max_instances=4, scaling=by_backlog(maximum=4, backlog_per_instance=5)
            ),
            "max_instances is 4, and there is scaling, which decides on it; leave one out",
        ),
        (
            lambda it: AsyncEndpoint(it, "Documents", scaling=Scaling(maximum=4, target=TargetTracking(target=5))),
            "scaling is another policy; use by_backlog(maximum=4, backlog_per_instance=5), or what `mlp scaling tune",
        ),
        (
            lambda it: AsyncEndpoint(it, "Documents", max_concurrent_invocations=1001),
            "max_concurrent_invocations is 1001; use 1 to 1000, or leave it out",
        ),
        (
            lambda it: AsyncEndpoint(it, "Documents", instance_type="ml.p5.48xlarge"),
            "variant 'main' asks for instance type 'ml.p5.48xlarge'",
        ),
    ],
)
def test_endpoints_that_cannot_be_are_refused_with_the_value_and_the_fix(
    project: MlProject, make: Make, expected: str
) -> None:
    (problem,) = problems(make, project)
    assert expected in problem


def test_saying_that_a_serverless_endpoint_is_outside_of_no_network_is_a_mistake() -> None:
    unconfined = project_of(App(analytics_reporting=False), network=None)
    (problem,) = problems(lambda it: ServerlessEndpoint(it, "Seldom", outside_network=True), unconfined)
    assert problem == "outside_network is set, and the project has no network; leave it out"


def test_a_serverless_endpoint_follows_approvals_where_there_is_no_network() -> None:
    unconfined = project_of(App(analytics_reporting=False), network=None)
    assert ServerlessEndpoint(unconfined, "Seldom", model=NewestApproved(), follow_approvals=True).models


def test_all_problems_come_at_once(project: MlProject) -> None:
    found = problems(
        lambda it: RealtimeEndpoint(
            it,
            "Live",
            model=PinnedVersion(1),
            instance_type="ml.p5.48xlarge",
            shadow=other(weight=2),
            follow_approvals=True,
        ),
        project,
    )
    assert len(found) == 3


def test_two_endpoints_whose_names_would_be_one_are_refused(project: MlProject) -> None:
    RealtimeEndpoint(project, "Live")
    (problem,) = problems(lambda it: ServerlessEndpoint(it, "live", outside_network=True), project)
    assert problem == "endpoint 'Live' of the project is called 'demo-live', too; use another construct id"


def test_what_is_refused_is_not_made(project: MlProject) -> None:
    problems(lambda it: RealtimeEndpoint(it, "Live", instance_type="ml.p5.48xlarge"), project)
    assert project.node.try_find_child("Live") is None


def test_an_asynchronous_endpoint_that_answers_too_late_stops_the_synthesis_with_what_would_not(tmp_path: Path) -> None:
    """An hour of 200 requests per second, on one instance that answers 30 of them."""
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=30, longest_wait_seconds=1800)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)

    (said,) = problems(lambda it: AsyncEndpoint(it, "Documents", proof=proof), project_of(app))

    assert "of the requests of trace 'noon' wait too long or are rejected, and 0.100% may" in said
    assert "in its worst minute, 2026-03-0" in said
    assert "this policy: 0-1 instances, target 5 requests waiting for each instance" in said
    assert "would meet it: 0-" in said
    assert "take min_instances=0, max_instances=" in said
    assert "; or say with `although` why this one may go out without" in said


def test_a_variant_beside_the_main_one_is_proved_by_a_proof_of_its_own(tmp_path: Path) -> None:
    demand = write_demand(tmp_path)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    enough = ScalingProof(demand=demand, requests_per_second=1000)
    challenger = other("challenger", scaling=Scaling(maximum=2), proof=enough)

    endpoint = RealtimeEndpoint(project_of(app), "Live", beside=[challenger])

    (target,) = [one for one in endpoint.node.find_all() if isinstance(one, CfnScalableTarget)]
    assert target.get_metadata("mlplatform:scaling")["verdict"].startswith("0.0")
    hopeless = other("challenger", scaling=Scaling(maximum=2), proof=ScalingProof(demand=demand, requests_per_second=1))
    (said,) = problems(lambda it: RealtimeEndpoint(it, "Other", beside=[hopeless]), project_of(App()))
    assert "of the requests of trace 'noon' wait too long or are rejected" in said


def test_an_objective_that_no_instance_meets_in_time_says_what_to_change(tmp_path: Path) -> None:
    """A request takes a minute."""
    proof = ScalingProof(
        demand=write_demand(tmp_path, share=0.001), requests_per_second=1 / 60, longest_wait_seconds=50
    )
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)

    (said,) = problems(lambda it: AsyncEndpoint(it, "Documents", proof=proof), project_of(app))

    assert "comes nearest: " in said
    assert "nothing up to 16 instances would; allow more longest_wait_seconds, or lower served_share" in said


def test_an_asynchronous_endpoint_that_answers_in_time_has_that_in_the_template(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=30, longest_wait_seconds=1800)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)

    endpoint = AsyncEndpoint(project_of(app), "Documents", max_instances=16, proof=proof)

    (target,) = [one for one in endpoint.node.find_all() if isinstance(one, CfnScalableTarget)]
    assert target.get_metadata("mlplatform:scaling")["verdict"].startswith("0.0")


def test_an_asynchronous_endpoint_cannot_be_proved_to_answer_after_its_requests_have_expired(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=30, longest_wait_seconds=30_000)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)

    with pytest.raises(InvalidPropsError, match="longest_wait_seconds is 30000; use 21600 at most"):
        AsyncEndpoint(project_of(app), "Documents", proof=proof)
