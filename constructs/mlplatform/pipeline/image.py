"""Container images of jobs and models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from mlplatform.naming import is_token

BuiltInAlgorithm = Literal[
    "blazingtext",
    "factorization-machines",
    "forecasting-deepar",
    "image-classification",
    "ipinsights",
    "kmeans",
    "knn",
    "lda",
    "linear-learner",
    "ntm",
    "object-detection",
    "object2vec",
    "pca",
    "randomcutforest",
    "semantic-segmentation",
    "seq2seq",
]

# Written by `make image-registries` from the tables of aws/sagemaker-python-sdk; `make conformance` holds it against them.
_REGISTRIES = Path(__file__).with_name("image_registries.json")

_DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}


class UnknownImageError(ValueError):
    """AWS publishes no such image in the region."""


@dataclass(frozen=True)
class ContainerImage:
    """The image that a job or a model runs in: one of AWS's, such as `scikit_learn()` or `built_in("kmeans")`, or any `from_uri()`.

    AWS publishes its images once per region, so the URI is known only where the image is used: `uri(region)`.
    """

    _name: str
    _tag: str | None = None

    @classmethod
    def scikit_learn(cls, version: str = "1.9-0") -> Self:
        """AWS's scikit-learn image: scikit-learn, pandas, pyarrow and numpy, for processing, training and inference.

        `version` is AWS's, such as "1.9-0" for scikit-learn 1.9.0.
        """
        return cls("scikit-learn", f"{version}-cpu-py3")

    @classmethod
    def xgboost(cls, version: str = "3.2-0") -> Self:
        """AWS's XGBoost image, in script mode or as a built-in algorithm; `version` is AWS's."""
        return cls("xgboost", version)

    @classmethod
    def built_in(cls, algorithm: BuiltInAlgorithm, version: str = "1") -> Self:
        """One of SageMaker's built-in algorithms, in the version that AWS keeps for use in production.

        Source: SageMaker AI developer guide, "Docker Registry Paths and Example Code": use `:1`, not `:latest`.
        """
        return cls(algorithm, version)

    @classmethod
    def clarify(cls) -> Self:
        """AWS's Clarify image, which computes bias metrics and explanations."""
        return cls("clarify", "1.0")

    @classmethod
    def model_monitor(cls) -> Self:
        """AWS's Model Monitor analyzer, which computes and checks the quality of data and models."""
        return cls("model-monitor", "")

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """Any image in a registry that the project's job role can pull from; `uri` may be a token."""
        return cls(uri)

    def uri(self, region: str) -> str:
        """The image's URI in a region.

        Raises `UnknownImageError` if AWS does not publish it there, or if the region is not known at synthesis.
        """
        if self._tag is None:
            return self._name
        if is_token(region):
            raise UnknownImageError(
                f"the {self._name} image has another registry in each region, and this stack's region is not known; "
                "give the stack an environment with a region"
            )
        registries = _registries()
        image = registries["images"][self._name]
        accounts = registries["accounts"][image["accounts"]]
        if region not in accounts:
            raise UnknownImageError(
                f"AWS publishes no {self._name} image in region '{region}'; use one of {', '.join(accounts)}"
            )
        registry = f"{accounts[region]}.dkr.ecr.{region}.{_dns_suffix(region)}"
        return f"{registry}/{image['repository']}" + (f":{self._tag}" if self._tag else "")


@cache
def _registries() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(_REGISTRIES.read_text(encoding="utf-8"))
    return tables


def _dns_suffix(region: str) -> str:
    return next((suffix for start, suffix in _DNS_SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
