"""Which local environment stands for an image."""

from __future__ import annotations

import pytest

from mllocal.images import UnknownImageError, image_for


@pytest.mark.parametrize(
    "registry", ["683313688378.dkr.ecr.us-east-1.amazonaws.com", "354813040037.dkr.ecr.ap-northeast-1.amazonaws.com"]
)
def test_an_image_is_known_in_every_region(registry: str) -> None:
    assert image_for(f"{registry}/sagemaker-scikit-learn:1.9-0-cpu-py3").name == "scikit_learn_1_9_0"


@pytest.mark.parametrize("uri", ["sagemaker-scikit-learn", "team/image:latest", "sagemaker-scikit-learn:0.1"])
def test_an_unknown_image_is_an_error_that_names_those_there_are(uri: str) -> None:
    with pytest.raises(UnknownImageError, match=f"image '{uri}' has no local environment.*1.9-0-cpu-py3"):
        image_for(uri)
