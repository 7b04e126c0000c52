"""Container images of jobs and models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from mlplatform.naming import is_token

_SCIKIT_LEARN_REPOSITORY = "sagemaker-scikit-learn"

# Source: aws/sagemaker-python-sdk, image_uri_config/sklearn.json (2026-08): one table for every version.
_SCIKIT_LEARN_ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-iso-east-1": "833128469047",
    "us-isob-east-1": "281123927165",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

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
    """The image that a job or a model runs in. Make one with `scikit_learn()` or `from_uri()`.

    AWS publishes its images once per region, so the URI is known only where the image is used: `uri(region)`.
    """

    _uri: str | None = None
    _scikit_learn_version: str | None = None

    @classmethod
    def scikit_learn(cls, version: str = "1.9-0") -> Self:
        """AWS's scikit-learn image: scikit-learn, pandas, pyarrow and numpy, for processing, training and inference.

        `version` is AWS's, such as "1.9-0" for scikit-learn 1.9.0.
        """
        return cls(_scikit_learn_version=version)

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """Any image in a registry that the project's job role can pull from; `uri` may be a token."""
        return cls(_uri=uri)

    def uri(self, region: str) -> str:
        """The image's URI in a region.

        Raises `UnknownImageError` if AWS does not publish it there, or if the region is not known at synthesis.
        """
        if self._uri is not None:
            return self._uri
        if is_token(region):
            raise UnknownImageError(
                "the scikit-learn image has another registry in each region, and this stack's region is not known; "
                "give the stack an environment with a region"
            )
        account = _SCIKIT_LEARN_ACCOUNTS.get(region)
        if account is None:
            raise UnknownImageError(
                f"AWS publishes no scikit-learn image in region '{region}'; "
                f"use one of {', '.join(_SCIKIT_LEARN_ACCOUNTS)}"
            )
        registry = f"{account}.dkr.ecr.{region}.{_dns_suffix(region)}"
        return f"{registry}/{_SCIKIT_LEARN_REPOSITORY}:{self._scikit_learn_version}-cpu-py3"


def _dns_suffix(region: str) -> str:
    return next((suffix for start, suffix in _DNS_SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
