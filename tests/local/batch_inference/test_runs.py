"""Batch inference on the embedded AWS, from its template: what is published, and by whom."""

from __future__ import annotations

from pathlib import Path

import pytest

import mllocal
from tests.local.batch_inference.lanes import Lanes
from tests.local.workbench import Workbench


@pytest.fixture(scope="module")
def lanes(engine: mllocal.Engine, tmp_path_factory: pytest.TempPathFactory) -> Lanes:
    """Two pipelines, and version 1 of their model."""
    workbench = Workbench.create(engine, "batch-inference")
    found = Lanes.deploy(workbench, tmp_path_factory.mktemp("runs"), "quick", {"plain": {}, "other": {}})
    found.register()
    return found


def test_a_run_is_published_whole_with_what_it_was_made_of(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-05", ["a,1", "b,2", "c,13", "d,oops", "e,5"])
    print(lanes.start("plain", "2026-01-05T03:00:00+00:00"))
    state = lanes.settle("plain")
    print(state)
    (manifest,) = lanes.manifests("plain").values()
    print(manifest)
    (files,) = lanes.published_files("plain").values()
    assert lanes.predictions(files) == [("a", 1.0), ("b", 2.0), ("e", 5.0)]
