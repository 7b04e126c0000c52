"""`RealtimeEndpoint`: answers at once, from instances that are always there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_cdk import Annotations

from mlplatform.batch_inference.options import NewestApproved
from mlplatform.endpoint.dashboard import VARIANT_GRAPHS
from mlplatform.endpoint.endpoint import Endpoint, Parts, ServedVariant
from mlplatform.endpoint.http_api import HttpApi
from mlplatform.endpoint.options import (
    DEFAULT_INSTANCE_TYPE,
    MAIN,
    ROUTING,
    AlarmLimits,
    BlueGreen,
    DataCapture,
    EndpointModel,
    Variant,
    name_problems,
    variant_problems,
)
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.policy import Statement
from mlplatform.project import MlProject, takes_volume_key
from mlplatform.scaling import EndpointScaling, ScalingProof
from mlscaling import Scaling, Signal


class RealtimeEndpoint(Endpoint):
    """An endpoint whose instances answer within milliseconds, with a model version of the project's registry.

    When to use: when a caller waits for the answer and the next one comes soon: instances cost while nobody asks (`ml.m5.large`: 84
    USD a month in us-east-1, Amazon SageMaker pricing). For a few requests an hour take a `ServerlessEndpoint`, for requests of minutes
    an `AsyncEndpoint`, for a table by the morning `BatchInference`.

    A deployment finds the version (without an approved one it fails, and says so) and moves traffic to a new fleet; alarms on errors
    and latency move it back. With `follow_approvals` a new approval does the same by itself (docs/endpoints.md). Containers run in
    the project's network, cut off from it, under its key and a role that sees models only.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the endpoint is called `<project>-<construct id in kebab case>`.
        model: what the main variant predicts with: the newest approved version when not given.
        instance_type, instance_count: its machines: one `ml.m5.large` when not given.
        fallback_instance_types: what is taken, in this order, where there is no capacity of `instance_type`, when the endpoint is made and
            when it scales out; up to 4, none when not given.
        scaling: what scales the main variant; the count is fixed when not given. Updates never set back what scaling has set.
        proof: what `scaling` is proved on at synthesis.
        max_queued_requests: how many requests an instance lets wait, of every variant; it refuses others at once instead of answering
            them late. Take half of what it answers in the time that callers wait (docs/endpoints.md). For images whose server is
            gunicorn, as AWS's scikit-learn image, which lets 2048 wait when not given (gunicorn, "Settings", `backlog`).
        beside: further variants, which share the requests by weight; the main one has weight 1.
        shadow: a variant that gets copies of requests, and whose answers nobody sees.
        follow_approvals: whether variants with the newest approved version take the next one as soon as it is approved.
        deployment: how traffic moves; all at once with a bake of five minutes when not given.
        alarms: when the project is told, and deployments go back.
        capture: a sample of requests and answers that is kept; none when not given.
        image: what versions serve in, so what the role may pull: AWS's scikit-learn image when not given. The project's own
            repository always is among it.
        network_isolation: whether containers can reach nothing, not even AWS; they need no more to answer.
        http_api: an HTTP API with IAM authentication in front; none when not given.

    Raises `InvalidPropsError` with every mistake in the props.
    """

    def __init__(
        self,
        project: MlProject,
        construct_id: str,
        *,
        model: EndpointModel | None = None,
        instance_type: str = DEFAULT_INSTANCE_TYPE,
        instance_count: int = 1,
        fallback_instance_types: Sequence[str] = (),
        scaling: Scaling | None = None,
        proof: ScalingProof | None = None,
        max_queued_requests: int | None = None,
        beside: Sequence[Variant] = (),
        shadow: Variant | None = None,
        follow_approvals: bool = False,
        deployment: BlueGreen | None = None,
        alarms: AlarmLimits | None = None,
        capture: DataCapture | None = None,
        image: ContainerImage | None = None,
        network_isolation: bool = True,
        http_api: HttpApi | None = None,
    ) -> None:
        main = Variant(
            name=MAIN,
            model=NewestApproved() if model is None else model,
            instance_type=instance_type,
            instance_count=instance_count,
            fallback_instance_types=fallback_instance_types,
            scaling=scaling,
            proof=proof,
        )
        name = resource_name(project.name, construct_id)
        answering = [main, *beside]
        everyone = [*answering, *(() if shadow is None else (shadow,))]
        raise_if_any(
            f"RealtimeEndpoint '{construct_id}'",
            [
                *name_problems(project, name),
                *variant_problems(main, beside, shadow, project.limits),
                *_queue_problems(max_queued_requests),
                *following_problems(follow_approvals, [it.model for it in everyone]),
            ],
        )
        super().__init__(project, construct_id)
        self._make(
            Parts(
                variants=[
                    *(_served(it) for it in answering),
                    *(() if shadow is None else (_served(shadow, is_shadow=True),)),
                ],
                configuration={
                    **volume_key(project, everyone),
                    **captured(project, name, capture),
                    **_metrics(everyone),
                },
                image=ContainerImage.scikit_learn() if image is None else image,
                environment=queue_variables(max_queued_requests),
                follow_approvals=follow_approvals,
                limits=AlarmLimits() if alarms is None else alarms,
                graphs=VARIANT_GRAPHS,
                statements=write_captured(project, name, capture),
                deployment=BlueGreen.all_at_once() if deployment is None else deployment,
                network_isolation=network_isolation,
                keeps_count=any(it.scaling is not None for it in everyone),
                http_api=http_api,
            ),
        )
        for variant in answering:
            if variant.scaling is not None:
                EndpointScaling(
                    self,
                    f"{variant.name}-Scaling",
                    project=project,
                    endpoint_name=self.endpoint_name,
                    variant_name=variant.name,
                    scaling=variant.scaling,
                    proof=variant.proof,
                    max_queued_requests=max_queued_requests,
                    depends_on=[self.resource],
                )
        self._warn_of_kept_counts([] if all(it.scaling is None for it in everyone) else everyone)
        self._show()

    def _warn_of_kept_counts(self, beside_scaled: Sequence[Variant]) -> None:
        """`ExcludeRetainedVariantProperties` names properties and no variants: an update keeps the counts of all, or of none."""
        for variant in beside_scaled:
            if variant.scaling is None:
                Annotations.of(self).add_warning_v2(
                    "mlplatform:endpoint-keeps-count",
                    f"beside a variant that is scaled, an update of {self.endpoint_name} keeps the count of each: variant "
                    f"'{variant.name}' keeps the instances it has, whatever instance_count says. After a change of it, run "
                    f"aws sagemaker update-endpoint-weights-and-capacities --endpoint-name {self.endpoint_name} "
                    f"--desired-weights-and-capacities VariantName={variant.name},DesiredInstanceCount={variant.instance_count}",
                )


def following_problems(follow_approvals: bool, models: Sequence[EndpointModel]) -> Iterator[str]:
    """A sentence if no variant could follow."""
    if follow_approvals and not any(isinstance(model, NewestApproved) for model in models):
        yield "follow_approvals is set, and every version is pinned; let one be NewestApproved(), or leave it out"


def volume_key(project: MlProject, variants: Sequence[Variant]) -> dict[str, str]:
    """The key of the instances' volumes: an endpoint has one or none, and NVMe disks take none."""
    encrypted = all(takes_volume_key(it) for variant in variants for it in variant.instance_types)
    return {"KmsKeyId": project.key_arn} if encrypted else {}


def write_below(bucket_name: str, prefix: str, project: MlProject) -> Statement:
    """Let containers and SageMaker, as the endpoint's role, write below a prefix."""
    return Statement(
        sid="WriteBelowItsPrefix",
        actions=["s3:AbortMultipartUpload", "s3:PutObject"],
        resources=[f"arn:{project.partition}:s3:::{bucket_name}/{prefix}/*"],
        wildcard_reason="objects get their names at run time, under the prefix of this endpoint",
    )


def _served(variant: Variant, *, is_shadow: bool = False) -> ServedVariant:
    machine = {
        **variant.instances(),
        "InitialInstanceCount": variant.first_instance_count,
        "InitialVariantWeight": variant.weight,
        **ROUTING,
    }
    return ServedVariant(name=variant.name, model=variant.model, machine=machine, is_shadow=is_shadow)


def captured(project: MlProject, name: str, capture: DataCapture | None) -> Mapping[str, Any]:
    """What the configuration of the endpoint of this name says of it; nothing if nothing is captured."""
    if capture is None:
        return {}
    uri = project.artifact_uri(f"{name}/captured")
    return {"DataCaptureConfig": capture.config(uri=uri, key_arn=project.key_arn)}


def write_captured(project: MlProject, name: str, capture: DataCapture | None) -> list[Statement]:
    """What the endpoint's role needs for that."""
    return [] if capture is None else [write_below(project.artifact_bucket_name, f"{name}/captured", project)]


def _metrics(variants: Sequence[Variant]) -> dict[str, Any]:
    """The ten-second metrics, which cost, where a policy watches them."""
    if all(it.scaling is None or Signal.FAST_INVOCATIONS not in it.scaling.signals for it in variants):
        return {}
    seconds = Signal.FAST_INVOCATIONS.period_seconds
    return {"MetricsConfig": {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": seconds}}


def queue_variables(max_queued_requests: int | None) -> dict[str, str]:
    """What makes gunicorn, which nginx asks by a Unix socket, let no more requests wait: nginx answers 502 at once then."""
    return {} if max_queued_requests is None else {"GUNICORN_CMD_ARGS": f"--backlog={max_queued_requests}"}


def _queue_problems(max_queued_requests: int | None) -> Iterator[str]:
    if max_queued_requests is not None and max_queued_requests < 1:
        yield f"max_queued_requests is {max_queued_requests}; use 1 or more, or leave it out"
