"""The scaling of an endpoint called quotes, in a project of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlplatform import EndpointScaling, MlProject
from mlscaling import Scaling, TargetTracking
from tests.unit.pipeline.synthesis import Synthesized, synthesize_project

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
TRACKING = TargetTracking(target=300)


def define(scaling: Scaling, **more: Any) -> Callable[[MlProject], EndpointScaling]:
    def defined(project: MlProject) -> EndpointScaling:
        return EndpointScaling(
            project,
            "Scaling",
            project=project,
            endpoint_name="quotes",
            variant_name="AllTraffic",
            scaling=scaling,
            **more,
        )

    return defined


def synthesized(directory: Path, scaling: Scaling, **more: Any) -> Synthesized:
    return synthesize_project(directory, define(scaling, **more))
