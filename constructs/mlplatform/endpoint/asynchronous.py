"""`AsyncEndpoint`: takes requests of minutes and gigabytes into a queue, and has no instances while there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlplatform.batch_inference.options import NewestApproved
from mlplatform.endpoint.backlog import backlog_policy, backlog_problems, scale_by_backlog
from mlplatform.endpoint.dashboard import ASYNC_GRAPHS, VARIANT_GRAPHS
from mlplatform.endpoint.endpoint import Endpoint, Parts, ServedVariant
from mlplatform.endpoint.options import (
    DEFAULT_INSTANCE_TYPE,
    MAIN,
    AlarmLimits,
    BlueGreen,
    EndpointModel,
    Variant,
    name_problems,
)
from mlplatform.endpoint.realtime import following_problems, volume_key
from mlplatform.endpoint.topics import result_topic
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.policy import Role, Statement
from mlplatform.project import MlProject
from mlplatform.project.job_permissions import use_key
from mlplatform.scaling import ScalingProof
from mlplatform.scaling.verdicts import prove_at_synth
from mlscaling import Scaling

MOST_CONCURRENT = 1000  # API reference, AsyncInferenceClientConfig.
_STUCK_MINUTES = 30  # Twice the longest provisioning that is known, and some.


class AsyncEndpoint(Endpoint):
    """An endpoint that queues requests: payloads of up to 1 GB in S3, an hour for each, and no instance while the queue is empty.

    When to use: for large documents, images or audio, and for bursts that may wait some minutes: the first request after a pause waits
    until there is an instance. Callers put the payload under `input_uri`, call `InvokeEndpointAsync`, and get the place of the answer
    under `output_uri`; the topics tell when it is there.

    It scales from 0 to `max_instances`: the first instance comes as soon as there is a backlog without one, more as the backlog of
    each grows beyond `backlog_per_instance`, and the last one goes when there is none.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the endpoint is called `<project>-<construct id in kebab case>`.
        model: the newest approved version when not given.
        instance_type, fallback_instance_types: its machines, as of `RealtimeEndpoint`.
        max_instances: the most at once; 1 when not given.
        min_instances: kept even without requests; 0 when not given, so that nothing costs at rest.
        backlog_per_instance: requests that may wait for each instance before there is another; 5 when not given.
        scaling: these three numbers as one policy, and a calendar: `by_backlog(...)`, or `read_scaling` of what `mlp scaling tune
            --asynchronous --out` wrote, with `dataclasses.replace(..., calendar=(...))` for instances that are there before
            announced requests.
        proof: known demand on which that is proved at synth, with `longest_wait_seconds` until the answer.
        max_concurrent_invocations: what one instance is asked at once, 1 to 1000; SageMaker chooses when not given.
        follow_approvals, deployment, alarms, image, network_isolation: as of `RealtimeEndpoint`; no alarm on latency when not given.

    Sources: Amazon SageMaker AI developer guide, "Asynchronous inference", "Autoscale an asynchronous endpoint". Raises
    `InvalidPropsError` with every mistake in the props.
    """

    def __init__(
        self,
        project: MlProject,
        construct_id: str,
        *,
        model: EndpointModel | None = None,
        instance_type: str = DEFAULT_INSTANCE_TYPE,
        fallback_instance_types: Sequence[str] = (),
        max_instances: int | None = None,
        min_instances: int | None = None,
        backlog_per_instance: float | None = None,
        scaling: Scaling | None = None,
        proof: ScalingProof | None = None,
        max_concurrent_invocations: int | None = None,
        follow_approvals: bool = False,
        deployment: BlueGreen | None = None,
        alarms: AlarmLimits | None = None,
        image: ContainerImage | None = None,
        network_isolation: bool = True,
    ) -> None:
        main = Variant(
            name=MAIN,
            model=NewestApproved() if model is None else model,
            instance_type=instance_type,
            fallback_instance_types=fallback_instance_types,
        )
        name = resource_name(project.name, construct_id)
        raise_if_any(
            f"AsyncEndpoint '{construct_id}'",
            [
                *name_problems(project, name),
                *main.limit_problems(project.limits),
                *backlog_problems(scaling, min_instances, max_instances, backlog_per_instance),
                *_concurrency_problems(max_concurrent_invocations),
                *following_problems(follow_approvals, [main.model]),
            ],
        )
        super().__init__(project, construct_id)
        self.input_uri: str = project.data_uri(f"{name}/input")
        """Where callers put payloads."""
        self.output_uri: str = project.output_uri(f"{name}/output")
        """Where answers are."""
        self.failure_uri: str = project.output_uri(f"{name}/failures")
        """Where it says why a request failed."""
        self._inputs = f"{project.scope.data_bucket_arn}/{name}/input/*"
        self._results = [f"{project.scope.output_bucket_arn}/{name}/{kind}/*" for kind in ("output", "failures")]
        self.success_topic_arn = result_topic(self, "Succeeded", name=f"{name}-succeeded", key_arn=project.key_arn)
        """Told of each answer."""
        self.error_topic_arn = result_topic(self, "Failed", name=f"{name}-failed", key_arn=project.key_arn)
        """Told of each request that failed."""
        machine = {**main.instances(), "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}
        self._make(
            Parts(
                variants=[ServedVariant(name=MAIN, model=main.model, machine=machine)],
                configuration={
                    **volume_key(project, [main]),
                    "AsyncInferenceConfig": self._queueing(project.key_arn, max_concurrent_invocations),
                },
                image=ContainerImage.scikit_learn() if image is None else image,
                follow_approvals=follow_approvals,
                limits=AlarmLimits(latency_milliseconds=None) if alarms is None else alarms,
                graphs=VARIANT_GRAPHS,
                endpoint_graphs=ASYNC_GRAPHS,
                statements=self._exchanging(),
                deployment=BlueGreen.all_at_once() if deployment is None else deployment,
                network_isolation=network_isolation,
                keeps_count=True,
            ),
        )
        policy = backlog_policy(scaling, min_instances, max_instances, backlog_per_instance)
        target = scale_by_backlog(self, name, policy, endpoint=self.resource)
        if proof is not None:
            prove_at_synth(self, target, policy, proof, subject=f"scaling of endpoint '{name}'")
        self.alarms.add(
            "BacklogStuck",
            minutes=_STUCK_MINUTES,
            metric_name="HasBacklogWithoutCapacity",
            statistic="Minimum",
            threshold=0,
            dimensions=[{"name": "EndpointName", "value": name}],
            alarm_description=(
                f"Requests of {name} have waited for {_STUCK_MINUTES} minutes, and there is no instance: the type may not be to be had, "
                f"its quota may be used up, or containers may not start. Log group: /aws/sagemaker/Endpoints/{name}."
            ),
        )
        self._show()

    def grant_invoke(self, role: Role) -> None:
        """Let a role of the project put payloads, invoke, and read what came of it."""
        role.allow(
            Statement(
                sid="InvokeAsynchronously", actions=["sagemaker:InvokeEndpointAsync"], resources=[self.endpoint_arn]
            ),
            Statement(
                sid="PutPayloads",
                actions=["s3:AbortMultipartUpload", "s3:PutObject"],
                resources=[self._inputs],
                wildcard_reason="callers name their payloads, under the prefix of this endpoint",
            ),
            Statement(
                sid="ReadAnswers",
                actions=["s3:GetObject"],
                resources=self._results,
                wildcard_reason="SageMaker names answers at run time, under the prefix of this endpoint",
            ),
            use_key(self._project.scope),
        )

    def _queueing(self, key_arn: str, concurrent: int | None) -> dict[str, Any]:
        client = {} if concurrent is None else {"MaxConcurrentInvocationsPerInstance": concurrent}
        return {
            **({"ClientConfig": client} if client else {}),
            "OutputConfig": {
                "S3OutputPath": self.output_uri,
                "S3FailurePath": self.failure_uri,
                "KmsKeyId": key_arn,
                "NotificationConfig": {"SuccessTopic": self.success_topic_arn, "ErrorTopic": self.error_topic_arn},
            },
        }

    def _exchanging(self) -> list[Statement]:
        return [
            Statement(
                sid="ReadPayloads",
                actions=["s3:GetObject"],
                resources=[self._inputs],
                wildcard_reason="callers name their payloads, under the prefix of this endpoint",
            ),
            Statement(
                sid="WriteAnswers",
                actions=["s3:AbortMultipartUpload", "s3:PutObject"],
                resources=self._results,
                wildcard_reason="SageMaker names answers at run time, under the prefix of this endpoint",
            ),
            Statement(
                sid="TellOfResults",
                actions=["sns:Publish"],
                resources=[self.success_topic_arn, self.error_topic_arn],
            ),
        ]


def _concurrency_problems(concurrent: int | None) -> Iterator[str]:
    if concurrent is not None and not 1 <= concurrent <= MOST_CONCURRENT:
        yield f"max_concurrent_invocations is {concurrent}; use 1 to {MOST_CONCURRENT}, or leave it out"
