"""SageMaker's operations as botocore describes them. No client is made: only the model file is read."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

Shape: TypeAlias = Any
"""A `botocore.model.Shape`; botocore has no type information."""


@cache
def _service_model() -> Any:
    # Imported here because the gate is the only user, and importing mlpipelines must stay fast.
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


@cache
def input_shape(operation: str) -> Shape:
    """The shape of what an operation takes."""
    return _service_model().operation_model(operation).input_shape


@cache
def output_shape(operation: str) -> Shape:
    """The shape of what an operation answers."""
    return _service_model().operation_model(operation).output_shape
