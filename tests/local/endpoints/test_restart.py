"""Endpoints come up again with their engine, and their instances end with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

import mllocal
from tests.local.endpoints.models import capacity, create, invoke, put_config, put_model, settled, variant
from tests.local.endpoints.test_components import ask, at_rest, host, put_component, scale
from tests.local.workbench import Workbench


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_an_endpoint_serves_again_with_the_instances_it_had(tmp_path: Path, how: signal.Signals) -> None:
    engine = mllocal.up(tmp_path)
    try:
        workbench = Workbench.create(engine, "restarted")
        put_config(workbench, "kept", variant(put_model(workbench, "kept")))
        create(workbench, "kept", "kept")
        workbench.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="kept", DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
        )
        settled(workbench, "kept")
        instances = [child for child in psutil.Process(engine.pid).children() if _serves(child)]

        os.kill(engine.pid, how)
        _, alive = psutil.wait_procs([psutil.Process(engine.pid), *instances], timeout=20)
        again = Workbench(mllocal.up(tmp_path), workbench.bucket)

        assert (len(instances), alive) == (2, [])
        assert capacity(settled(again, "kept")) == (2, 2)
        assert invoke(again, "kept")["predictions"] == [pytest.approx(42)]
    finally:
        mllocal.down(tmp_path)


def test_components_serve_again_with_the_copies_they_had(tmp_path: Path) -> None:
    engine = mllocal.up(tmp_path)
    try:
        workbench = Workbench.create(engine, "components")
        host(workbench, "hosting")
        put_component(workbench, "hosting", put_model(workbench, "twice", LABEL="twice"))
        scale(workbench, "twice", 2)

        os.kill(engine.pid, signal.SIGKILL)
        psutil.Process(engine.pid).wait(timeout=20)
        again = Workbench(mllocal.up(tmp_path), workbench.bucket)
        settled(again, "hosting")

        assert at_rest(again, "twice")["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
        assert ask(again, "hosting", "twice") == "twice"
    finally:
        mllocal.down(tmp_path)


def _serves(process: psutil.Process) -> bool:
    return "serve" in process.cmdline()
