"""Instance pools: the next type where there is no capacity of the preferred one, when an endpoint is made and when it grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Tags
from botocore.exceptions import ClientError

from mlplatform import MlProject, RealtimeEndpoint
from tests.local.endpoints.deployed import Deployed
from tests.local.endpoints.models import create, put_config, put_model, settled, variant
from tests.local.workbench import Workbench

POOLS = [{"InstanceType": "ml.m5.large", "Priority": 1}, {"InstanceType": "ml.c5.xlarge", "Priority": 2}]


def pooled(workbench: Workbench, name: str) -> dict[str, Any]:
    """A variant with pools instead of a type."""
    document = variant(put_model(workbench, name), InstancePools=POOLS)
    del document["InstanceType"]
    return document


def counts(endpoint: dict[str, Any]) -> dict[str, int]:
    (only,) = endpoint["ProductionVariants"]
    return {pool["InstanceType"]: pool["CurrentInstanceCount"] for pool in only["InstancePools"]}


def resize(workbench: Workbench, name: str, count: int) -> dict[str, int]:
    workbench.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
    )
    return counts(settled(workbench, name))


def take_away(workbench: Workbench, arn: str, words: str) -> None:
    workbench.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "mlp:fault", "Value": words}])


def test_an_endpoint_grows_on_the_next_type_and_shrinks_from_it_first(fast: Workbench) -> None:
    put_config(fast, "pooled", pooled(fast, "pooled"))
    endpoint = create(fast, "pooled", "pooled")
    begun = counts(endpoint)
    take_away(fast, endpoint["EndpointArn"], "capacity:ml.m5.large")
    grown = resize(fast, "pooled", 2)
    shrunk = resize(fast, "pooled", 1)

    assert begun == {"ml.m5.large": 1}
    assert grown == {"ml.m5.large": 1, "ml.c5.xlarge": 1}
    assert shrunk == {"ml.m5.large": 1}


def test_without_capacity_of_any_type_nothing_comes_and_what_there_is_stays(fast: Workbench) -> None:
    put_config(fast, "scarce", pooled(fast, "scarce"))
    endpoint = create(fast, "scarce", "scarce")
    take_away(fast, endpoint["EndpointArn"], "capacity:ml.m5.large capacity:ml.c5.xlarge")

    assert resize(fast, "scarce", 2) == {"ml.m5.large": 1}
    assert settled(fast, "scarce")["FailureReason"].startswith("CapacityError: Unable to provision")


def test_pools_that_cannot_be_are_refused(fast: Workbench) -> None:
    with pytest.raises(ClientError, match="InstancePools besides InstanceType"):
        put_config(fast, "both", variant(put_model(fast, "both"), InstancePools=POOLS))
    with pytest.raises(ClientError, match="Priority twice"):
        put_config(fast, "twice", {**pooled(fast, "twice"), "InstancePools": [POOLS[0], {**POOLS[1], "Priority": 1}]})


def test_an_endpoint_of_a_project_comes_up_on_its_fallback(workbench: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(workbench, tmp_path, "pooled")

    def define(project: MlProject) -> None:
        endpoint = RealtimeEndpoint(project, "Live", fallback_instance_types=["ml.m5.xlarge"])
        Tags.of(endpoint).add("mlp:fault", "capacity:ml.m5.large")

    deployed.deploy(lambda project: None)
    deployed.register("good")
    deployed.deploy(define)

    assert counts(settled(workbench, deployed.endpoint)) == {"ml.m5.xlarge": 1}
    assert deployed.answers() == "good"
