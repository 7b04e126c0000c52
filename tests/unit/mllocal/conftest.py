"""Files as a job finds them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.mllocal.toolkit import Ml


@pytest.fixture
def ml(tmp_path: Path) -> Ml:
    """The second of a training job's two hosts, before it starts."""
    ml = Ml(tmp_path / "ml")
    hosts = ["algo-1", "algo-2"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": hosts}
    resources = {
        "current_host": "algo-2",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
    ml.write("input/config/resourceconfig.json", json.dumps(resources))
    ml.write("input/config/inputdataconfig.json", json.dumps({"train": {"TrainingInputMode": "File"}}))
    return ml
