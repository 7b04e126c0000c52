"""The table of AWS's images by region says what the SDK's tables say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from sagemaker.core import image_uris

from mlplatform import ContainerImage, UnknownImageError
from mlplatform.pipeline import image
from tools import image_registries

TABLE = Path(image.__file__).with_name("image_registries.json")
IMAGES: dict[str, tuple[ContainerImage, dict[str, Any]]] = {
    "scikit-learn": (
        ContainerImage.scikit_learn("1.4-2"),
        {"framework": "sklearn", "version": "1.4-2", "instance_type": "ml.m5.large"},
    ),
    "xgboost": (ContainerImage.xgboost("3.0-5"), {"framework": "xgboost", "version": "3.0-5"}),
    "clarify": (ContainerImage.clarify(), {"framework": "clarify"}),
    "model-monitor": (ContainerImage.model_monitor(), {"framework": "model-monitor"}),
    **{
        name: (ContainerImage.built_in(name), {"framework": name, "version": "1"})
        for name in get_args(image.BuiltInAlgorithm)
    },
}


def test_the_table_is_the_sdks() -> None:
    """When it is not: `make image-registries`."""
    assert TABLE.read_text(encoding="utf-8") == image_registries.table()


@pytest.mark.parametrize("region", ["ap-northeast-1", "cn-north-1"])
@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_where_the_sdk_finds_it(name: str, region: str) -> None:
    ours, theirs = IMAGES[name]

    try:
        expected = image_uris.retrieve(region=region, **theirs)
    except ValueError:
        with pytest.raises(UnknownImageError):
            ours.uri(region)
    else:
        assert ours.uri(region) == expected
