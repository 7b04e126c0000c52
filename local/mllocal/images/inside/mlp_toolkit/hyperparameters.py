"""Hyperparameters as the SDK encodes them, and how they reach a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .places import ToolkitError

# Set by the SDK's `distribution`; what they start needs several machines or GPUs.
_DISTRIBUTIONS = {
    "sagemaker_mpi_enabled": "MPI",
    "sagemaker_distributed_dataparallel_enabled": "smdistributed dataparallel",
    "sagemaker_parameter_server_enabled": "parameter server",
    "sagemaker_torch_distributed_enabled": "torch_distributed",
    "sagemaker_multi_worker_mirrored_strategy_enabled": "multi_worker_mirrored_strategy",
    "mp_parameters": "smdistributed modelparallel",
    "sagemaker_instance_groups": "instance groups",
    "sagemaker_distribution_instance_groups": "instance groups",
}


def decoded(given: Mapping[str, str]) -> dict[str, Any]:
    """Every value as the JSON it is, or as the plain string it is."""
    return {name: _decode(value) for name, value in given.items()}


def refuse_distributions(values: Mapping[str, Any]) -> None:
    """Raises `ToolkitError` for a distribution that cannot run here, by its name."""
    names = [label for name, label in _DISTRIBUTIONS.items() if values.get(name)]
    if names:
        raise ToolkitError(
            "ClientError",
            f"distribution {', '.join(names)} is not run by the embedded AWS: it needs several GPUs or hosts; leave `distribution` out",
        )


def arguments(values: Mapping[str, Any]) -> list[str]:
    """Hyperparameters as the script's command line: sorted, one letter with one dash, a mapping as `key=value,key=value`."""
    return [word for name in sorted(values) for word in (_flag(name), _argument(values[name]))]


def variable(value: Any) -> str:
    """A value as an environment variable: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except (json.JSONDecodeError, TypeError):
        return value


def _flag(name: str) -> str:
    return f"--{name}" if len(name) > 1 else f"-{name}"


def _argument(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in sorted(value.items()))
    return str(value)
