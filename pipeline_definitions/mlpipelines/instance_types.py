"""What the instance types of SageMaker jobs have and cost, as far as the platform knows.

Memory and vCPUs: "Amazon SageMaker AI pricing" (aws.amazon.com/sagemaker/ai/pricing). Prices: on demand, of processing and
training jobs in us-east-1, USD an hour, from the same page as quoted in public copies of it, looked up in November 2026;
only where two copies agreed. They order the rungs of a ladder and estimate costs; they are not a bill.
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_GIB = 1024**3


@dataclass(frozen=True)
class InstanceType:
    """One instance. `usd_per_hour` is None where no price is known for certain."""

    memory_gib: float
    vcpus: int
    usd_per_hour: float | None = None
    gpus: int = 0

    @property
    def memory_bytes(self) -> int:
        """The memory of one instance."""
        return int(self.memory_gib * BYTES_PER_GIB)


_VCPUS = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "9xlarge": 36,
    "12xlarge": 48,
    "16xlarge": 64,
    "18xlarge": 72,
    "24xlarge": 96,
    "32xlarge": 128,
    "48xlarge": 192,
}
# GiB of memory for each vCPU, and the sizes.
_FAMILIES = {
    "m5": (4, "large xlarge 2xlarge 4xlarge 12xlarge 24xlarge"),
    "m6i": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "m7i": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
    "c5": (2, "xlarge 2xlarge 4xlarge 9xlarge 18xlarge"),
    "c6i": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "r5": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
}
_USD_PER_HOUR = {
    "ml.t3.medium": 0.05,
    "ml.t3.large": 0.10,
    "ml.t3.xlarge": 0.20,
    "ml.t3.2xlarge": 0.399,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.m5.24xlarge": 5.53,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.r5.large": 0.151,
    "ml.r5.xlarge": 0.302,
    "ml.r5.2xlarge": 0.605,
    "ml.r5.4xlarge": 1.21,
    "ml.r5.8xlarge": 2.419,
    "ml.r5.16xlarge": 4.838,
    "ml.g4dn.xlarge": 0.736,
    "ml.g5.xlarge": 1.408,
}
_OTHERS = {
    "ml.t3.medium": (4, 2, 0),
    "ml.t3.large": (8, 2, 0),
    "ml.t3.xlarge": (16, 4, 0),
    "ml.t3.2xlarge": (32, 8, 0),
    "ml.g4dn.xlarge": (16, 4, 1),
    "ml.g4dn.2xlarge": (32, 8, 1),
    "ml.g4dn.4xlarge": (64, 16, 1),
    "ml.g4dn.8xlarge": (128, 32, 1),
    "ml.g4dn.12xlarge": (192, 48, 4),
    "ml.g4dn.16xlarge": (256, 64, 1),
    "ml.g5.xlarge": (16, 4, 1),
    "ml.g5.2xlarge": (32, 8, 1),
    "ml.g5.4xlarge": (64, 16, 1),
    "ml.g5.8xlarge": (128, 32, 1),
    "ml.g5.12xlarge": (192, 48, 4),
    "ml.g5.16xlarge": (256, 64, 1),
    "ml.g5.24xlarge": (384, 96, 4),
    "ml.g5.48xlarge": (768, 192, 8),
    "ml.p3.2xlarge": (61, 8, 1),
    "ml.p3.8xlarge": (244, 32, 4),
    "ml.p3.16xlarge": (488, 64, 8),
}
INSTANCE_TYPES: dict[str, InstanceType] = {
    name: InstanceType(memory_gib, vcpus, _USD_PER_HOUR.get(name), gpus)
    for name, (memory_gib, vcpus, gpus) in (
        {
            f"ml.{family}.{size}": (_VCPUS[size] * gib, _VCPUS[size], 0)
            for family, (gib, sizes) in _FAMILIES.items()
            for size in sizes.split()
        }
        | _OTHERS
    ).items()
}
