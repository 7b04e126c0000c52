"""The endpoint that is tested: what is behind it, what that costs, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mlp.errors import CliError, ExitCode, not_found
from mlp.loadtest.generator import MOST_IN_FLIGHT
from mlpipelines.instance_types import INSTANCE_TYPES

if TYPE_CHECKING:
    from mlp.target import Target


@dataclass(frozen=True, kw_only=True)
class Instances:
    """Behind one variant. The type is not known of an endpoint whose configuration names a pool of them."""

    count: int
    instance_type: str | None

    @property
    def usd_per_hour(self) -> float | None:
        """Of all of them, by the list price of jobs in us-east-1; None where it is not known."""
        known = INSTANCE_TYPES.get(self.instance_type or "")
        return None if known is None or known.usd_per_hour is None else self.count * known.usd_per_hour


@dataclass(frozen=True)
class EndpointUnderTest:
    """One variant of an endpoint."""

    target: Target
    name: str
    variant: str

    def instances(self) -> Instances:
        """As they are now. Raises `CliError` for an endpoint that is not in service, or has no such variant or no instances."""
        sagemaker = self.target.client("sagemaker")
        described = sagemaker.describe_endpoint(EndpointName=self.name)
        if described["EndpointStatus"] != "InService":
            cause = f"the endpoint {self.name} is {described['EndpointStatus']}"
            raise CliError(cause, fix="test it when it is InService", exit_code=ExitCode.RUN_FAILED)
        variants = {one["VariantName"]: one for one in described.get("ProductionVariants", [])}
        if self.variant not in variants:
            raise not_found("variant", self.variant, known=variants, where=f"the endpoint {self.name}")
        count = variants[self.variant].get("CurrentInstanceCount", 0)
        if not count:
            cause = f"variant {self.variant} of endpoint {self.name} has no instances now"
            raise CliError(cause, fix="test one that has instances of its own", exit_code=ExitCode.RUN_FAILED)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        types = {one["VariantName"]: one.get("InstanceType") for one in config["ProductionVariants"]}
        return Instances(count=count, instance_type=types.get(self.variant))

    def sender(
        self, payloads: Sequence[bytes], content_type: str, *, timeout_seconds: float
    ) -> Callable[[int], str | None]:
        """Sends a payload, one after the other of them, once: a request that fails is a request that failed."""
        options = Config(retries={"max_attempts": 0}, read_timeout=timeout_seconds, max_pool_connections=MOST_IN_FLIGHT)
        runtime: Any = self.target.client("sagemaker-runtime", options)

        def send(number: int) -> str | None:
            try:
                answer = runtime.invoke_endpoint(
                    EndpointName=self.name,
                    TargetVariant=self.variant,
                    Body=payloads[number % len(payloads)],
                    ContentType=content_type,
                )
                answer["Body"].read()
            except (BotoCoreError, ClientError) as error:
                return str(error)
            return None

        return send
