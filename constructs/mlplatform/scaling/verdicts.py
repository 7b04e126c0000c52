"""What is known of a policy when it ships: in the metadata of its target, and as a warning when that is not enough."""

from __future__ import annotations

from aws_cdk import Annotations
from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from mlplatform.scaling.proving import ScalingProof
from mlscaling import Scaling

_METADATA = "mlplatform:scaling"
_HOW_TO_PROVE = (
    "Run `mlp scaling history ENDPOINT --out demand.csv` and `mlp loadtest ENDPOINT --out load-test.json`, then give "
    "proof=ScalingProof(demand=Path('demand.csv'), load_test=Path('load-test.json'))"
)
_HOW_TO_PROVE_SERVERLESS = (
    "Run `mlp scaling history ENDPOINT --out demand.csv`, then give proof=ScalingProof(demand=Path('demand.csv'), "
    "requests_per_second=..., cold_start_seconds=...): what a container answers, and takes to start (ModelSetupTime)"
)


def prove_at_synth(
    scope: Construct,
    target: autoscaling.CfnScalableTarget,
    scaling: Scaling,
    proof: ScalingProof,
    *,
    subject: str,
    is_component: bool = False,
    max_concurrency: int | None = None,
    max_queued_requests: int | None = None,
) -> None:
    """Keep the verdict beside the target that it is of: see `ScalingProof.prove`.

    Raises `InvalidPropsError` for a policy that misses, of this `subject`.
    """
    verdict = proof.prove(
        scaling,
        is_component=is_component,
        max_concurrency=max_concurrency,
        max_queued_requests=max_queued_requests,
        subject=subject,
    )
    target.add_metadata(_METADATA, {"verdict": str(verdict), "although": proof.although})
    if scaling.floor is not None and scaling.floor.published is not None and proof.forecasts is None:
        by_quantile = "the policy is played by its quantile alone, as if nothing had been published; give the proof forecasts=Path(...)"
        Annotations.of(scope).add_info(f"{target.resource_id}: {by_quantile}")
    if verdict.not_rehearsed and max_concurrency is None:
        names = ", ".join(f"'{name}'" for name in verdict.not_rehearsed)
        needed = "an event needs demand=TimesUsual(...), and a day of the proof on which nothing of the kind was on"
        Annotations.of(scope).add_info(f"{target.resource_id}: not rehearsed: {names}; {needed}")
    if not verdict.meets:
        _warn(scope, target, "misses", f"{verdict}. It ships although: {proof.although}")


def warn_of_no_proof(scope: Construct, target: autoscaling.CfnScalableTarget, *, serverless: bool = False) -> None:
    """Say at each synthesis what to run."""
    how = _HOW_TO_PROVE_SERVERLESS if serverless else _HOW_TO_PROVE
    _warn(scope, target, "unproved", f"the policy ships unproved: nobody has played it on known demand. {how}")


def _warn(scope: Construct, target: autoscaling.CfnScalableTarget, kind: str, says: str) -> None:
    Annotations.of(scope).add_warning_v2(f"{_METADATA}-{kind}", f"{target.resource_id}: {says}")
