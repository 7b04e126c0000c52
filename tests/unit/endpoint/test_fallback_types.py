"""Instance types that are taken where there is no capacity of the preferred one."""

from __future__ import annotations

import pytest

from mlplatform import InvalidPropsError, MlProject, NewestApproved, RealtimeEndpoint, Variant
from tests.unit.endpoint.endpoints import of
from tests.unit.pipeline.synthesis import Synthesized


def test_types_become_pools_in_the_order_in_which_they_are_tried(endpoints: Synthesized) -> None:
    (variant,) = of(endpoints, "AWS::SageMaker::EndpointConfig", "DocumentsConfig")["ProductionVariants"]
    pools = [(pool["Priority"], pool["InstanceType"]) for pool in variant["InstancePools"]]
    assert pools == [(1, "ml.m5.large"), (2, "ml.m5.xlarge"), (3, "ml.m5.2xlarge")]
    assert "InstanceType" not in variant


def test_a_single_type_stays_one(endpoints: Synthesized) -> None:
    (variant,) = of(endpoints, "AWS::SageMaker::EndpointConfig", "PlainConfig")["ProductionVariants"]
    assert (variant["InstanceType"], "InstancePools" in variant) == ("ml.m5.large", False)


def test_types_that_cannot_be_are_refused(project: MlProject) -> None:
    with pytest.raises(InvalidPropsError, match=r"(?s)there are 6 instance types.*is there twice"):
        Variant(name="many", fallback_instance_types=["ml.m5.large"] * 5, model=NewestApproved())
    with pytest.raises(InvalidPropsError, match=r"'ml\.p9\.large', which the project may not use"):
        RealtimeEndpoint(project, "Live", fallback_instance_types=["ml.p9.large"])
