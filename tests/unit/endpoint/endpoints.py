"""One project with endpoints of each kind: some that say nothing, and some with every option."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from aws_cdk import App, Environment, Stack

from mlplatform import (
    AlarmLimits,
    AsyncEndpoint,
    BlueGreen,
    ComponentEndpoint,
    ContainerImage,
    DataCapture,
    Fallback,
    HttpApi,
    InferenceComponent,
    JobLimits,
    MlProject,
    NewestApproved,
    PinnedVersion,
    ProjectNetwork,
    RealtimeEndpoint,
    ServerlessEndpoint,
    Variant,
)
from mlscaling import WAKE_FROM_ZERO, Event, Scaling, Signal, Step, StepScaling, TargetTracking
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Json, Synthesized, flat, synthesize

NETWORK = ProjectNetwork(subnet_ids=("subnet-01234567",), security_group_ids=("sg-01234567",))
OWN_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shared/serving:1"
SCALING = Scaling(
    minimum=2,
    maximum=8,
    target=TargetTracking(target=600),
    steps=(StepScaling(steps=(Step(at_least=20, add=100),)),),
    calendar=(Event(name="spot", at=datetime(2026, 12, 24, 20, tzinfo=UTC), capacity=6),),
)
WARM = Scaling(maximum=8, target=TargetTracking(target=0.7, signal=Signal.PROVISIONED_CONCURRENCY))
IDLE = TargetTracking(target=2, signal=Signal.CONCURRENT_REQUESTS)
TO_ZERO = Scaling(minimum=0, maximum=2, target=IDLE, steps=(WAKE_FROM_ZERO,))


def define(project: MlProject) -> None:
    """All of them."""
    RealtimeEndpoint(project, "Plain")
    RealtimeEndpoint(
        project,
        "Full",
        instance_type="ml.m5.xlarge",
        scaling=SCALING,
        max_queued_requests=8,
        beside=[Variant(name="challenger", model=PinnedVersion(3), weight=0.25, instance_count=2)],
        follow_approvals=True,
        deployment=BlueGreen.canary(percent=20, wait_minutes=15, bake_minutes=10),
        alarms=AlarmLimits(server_error_percent=2, latency_milliseconds=250),
        capture=DataCapture(percent=5),
        image=ContainerImage.from_uri(OWN_IMAGE),
        network_isolation=False,
        http_api=HttpApi(fallback=Fallback(body="[0]"), logged_percent=10),
    )
    RealtimeEndpoint(
        project,
        "Shadowed",
        model=PinnedVersion(3),
        instance_type="ml.g4dn.xlarge",
        shadow=Variant(name="candidate", model=NewestApproved(), weight=0.5),
        deployment=BlueGreen.linear(percent=25, wait_minutes=2),
    )
    ServerlessEndpoint(project, "Seldom", outside_network=True, provisioned_concurrency=2, http_api=HttpApi())
    ServerlessEndpoint(project, "Warm", outside_network=True, max_concurrency=8, scaling=WARM)
    AsyncEndpoint(
        project,
        "Documents",
        fallback_instance_types=["ml.m5.xlarge", "ml.m5.2xlarge"],
        max_instances=3,
        max_concurrent_invocations=4,
        follow_approvals=True,
    )
    ComponentEndpoint(
        project,
        "Shared",
        components=[
            InferenceComponent(name="prices", scaling=TO_ZERO),
            InferenceComponent(name="stocks", model=PinnedVersion(3), memory_mb=2048, copies=2),
        ],
        max_instances=3,
        follow_approvals=True,
        capture=DataCapture(percent=5),
        http_api=HttpApi(fallback=Fallback(body="[0]"), logged_percent=10),
    )


def new_app(directory: Path) -> App:
    """The app with that project."""
    app = App(outdir=str(directory), analytics_reporting=False)
    define(project_of(app))
    return app


def project_of(app: App, *, network: ProjectNetwork | None = NETWORK) -> MlProject:
    stack = Stack(app, "stack", env=Environment(account=ACCOUNT, region=REGION))
    limits = JobLimits(instance_types=(*JobLimits().instance_types, "ml.g4dn.xlarge"))
    return MlProject(stack, "Project", name="demo", owner="team@example.com", limits=limits, network=network)


def synthesize_all(directory: Path) -> Synthesized:
    return synthesize(new_app(directory), directory)


def of(synthesized: Synthesized, resource_type: str, start: str) -> Json:
    """The only resource of a type whose logical id begins with these construct ids."""
    found = synthesized.resources(resource_type)
    (resource,) = (it for name, it in found.items() if re.fullmatch(f"Project{start}[0-9A-F]{{8}}", name))
    return resource


def statements(synthesized: Synthesized, start: str) -> dict[str, Json]:
    """Of a role, by sid, with flat resources."""
    (policy,) = of(synthesized, "AWS::IAM::Role", start)["Policies"]
    return {
        it["Sid"]: {**it, "Resource": [flat(arn) for arn in it["Resource"]]}
        for it in policy["PolicyDocument"]["Statement"]
    }
