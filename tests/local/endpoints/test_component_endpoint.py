"""`ComponentEndpoint` from its own template: to zero and back by a request, and a version that does not start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlplatform import ComponentEndpoint, InferenceComponent, MlProject, PinnedVersion
from mlscaling import WAKE_FROM_ZERO, Scaling, TargetTracking
from tests.local.endpoints.deployed import Deployed
from tests.local.endpoints.models import BROKEN
from tests.local.endpoints.test_components import answers, ask, instances, wait_until
from tests.local.workbench import Workbench

TO_ZERO = Scaling(minimum=0, maximum=1, target=TargetTracking(target=600), steps=(WAKE_FROM_ZERO,))


def test_models_go_to_zero_wake_for_a_request_and_go_again(fast: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(fast, tmp_path, "woken")

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
    wait_until(lambda: instances(fast, deployed.endpoint) == 0)
    slept = [answers(fast, deployed.endpoint, f"{deployed.endpoint}-{name}") for name in ("old", "new")]
    wait_until(lambda: answers(fast, deployed.endpoint, f"{deployed.endpoint}-old"))
    wait_until(lambda: answers(fast, deployed.endpoint, f"{deployed.endpoint}-new"))
    labels = [ask(fast, deployed.endpoint, f"{deployed.endpoint}-{name}") for name in ("old", "new")]
    wait_until(lambda: instances(fast, deployed.endpoint) == 0)
    deployed.deploy(lambda project: None)

    assert (slept, labels) == ([False, False], ["first", "second"])
    assert fast.sagemaker.list_inference_components()["InferenceComponents"] == []


def test_a_version_comes_by_a_deployment_and_one_that_does_not_start_goes_back(fast: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(fast, tmp_path, "replaced")

    def of(memory_mb: int) -> Callable[[MlProject], object]:
        """The endpoint; with more memory it is another one, so that the newest version is looked up again."""
        components = [InferenceComponent(name="only", copies=2, memory_mb=memory_mb)]
        return lambda project: ComponentEndpoint(project, "Live", components=components, max_instances=2)

    deployed.deploy(lambda project: None)
    answered = []
    for number, label in enumerate(("first", "second")):
        deployed.register(label)
        deployed.deploy(of(1100 + number))
        answered.append(ask(fast, deployed.endpoint, f"{deployed.endpoint}-only"))
    deployed.register("broken", BROKEN)
    with pytest.raises(AssertionError, match="the model container ended before it answered"):
        deployed.deploy(of(1200))

    assert answered == ["first", "second"]
    assert ask(fast, deployed.endpoint, f"{deployed.endpoint}-only") == "second"
    deployed.deploy(lambda project: None)
