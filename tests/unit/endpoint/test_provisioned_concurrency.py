"""What scales the containers that a serverless endpoint keeps warm."""

from __future__ import annotations

import pytest

from mlplatform import EndpointScaling, InvalidPropsError, MlProject, ServerlessEndpoint
from mlscaling import Scaling, TargetTracking
from tests.unit.endpoint.endpoints import WARM, of
from tests.unit.pipeline.synthesis import Synthesized


def test_warm_containers_follow_their_use(endpoints: Synthesized) -> None:
    target = of(endpoints, "AWS::ApplicationAutoScaling::ScalableTarget", "WarmScalingTarget")
    policy = of(endpoints, "AWS::ApplicationAutoScaling::ScalingPolicy", "WarmScalingTargetTracking")
    (variant,) = of(endpoints, "AWS::SageMaker::EndpointConfig", "WarmConfig")["ProductionVariants"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 8)
    assert tracking["PredefinedMetricSpecification"]["PredefinedMetricType"] == (
        "SageMakerVariantProvisionedConcurrencyUtilization"
    )
    assert variant["ServerlessConfig"]["ProvisionedConcurrency"] == 1


def test_what_does_not_scale_warm_containers_is_refused(project: MlProject) -> None:
    with pytest.raises(InvalidPropsError, match=r"(?s)decides on it.*use 1 to the max_concurrency, 5"):
        ServerlessEndpoint(project, "Both", outside_network=True, provisioned_concurrency=1, scaling=WARM)
    tracked = Scaling(maximum=2, target=TargetTracking(target=9))
    with pytest.raises(InvalidPropsError, match="has no instances to track"):
        _scale(project, "A", tracked, serverless=True)
    with pytest.raises(InvalidPropsError, match="which a serverless endpoint has"):
        _scale(project, "B", WARM, serverless=False)


def _scale(project: MlProject, construct_id: str, scaling: Scaling, *, serverless: bool) -> None:
    EndpointScaling(
        project,
        construct_id,
        project=project,
        endpoint_name="demo",
        variant_name="main",
        scaling=scaling,
        serverless=serverless,
    )
