"""What SageMaker's instance types have: vCPUs, memory and GPUs.

Facts of "Amazon SageMaker AI pricing" (aws.amazon.com/sagemaker/ai/pricing) for the families that most jobs use. A type that is not
here runs without a memory limit, and its job's log says so.
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_GIB = 1024**3


@dataclass(frozen=True)
class Instance:
    """One instance type."""

    vcpus: int
    memory_gib: int
    gpus: int = 0

    @property
    def memory_bytes(self) -> int:
        """The memory of one instance."""
        return self.memory_gib * BYTES_PER_GIB


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
# Families with the same memory for every vCPU: GiB per vCPU, and sizes.
_FAMILIES = {
    "m5": (4, "large xlarge 2xlarge 4xlarge 12xlarge 24xlarge"),
    "m6i": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "m7i": (4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
    "c5": (2, "xlarge 2xlarge 4xlarge 9xlarge 18xlarge"),
    "c6i": (2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
    "r5": (8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
}
_OTHERS = {
    "ml.t3.medium": Instance(2, 4),
    "ml.t3.large": Instance(2, 8),
    "ml.t3.xlarge": Instance(4, 16),
    "ml.t3.2xlarge": Instance(8, 32),
    "ml.g4dn.xlarge": Instance(4, 16, 1),
    "ml.g4dn.2xlarge": Instance(8, 32, 1),
    "ml.g4dn.4xlarge": Instance(16, 64, 1),
    "ml.g4dn.8xlarge": Instance(32, 128, 1),
    "ml.g4dn.12xlarge": Instance(48, 192, 4),
    "ml.g4dn.16xlarge": Instance(64, 256, 1),
    "ml.g5.xlarge": Instance(4, 16, 1),
    "ml.g5.2xlarge": Instance(8, 32, 1),
    "ml.g5.4xlarge": Instance(16, 64, 1),
    "ml.g5.8xlarge": Instance(32, 128, 1),
    "ml.g5.12xlarge": Instance(48, 192, 4),
    "ml.g5.16xlarge": Instance(64, 256, 1),
    "ml.g5.24xlarge": Instance(96, 384, 4),
    "ml.g5.48xlarge": Instance(192, 768, 8),
    "ml.p3.2xlarge": Instance(8, 61, 1),
    "ml.p3.8xlarge": Instance(32, 244, 4),
    "ml.p3.16xlarge": Instance(64, 488, 8),
}
INSTANCES: dict[str, Instance] = {
    f"ml.{family}.{size}": Instance(_VCPUS[size], _VCPUS[size] * gib_per_vcpu)
    for family, (gib_per_vcpu, sizes) in _FAMILIES.items()
    for size in sizes.split()
} | _OTHERS
