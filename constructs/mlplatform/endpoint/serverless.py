"""`ServerlessEndpoint`: answers at once, and costs while it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlplatform.batch_inference.options import NewestApproved
from mlplatform.endpoint.dashboard import SERVERLESS_GRAPHS
from mlplatform.endpoint.endpoint import Endpoint, Parts, ServedVariant
from mlplatform.endpoint.http_api import HttpApi
from mlplatform.endpoint.options import MAIN, AlarmLimits, EndpointModel, name_problems, proof_problems
from mlplatform.endpoint.realtime import following_problems
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import MlProject
from mlplatform.scaling import EndpointScaling, ScalingProof
from mlscaling import Scaling

MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
MOST_CONCURRENCY = 200
"""API reference, ProductionVariantServerlessConfig: memory and both kinds of concurrency."""


class ServerlessEndpoint(Endpoint):
    """An endpoint without instances: it costs by the millisecond that it computes, and nothing at rest.

    When to use: for a few requests an hour, when a first answer may take seconds (a container is started for it) and 6 GB of memory
    without a GPU are enough. SageMaker runs it in a network of its own, and has neither canaries, variants nor captures for it: an
    update replaces the containers at once.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the endpoint is called `<project>-<construct id in kebab case>`.
        model: the newest approved version when not given.
        memory_mb: of a container, 1024 to 6144 in steps of 1024; CPU comes with it. 2048 when not given.
        max_concurrency: how many requests are at work at once, 1 to 200; what is more is refused. 5 when not given.
        provisioned_concurrency: how many containers are kept warm, which costs while nobody asks; none when not given.
        scaling: what scales the warm containers instead, by `TargetTracking(target=0.7, signal=Signal.PROVISIONED_CONCURRENCY)` and by a
            calendar; a deployment that changes the endpoint begins with its minimum again.
        proof: what `scaling` is proved on at synthesis, with `cold_start_seconds`.
        outside_network: has to be said in a project with a network, since SageMaker runs serverless models outside of any VPC.
        follow_approvals: whether the next approved version is taken as soon as it is approved.
        alarms: when the project is told; nothing is rolled back.
        image: as of `RealtimeEndpoint`.
        http_api: an HTTP API with IAM authentication in front; none when not given.

    Source: Amazon SageMaker AI developer guide, "Deploy models with Amazon SageMaker Serverless Inference". Raises
    `InvalidPropsError` with every mistake in the props.
    """

    def __init__(
        self,
        project: MlProject,
        construct_id: str,
        *,
        model: EndpointModel | None = None,
        memory_mb: int = 2048,
        max_concurrency: int = 5,
        provisioned_concurrency: int | None = None,
        scaling: Scaling | None = None,
        proof: ScalingProof | None = None,
        outside_network: bool = False,
        follow_approvals: bool = False,
        alarms: AlarmLimits | None = None,
        image: ContainerImage | None = None,
        http_api: HttpApi | None = None,
    ) -> None:
        chosen = NewestApproved() if model is None else model
        networked = project.network.vpc_config() is not None
        raise_if_any(
            f"ServerlessEndpoint '{construct_id}'",
            [
                *name_problems(project, resource_name(project.name, construct_id)),
                *_size_problems(memory_mb, max_concurrency, provisioned_concurrency),
                *proof_problems(scaling, proof),
                *_scaling_problems(scaling, max_concurrency, provisioned_concurrency),
                *_network_problems(networked, outside_network, follow_approvals),
                *following_problems(follow_approvals, [chosen]),
            ],
        )
        size: dict[str, Any] = {"MemorySizeInMB": memory_mb, "MaxConcurrency": max_concurrency}
        warm = provisioned_concurrency if scaling is None else scaling.minimum
        if warm is not None:
            size["ProvisionedConcurrency"] = warm
        machine = {"InitialVariantWeight": 1.0, "ServerlessConfig": size}
        super().__init__(project, construct_id)
        self._make(
            Parts(
                variants=[ServedVariant(name=MAIN, model=chosen, machine=machine)],
                configuration={"KmsKeyId": project.key_arn},
                image=ContainerImage.scikit_learn() if image is None else image,
                follow_approvals=follow_approvals,
                limits=AlarmLimits() if alarms is None else alarms,
                graphs=SERVERLESS_GRAPHS,
                in_network=False,
                network_isolation=False,
                http_api=http_api,
            ),
        )
        if scaling is not None:
            EndpointScaling(
                self,
                "Scaling",
                project=project,
                endpoint_name=self.endpoint_name,
                variant_name=MAIN,
                scaling=scaling,
                serverless=True,
                max_concurrency=max_concurrency,
                proof=proof,
                depends_on=[self.resource],
            )
        self._show()


def _scaling_problems(scaling: Scaling | None, most: int, provisioned: int | None) -> Iterator[str]:
    if scaling is None:
        return
    if provisioned is not None:
        yield f"provisioned_concurrency is {provisioned}, and there is scaling, which decides on it; leave one out"
    if not 1 <= scaling.minimum <= scaling.maximum <= most:
        yield f"scaling goes from {scaling.minimum} to {scaling.maximum}; use 1 to the max_concurrency, {most}"


def _size_problems(memory_mb: int, max_concurrency: int, provisioned: int | None) -> Iterator[str]:
    if memory_mb not in MEMORY_MB:
        yield f"memory_mb is {memory_mb}; use one of {', '.join(map(str, MEMORY_MB))}"
    if not 1 <= max_concurrency <= MOST_CONCURRENCY:
        yield f"max_concurrency is {max_concurrency}; use 1 to {MOST_CONCURRENCY}"
    if provisioned is not None and not 1 <= provisioned <= max_concurrency:
        yield f"provisioned_concurrency is {provisioned}; use 1 to the max_concurrency, {max_concurrency}, or leave it out"


def _network_problems(networked: bool, outside: bool, follow_approvals: bool) -> Iterator[str]:
    if networked and not outside:
        yield (
            "models of this project run in its network, and SageMaker runs serverless ones outside of any; say "
            "outside_network=True if that is all right, or use a RealtimeEndpoint"
        )
    if networked and follow_approvals:
        yield (
            "follow_approvals would create a model outside of the project's network, which the project's boundary refuses to "
            "everybody but deployments; deploy after an approval, or use a RealtimeEndpoint"
        )
    if outside and not networked:
        yield "outside_network is set, and the project has no network; leave it out"
