"""Groups of options that several kinds of step share: network, cache, retries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlpipelines.expressions import JsonObject, without_none


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """The VPC in which a job runs, SageMaker's own network when none is given, and what goes over the network.

    `encrypt_inter_container_traffic` matters only with more than one instance.
    `enable_network_isolation` cuts the container off from every network; S3 inputs and outputs still work.
    """

    subnets: Sequence[str] = ()
    security_group_ids: Sequence[str] = ()
    encrypt_inter_container_traffic: bool = False
    enable_network_isolation: bool = False

    def vpc_config(self) -> JsonObject | None:
        """The `VpcConfig` of a SageMaker request; None in SageMaker's own network."""
        if not self.subnets:
            return None
        return {"SecurityGroupIds": list(self.security_group_ids), "Subnets": list(self.subnets)}

    def processing_network_config(self) -> JsonObject:
        """The `NetworkConfig` of CreateProcessingJob, which groups what the other operations keep apart."""
        return without_none(
            EnableNetworkIsolation=self.enable_network_isolation,
            EnableInterContainerTrafficEncryption=self.encrypt_inter_container_traffic,
            VpcConfig=self.vpc_config(),
        )


@dataclass(frozen=True, kw_only=True)
class CacheConfig:
    """Reuse the outputs of a successful run of the step with the same arguments, when it is young enough.

    `expire_after` is an ISO 8601 duration: `P30D`, `P4DT12H`, `PT12H`.
    """

    expire_after: str = "P30D"

    def to_json(self) -> JsonObject:
        return {"Enabled": True, "ExpireAfter": self.expire_after}


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Try a step again when it fails for one of `exception_types`.

    The types (developer guide, "Retry Policy for Pipeline Steps"): `Step.SERVICE_FAULT`, `Step.THROTTLING`,
    `SageMaker.JOB_INTERNAL_ERROR`, `SageMaker.CAPACITY_ERROR`, `SageMaker.RESOURCE_LIMIT`.
    SageMaker takes a number of attempts or a time: `expire_after_minutes`, if given, replaces `max_attempts`.
    """

    exception_types: Sequence[str]
    interval_seconds: int = 1
    backoff_rate: float = 2.0
    max_attempts: int = 5
    expire_after_minutes: int | None = None

    def to_json(self) -> JsonObject:
        by_time = self.expire_after_minutes is not None
        limit = {"ExpireAfterMin": self.expire_after_minutes} if by_time else {"MaxAttempts": self.max_attempts}
        return {
            "BackoffRate": self.backoff_rate,
            "IntervalSeconds": self.interval_seconds,
            **limit,
            "ExceptionType": list(self.exception_types),
        }
