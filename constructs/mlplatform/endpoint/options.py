"""What a team may say about its endpoint; every part has a default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlplatform.batch_inference.options import NewestApproved, PinnedVersion
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import JobLimits, MlProject
from mlplatform.scaling import ScalingProof
from mlscaling import Scaling

EndpointModel = NewestApproved | PinnedVersion
"""Which version of the project's registry predicts."""
MAIN = "main"
"""What the variant is called that the endpoint itself describes."""
DEFAULT_INSTANCE_TYPE = "ml.m5.large"
MAX_ENDPOINT_NAME_LENGTH = 63 - len("-v99999-01234567")
"""What a version brings is called after the endpoint, too, and has 63 characters (API reference, CreateEndpointConfig)."""
MOST_POOLS = 5  # API reference, ProductionVariant, InstancePools.
MOST_VARIANTS = 10  # API reference, CreateEndpointConfig, ProductionVariants.
ROUTING = {"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}
"""Of a variant: a request goes to the instance that has the fewest. SageMaker's own way is chance, which lets some wait while others idle
(API reference, `ProductionVariantRoutingConfig`)."""
_VARIANT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_LONGEST_WAIT_MINUTES = 60  # API reference, BlueGreenUpdatePolicy and TrafficRoutingConfig: 3600 seconds.
_MOST_EXECUTION_SECONDS = 28_800  # API reference, BlueGreenUpdatePolicy: MaximumExecutionTimeoutInSeconds.
_PROVISIONING_SECONDS = 3_600  # Time for the new fleet, before traffic moves at all.


@dataclass(frozen=True, kw_only=True)
class BlueGreen:
    """How traffic moves to a new fleet: made by `all_at_once`, `canary` or `linear`.

    The old fleet stays for `bake_minutes` after all traffic has moved; until then any alarm of the endpoint moves everything back. A
    deployment needs twice the instances while it lasts, and their quota.

    Parameters:
        kind: `ALL_AT_ONCE`, `CANARY` or `LINEAR`.
        percent: of the capacity that gets the first traffic (canary, up to 50) or each step of it (linear, 10 to 50).
        wait_minutes: for which the alarms are watched after a step, up to 60.
        bake_minutes: how long the old fleet is kept at the end, up to 60.

    Sources: API reference, `BlueGreenUpdatePolicy`, `TrafficRoutingConfig`; Amazon SageMaker AI developer guide, "Blue/Green
    Deployments". Raises `InvalidPropsError` with every number that is out of range.
    """

    kind: str = "ALL_AT_ONCE"
    percent: int | None = None
    wait_minutes: int = 0
    bake_minutes: int = 5

    def __post_init__(self) -> None:
        raise_if_any("BlueGreen", self._problems())

    @classmethod
    def all_at_once(cls, *, bake_minutes: int = 5) -> BlueGreen:
        """All traffic moves as soon as the new fleet is there: the shortest, so the cheapest."""
        return cls(bake_minutes=bake_minutes)

    @classmethod
    def canary(cls, *, percent: int = 10, wait_minutes: int = 10, bake_minutes: int = 5) -> BlueGreen:
        """A part of the traffic moves first; the rest when the alarms kept quiet."""
        return cls(kind="CANARY", percent=percent, wait_minutes=wait_minutes, bake_minutes=bake_minutes)

    @classmethod
    def linear(cls, *, percent: int = 20, wait_minutes: int = 5, bake_minutes: int = 5) -> BlueGreen:
        """Traffic moves in equal steps."""
        return cls(kind="LINEAR", percent=percent, wait_minutes=wait_minutes, bake_minutes=bake_minutes)

    def policy(self, alarm_names: Sequence[str]) -> dict[str, Any]:
        """`DeploymentConfig` as the API writes it."""
        routing: dict[str, Any] = {"Type": self.kind, "WaitIntervalInSeconds": self.wait_minutes * 60}
        if self.percent is not None:
            size = "CanarySize" if self.kind == "CANARY" else "LinearStepSize"
            routing[size] = {"Type": "CAPACITY_PERCENT", "Value": self.percent}
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": self.bake_minutes * 60,
                "MaximumExecutionTimeoutInSeconds": min(
                    _PROVISIONING_SECONDS + self._shifting_seconds, _MOST_EXECUTION_SECONDS
                ),
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarm_names]},
        }

    @property
    def _shifting_seconds(self) -> int:
        steps = 1 if self.percent is None or self.kind != "LINEAR" else -(-100 // self.percent)
        return steps * self.wait_minutes * 60 + self.bake_minutes * 60

    def _problems(self) -> Iterator[str]:
        smallest = {"ALL_AT_ONCE": None, "CANARY": 1, "LINEAR": 10}
        if self.kind not in smallest:
            yield f"kind is '{self.kind}'; use BlueGreen.all_at_once(), BlueGreen.canary() or BlueGreen.linear()"
            return
        least = smallest[self.kind]
        if (least is None) is not (self.percent is None):
            yield f"{self.kind} has percent {self.percent}; leave it out for ALL_AT_ONCE, and give it otherwise"
        elif least is not None and self.percent is not None and not least <= self.percent <= 50:
            yield f"percent of {self.kind} is {self.percent}; use {least} to 50"
        for name, value in (("wait_minutes", self.wait_minutes), ("bake_minutes", self.bake_minutes)):
            if not 0 <= value <= _LONGEST_WAIT_MINUTES:
                yield f"{name} is {value}; use 0 to {_LONGEST_WAIT_MINUTES}"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Another model on the endpoint: beside the main one for a share of the requests, or as its shadow.

    Requests are shared out by weight; the main variant has weight 1, so that one beside it with 0.25 gets a fifth.

    Parameters:
        name: what metrics and `TargetVariant` call it.
        model: the newest approved version, or a pinned one.
        instance_type, instance_count: its machines. Beside a variant that is scaled, `instance_count` counts when the variant is made.
        fallback_instance_types: what is taken, in this order, where there is no capacity of `instance_type`; up to 4, none when not given.
        weight: its share of the requests, against those of the others. Of a shadow: the share of the main variant's requests
            that is copied to it, up to 1.
        scaling: what scales it; the count is fixed when not given.
        proof: what `scaling` is proved on at synthesis: the requests that this variant gets.

    Raises `InvalidPropsError` with everything that is wrong.
    """

    name: str
    model: EndpointModel
    instance_type: str = DEFAULT_INSTANCE_TYPE
    instance_count: int = 1
    fallback_instance_types: Sequence[str] = ()
    weight: float = 1.0
    scaling: Scaling | None = None
    proof: ScalingProof | None = None

    def __post_init__(self) -> None:
        raise_if_any(f"Variant '{self.name}'", self._problems())

    def _problems(self) -> Iterator[str]:
        if _VARIANT_NAME.fullmatch(self.name) is None:
            yield f"name is '{self.name}'; use letters and digits with hyphens between, 63 at most, such as 'challenger'"
        if self.instance_count < 1:
            yield f"instance_count is {self.instance_count}; use 1 or more"
        if self.scaling is not None and self.instance_count != 1:
            yield f"instance_count is {self.instance_count}, and there is scaling, which decides on it; leave one out"
        if len(self.instance_types) > MOST_POOLS:
            yield f"there are {len(self.instance_types)} instance types; use {MOST_POOLS} at most, instance_type among them"
        if len(set(self.instance_types)) < len(self.instance_types):
            yield f"an instance type is there twice: {', '.join(self.instance_types)}; name each once"
        if self.weight < 0:
            yield f"weight is {self.weight}; use 0 or more"
        yield from proof_problems(self.scaling, self.proof)

    def limit_problems(self, limits: JobLimits) -> Iterator[str]:
        """A sentence for each instance type that the project may not use."""
        for instance_type in self.instance_types:
            if instance_type not in limits.instance_types:
                yield (
                    f"variant '{self.name}' asks for instance type '{instance_type}', which the project may not use; take one of "
                    f"{', '.join(limits.instance_types)}, or have '{instance_type}' added to the project's instance_types"
                )

    @property
    def instance_types(self) -> tuple[str, ...]:
        """All that it may have, the preferred one first."""
        return (self.instance_type, *self.fallback_instance_types)

    def instances(self) -> dict[str, Any]:
        """Its type as the API writes it: one, or pools in the order in which they are tried."""
        if not self.fallback_instance_types:
            return {"InstanceType": self.instance_type}
        pools = [{"InstanceType": it, "Priority": number} for number, it in enumerate(self.instance_types, start=1)]
        return {"InstancePools": pools}

    @property
    def first_instance_count(self) -> int:
        """With how many instances it is created; what scales it decides afterwards."""
        return self.instance_count if self.scaling is None else max(self.scaling.minimum, 1)


@dataclass(frozen=True, kw_only=True)
class DataCapture:
    """A sample of requests and answers, kept as JSON lines in the artifact bucket under `<endpoint>/captured/`.

    When to use: to look for drift, and to see what was answered. It is off by default: requests may hold what nobody wants kept,
    everything that is kept costs storage, and at a high rate capturing takes disk and time of the instances.

    Parameters:
        percent: of the requests, 1 to 100.
        answers: whether answers are kept beside the requests.
        csv, json: content types that are kept as text; everything else is kept in base64.

    Raises `InvalidPropsError` if `percent` is out of range.
    """

    percent: int
    answers: bool = True
    csv: tuple[str, ...] = ("text/csv",)
    json: tuple[str, ...] = ("application/json",)

    def __post_init__(self) -> None:
        if not 1 <= self.percent <= 100:
            raise_if_any("DataCapture", [f"percent is {self.percent}; use 1 to 100, or leave the capture out"])

    def config(self, *, uri: str, key_arn: str) -> dict[str, Any]:
        """`DataCaptureConfig` as the API writes it."""
        return {
            "EnableCapture": True,
            "InitialSamplingPercentage": self.percent,
            "DestinationS3Uri": uri,
            "KmsKeyId": key_arn,
            "CaptureOptions": [{"CaptureMode": mode} for mode in ("Input", *(("Output",) if self.answers else ()))],
            "CaptureContentTypeHeader": {"CsvContentTypes": list(self.csv), "JsonContentTypes": list(self.json)},
        }


@dataclass(frozen=True, kw_only=True)
class AlarmLimits:
    """When somebody is told about an endpoint, and a deployment is rolled back: three minutes in a row over a limit.

    Parameters:
        server_error_percent: of requests that were answered with 5XX.
        latency_milliseconds: that 99 of 100 requests spend in the model; None for no such alarm.

    Raises `InvalidPropsError` with every limit that is none.
    """

    server_error_percent: float = 1.0
    latency_milliseconds: float | None = 1000.0

    def __post_init__(self) -> None:
        raise_if_any("AlarmLimits", self._problems())

    def _problems(self) -> Iterator[str]:
        if not 0 < self.server_error_percent < 100:
            yield f"server_error_percent is {self.server_error_percent}; use more than 0, less than 100"
        if self.latency_milliseconds is not None and not self.latency_milliseconds > 0:
            yield f"latency_milliseconds is {self.latency_milliseconds}; use more than 0, or None for no alarm"


def variant_problems(
    main: Variant, beside: Sequence[Variant], shadow: Variant | None, limits: JobLimits
) -> Iterator[str]:
    """A sentence for everything that keeps these variants from being one endpoint."""
    everyone = [main, *beside, *(() if shadow is None else (shadow,))]
    for variant in everyone:
        yield from variant.limit_problems(limits)
    names = [variant.name for variant in everyone]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two variants are called '{name}'; give each a name of its own"
    if len(beside) >= MOST_VARIANTS:
        yield f"{len(beside) + 1} variants share the requests; an endpoint has {MOST_VARIANTS} at most"
    if shadow is not None and beside:
        yield "there is a shadow, and there are variants beside the main one; SageMaker allows a shadow of a single variant only"
    for variant in everyone:
        if variant.scaling is not None and variant.scaling.minimum == 0:
            yield f"scaling of variant '{variant.name}' has minimum 0; a variant keeps 1 at least: use that, or an AsyncEndpoint"
    if shadow is not None and shadow.scaling is not None:
        yield f"the shadow '{shadow.name}' has scaling; give it an instance_count, since nobody waits for its answers"
    if shadow is not None and not 0 < shadow.weight <= 1:
        yield f"weight of the shadow '{shadow.name}' is {shadow.weight}; use more than 0, up to 1: the share of requests it gets"


def proof_problems(scaling: Scaling | None, proof: ScalingProof | None) -> Iterator[str]:
    """Whether a proof has something to prove."""
    if proof is not None and scaling is None:
        yield "there is a proof and no scaling; give the scaling that it proves, or leave it out"


def name_problems(project: MlProject, name: str) -> Iterator[str]:
    """A sentence if the endpoint, or what is called after it, would have a name that AWS does not take, or that there is already."""
    if name in project.endpoints:
        yield f"endpoint '{project.endpoints[name]}' of the project is called '{name}', too; use another construct id"
    if len(name) > MAX_ENDPOINT_NAME_LENGTH:
        yield (
            f"the endpoint's name '{name}' has {len(name)} characters; use a shorter construct id, "
            f"for {MAX_ENDPOINT_NAME_LENGTH} at most"
        )
