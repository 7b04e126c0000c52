"""`EndpointScaling`: a scaling policy as Application Auto Scaling runs it, proved before it ships."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aws_cdk import CfnResource
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlplatform.pipeline.naming import kebab_case
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import MlProject
from mlplatform.scaling.floor import ForecastFunction, floor_problems
from mlplatform.scaling.proving import ScalingProof
from mlplatform.scaling.rendering import Scaled, calendar_actions, step_scale_in, step_scaling
from mlplatform.scaling.verdicts import prove_at_synth, warn_of_no_proof
from mlscaling import Scaling, Signal, StepScaleIn, StepScaling

_SERVICE = "sagemaker"
_MOST_ACTIONS = 100
"""Of the calendar: half of what a target may have (user guide, "Quotas for Application Auto Scaling": 200 scheduled actions)."""


class EndpointScaling(Construct):
    """Scales one variant of an endpoint, or one inference component, as a `mlscaling.Scaling` says.

    It is a scalable target with the minimum, the maximum and the calendar's scheduled actions; a policy for the target, whose alarms
    Application Auto Scaling makes; a policy and an alarm for each kind of steps, out and in; for a floor, and for events with a
    `demand`, a function that is called each hour, and every five minutes.

    With a `proof`, the policy is played on known demand at synth, and one that misses its objective stops the synthesis. Without
    one, each synthesis warns that the policy is unproved.

    When to use: `Endpoint` has one of its own when it is given a `Scaling`; by itself for an endpoint that others define.

    Parameters:
        project: whose endpoint it is.
        endpoint_name, variant_name: what is scaled.
        scaling: the policy, by hand or, with `read_scaling`, from `mlp scaling tune --out`.
        serverless: whether it is the provisioned concurrency of the variant that is scaled, by `Signal.PROVISIONED_CONCURRENCY` and the
            calendar only.
        max_concurrency: of the serverless endpoint, for its proof; as many as `scaling` has at most when not given.
        max_queued_requests: of each instance, for its proof: see `RealtimeEndpoint`. Two seconds of work when not given.
        component_name: the inference component of the variant whose copies are scaled, instead of instances. A minimum of 0 needs one.
        proof: what the policy is proved on.
        depends_on: what has to be there first: the endpoint, or the component.

    Raises `InvalidPropsError` with every problem.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        endpoint_name: str,
        variant_name: str,
        scaling: Scaling,
        component_name: str | None = None,
        serverless: bool = False,
        max_concurrency: int | None = None,
        max_queued_requests: int | None = None,
        proof: ScalingProof | None = None,
        depends_on: Sequence[CfnResource] = (),
    ) -> None:
        subject = f"scaling of endpoint '{endpoint_name}'"
        self._scaled = Scaled(
            endpoint_name=endpoint_name,
            variant_name=variant_name,
            component_name=component_name,
            serverless=serverless,
        )
        problems = [
            *_problems(scaling, component_name, serverless=serverless),
            *_signal_problems(scaling, serverless=serverless),
            *_concurrency_problems(scaling, max_concurrency, serverless=serverless),
            *floor_problems(self._scaled, scaling),
        ]
        raise_if_any(subject, problems)
        super().__init__(scope, construct_id)
        self.target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace=_SERVICE,
            resource_id=self._scaled.resource_id,
            scalable_dimension=self._scaled.dimension,
            min_capacity=scaling.minimum,
            max_capacity=scaling.maximum,
            scheduled_actions=calendar_actions(scaling) or None,
        )
        """What Application Auto Scaling scales."""
        for resource in depends_on:
            self.target.add_resource_dependency(resource)
        self.alarms: list[cloudwatch.CfnAlarm] = []
        """Those that scale by steps: in alarm while there is not enough capacity, or too much, which is no failure."""
        self._track(scaling)
        for steps in scaling.steps:
            self._step(f"Steps{_name_of(steps.signal)}", steps, step_scaling(steps))
        if scaling.scale_in is not None:
            self._step("ScaleIn", scaling.scale_in, step_scale_in(scaling.scale_in))
        if scaling.forecast:
            ForecastFunction(self, "Floor", project=project, scaled=self._scaled, scaling=scaling, target=self.target)
        if proof is not None:
            most = (scaling.maximum if max_concurrency is None else max_concurrency) if serverless else None
            prove_at_synth(
                self,
                self.target,
                scaling,
                proof,
                subject=subject,
                is_component=component_name is not None,
                max_concurrency=most,
                max_queued_requests=max_queued_requests,
            )
        else:
            warn_of_no_proof(self, self.target, serverless=serverless)

    def _track(self, scaling: Scaling) -> None:
        if scaling.target is not None:
            self._policy(
                "TargetTracking",
                policy_type="TargetTrackingScaling",
                target_tracking_scaling_policy_configuration=self._scaled.target_tracking(scaling.target),
            )

    def _step(self, name: str, steps: StepScaling | StepScaleIn, configuration: dict[str, Any]) -> None:
        policy = self._policy(name, policy_type="StepScaling", step_scaling_policy_configuration=configuration)
        alarm = name.removeprefix("Steps")
        self.alarms.append(
            cloudwatch.CfnAlarm(
                self,
                f"Alarm{alarm}",
                alarm_name=f"{self._scaled.resource_id}/{alarm}",
                alarm_description=f"Scales {self._scaled.resource_id} by steps; in alarm, it works as it should",
                alarm_actions=[policy.ref],
                **self._scaled.alarm(steps),
            )
        )

    def _policy(self, construct_id: str, *, policy_type: str, **configuration: object) -> autoscaling.CfnScalingPolicy:
        return autoscaling.CfnScalingPolicy(
            self,
            construct_id,
            policy_name=kebab_case(construct_id),
            policy_type=policy_type,
            scaling_target_id=self.target.ref,
            **configuration,  # type: ignore[arg-type]
        )


def _problems(scaling: Scaling, component_name: str | None, *, serverless: bool) -> Iterator[str]:
    if serverless and component_name is not None:
        yield f"component_name is '{component_name}', and a serverless endpoint has no inference components; leave one out"
    woken = scaling.minimum == 0 or any(steps.signal is Signal.NO_CAPACITY for steps in scaling.steps)
    if woken and component_name is None:
        yield (
            "only an inference component scales to zero and wakes by NO_CAPACITY; give component_name, or a minimum of 1 and no "
            "such steps"
        )
    if component_name is not None and Signal.FAST_INVOCATIONS in scaling.signals:
        yield "the policy is on FAST_INVOCATIONS, which components do not have; use CONCURRENT_REQUESTS"
    yield from calendar_problems(scaling)


def calendar_problems(scaling: Scaling) -> Iterator[str]:
    """A sentence if Application Auto Scaling would not take so long a calendar."""
    actions = len(calendar_actions(scaling))
    if actions > _MOST_ACTIONS:
        yield f"the calendar changes the minimum {actions} times; use up to {_MOST_ACTIONS}: take out events that are over"


def _signal_problems(scaling: Scaling, *, serverless: bool) -> Iterator[str]:
    signal = None if scaling.target is None else scaling.target.signal
    if scaling.is_asynchronous:
        yield "the policy is on the backlog of an asynchronous endpoint, which scales itself; use AsyncEndpoint, or another signal"
        return
    if not serverless:
        if signal is Signal.PROVISIONED_CONCURRENCY:
            yield "the target is on PROVISIONED_CONCURRENCY, which a serverless endpoint has; use INVOCATIONS or CONCURRENT_REQUESTS"
        return
    if signal not in (None, Signal.PROVISIONED_CONCURRENCY):
        yield "a serverless endpoint has no instances to track; use TargetTracking(target=0.7, signal=Signal.PROVISIONED_CONCURRENCY)"
    if scaling.steps or scaling.scale_in is not None or scaling.forecast:
        yield (
            "provisioned concurrency follows a target and the calendar; leave steps, scale_in, floor and the demand of events out"
        )


def _concurrency_problems(scaling: Scaling, most: int | None, *, serverless: bool) -> Iterator[str]:
    if most is not None and not serverless:
        yield f"max_concurrency is {most}, and the endpoint is not serverless; leave it out"
    elif most is not None and most < scaling.maximum:
        yield f"max_concurrency is {most}, and scaling goes up to {scaling.maximum}; raise it, or lower the maximum"


def _name_of(signal: Signal) -> str:
    return "".join(part.capitalize() for part in signal.name.split("_"))
