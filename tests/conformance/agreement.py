"""How two definitions of one pipeline are compared: what the SDK writes and we leave out is named here, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = Any

# What the SDK's ModelBuilder adds to every container's environment, whatever the container is.
_SDK_ENVIRONMENT = (
    "SAGEMAKER_PROGRAM",
    "SAGEMAKER_SUBMIT_DIRECTORY",
    "SAGEMAKER_CONTAINER_LOG_LEVEL",
    "SAGEMAKER_REGION",
)


def normal(value: Json) -> Json:
    """A definition without the two ways of saying the same that the API's defaults allow.

    - `AppManaged: false` and `DisableProfiler: true` are the service's defaults for what these pipelines do; SDK 2
      and we write them, SDK 3 does not.
    - A join of one value with nothing between is the value as text, where the API wants text.
    - `MlflowConfig: null` is no MLflow, `HyperParameters: {}` no hyperparameters; SDK 3 writes them.
    """
    if isinstance(value, list):
        return [normal(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Std:Join": {"On": "", "Values": [only]}}:
            return normal(only)
    kept = {name: normal(item) for name, item in value.items() if not _says_nothing(name, item)}
    if isinstance(kept.get("Environment"), dict):
        kept["Environment"] = {name: item for name, item in kept["Environment"].items() if name not in _SDK_ENVIRONMENT}
    if kept.get("Environment") == {}:
        del kept["Environment"]
    return kept


def differences(ours: Json, theirs: Json, path: str = "") -> Iterator[str]:
    """A line for each place where two JSON values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            if name not in theirs:
                yield f"{path}.{name}: only ours, {ours[name]!r}"
            elif name not in ours:
                yield f"{path}.{name}: only the SDK's, {theirs[name]!r}"
            else:
                yield from differences(ours[name], theirs[name], f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path}: ours {ours!r}, the SDK's {theirs!r}"


def _says_nothing(name: str, item: Json) -> bool:
    return (name, item) in (
        ("AppManaged", False),
        ("HyperParameters", {}),
        ("MlflowConfig", None),
        ("ProfilerConfig", {"DisableProfiler": True}),
    )
