"""What pinning talks to, and which refusals it lives with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

T = TypeVar("T")

# Calls that come too often are tried again with growing pauses (AWS SDKs reference guide, "Retry behavior", standard mode).
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 8}, max_pool_connections=16)
_NOT_FOR_US = (
    *("AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403", "Forbidden", "InvalidObjectState"),
    *("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException"),
)
_NOT_THERE = (
    *("NoSuchBucket", "NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "PermanentRedirect"),
    *("RepositoryNotFoundException", "ImageNotFoundException", "LayersNotFoundException", "LayerInaccessibleException"),
    *("InvalidParameterException", "PreconditionFailed", "412"),
)


@dataclass(frozen=True, kw_only=True)
class Clients:
    """Clients of boto3, and list prices.

    Attributes:
        s3: reads any bucket of the account's jobs.
        ecr: a client for a region: AWS's images are in registries of their own in each.
        usd_per_hour: list price by instance type; a run on another type has no price.
    """

    s3: Any
    ecr: Callable[[str], Any]
    usd_per_hour: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Any, *, usd_per_hour: Mapping[str, float]) -> Self:
        """Clients of a `boto3.Session`, which try throttled calls again."""
        return cls(
            s3=session.client("s3", config=_CONFIG),
            ecr=lambda region: session.client("ecr", region_name=region, config=_CONFIG),
            usd_per_hour=usd_per_hour,
        )


def unless_out_of_reach(ask: Callable[[], T]) -> T | None:
    """What AWS answers; None where it says that something is not there, or not for us: then it cannot be pinned, now or later."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] not in (*_NOT_FOR_US, *_NOT_THERE):
            raise
        return None
