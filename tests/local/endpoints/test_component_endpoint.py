"""`ComponentEndpoint` from its own template: to zero and back by a request, and a version that does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplatform import ComponentEndpoint, InferenceComponent, MlProject, PinnedVersion
from mlscaling import WAKE_FROM_ZERO, Scaling, TargetTracking
from tests.local.endpoints.models import BROKEN
from tests.local.endpoints.test_components import answers, ask, instances, wait_until
from tests.local.endpoints.test_following import ENDPOINT, Deployed
from tests.local.workbench import Workbench

TO_ZERO = Scaling(minimum=0, maximum=1, target=TargetTracking(target=600), steps=(WAKE_FROM_ZERO,))


def test_models_go_to_zero_wake_for_a_request_and_go_again(fast: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(fast, tmp_path)

    def define(project: MlProject) -> None:
        components = [
            InferenceComponent(name="old", model=PinnedVersion(1), scaling=TO_ZERO),
            InferenceComponent(name="new", scaling=TO_ZERO),
        ]
        ComponentEndpoint(project, "Live", components=components)

    deployed.deploy(lambda project: None)
    for label in ("first", "second"):
        deployed.register(label)
    deployed.deploy(define)
    wait_until(lambda: instances(fast, ENDPOINT) == 0)
    slept = [answers(fast, ENDPOINT, f"{ENDPOINT}-{name}") for name in ("old", "new")]
    wait_until(lambda: answers(fast, ENDPOINT, f"{ENDPOINT}-old"))
    wait_until(lambda: answers(fast, ENDPOINT, f"{ENDPOINT}-new"))
    labels = [ask(fast, ENDPOINT, f"{ENDPOINT}-{name}") for name in ("old", "new")]
    wait_until(lambda: instances(fast, ENDPOINT) == 0)
    deployed.deploy(lambda project: None)

    assert (slept, labels) == ([False, False], ["first", "second"])
    assert fast.sagemaker.list_inference_components()["InferenceComponents"] == []


def test_a_version_that_does_not_start_goes_back(workbench: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(workbench, tmp_path)

    def define(project: MlProject) -> None:
        ComponentEndpoint(project, "Live", components=[InferenceComponent(name="only", copies=2)])

    deployed.deploy(lambda project: None)
    deployed.register("good")
    deployed.deploy(define)
    deployed.register("broken", BROKEN)
    with pytest.raises(AssertionError, match="the model container ended before it answered"):
        deployed.deploy(lambda project: _changed(project))

    assert ask(workbench, ENDPOINT, f"{ENDPOINT}-only") == "good"


def _changed(project: MlProject) -> None:
    """The same endpoint with more memory, so that the newest version is looked up again."""
    ComponentEndpoint(project, "Live", components=[InferenceComponent(name="only", copies=2, memory_mb=1200)])
