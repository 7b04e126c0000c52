from __future__ import annotations

from typing import get_args

import pytest
from aws_cdk import Aws

from mlplatform import ContainerImage, UnknownImageError
from mlplatform.pipeline.image import BuiltInAlgorithm


def test_the_scikit_learn_image_is_in_the_registry_of_the_region() -> None:
    image = ContainerImage.scikit_learn()
    tag = "sagemaker-scikit-learn:1.9-0-cpu-py3"
    assert image.uri("us-west-2") == f"246618743249.dkr.ecr.us-west-2.amazonaws.com/{tag}"
    assert image.uri("cn-north-1") == f"450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/{tag}"


def test_an_unknown_region_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownImageError, match=r"no scikit-learn image in region 'mars-north-1'; use one of af-south-1, .*us-west-2"
    ):
        ContainerImage.scikit_learn().uri("mars-north-1")


def test_a_region_that_synthesis_does_not_know_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(UnknownImageError, match="give the stack an environment with a region"):
        ContainerImage.scikit_learn().uri(Aws.REGION)


def test_built_in_algorithms_are_pinned_to_the_version_for_production() -> None:
    assert ContainerImage.built_in("kmeans").uri("us-east-1") == "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"


def test_each_built_in_algorithm_is_in_the_table() -> None:
    for algorithm in get_args(BuiltInAlgorithm):
        assert ContainerImage.built_in(algorithm).uri("eu-west-1").endswith(f"/{algorithm}:1")


def test_an_own_image_is_the_same_everywhere() -> None:
    assert (
        ContainerImage.from_uri("registry.example.com/team/image:1").uri("eu-west-1")
        == "registry.example.com/team/image:1"
    )
