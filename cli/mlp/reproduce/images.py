"""What an image's tag means now."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mlp.reproduce.verdict import Cause, Finding
from mlrecords.record import Image

_URI = re.compile(r"(?P<registry>\d{12})\.dkr\.ecr\.[^/]+/(?P<repository>[^:@]+)(?::(?P<tag>[^:@/]+))?")
_MANIFESTS = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]


def moved(ecr: Any, image: Image) -> tuple[Finding | None, str]:
    """Whether the tag means another digest now than the record pins, and a sentence on what was looked at."""
    uri = _URI.fullmatch(image.uri)
    if image.digest is None or uri is None:
        return None, f"image {image.uri}: the record pins no digest that its name could be compared with"
    tag = uri["tag"] or "latest"
    try:
        found = ecr.batch_get_image(
            registryId=uri["registry"],
            repositoryName=uri["repository"],
            imageIds=[{"imageTag": tag}],
            acceptedMediaTypes=_MANIFESTS,
        )["images"]
    except (ClientError, BotoCoreError) as error:
        return None, f"image {image.uri}: its registry cannot be asked ({error})"
    now = found[0]["imageId"]["imageDigest"] if found else None
    if now == image.digest:
        return None, f"image {image.uri}: its tag means {now}, as recorded"
    what = "is gone" if now is None else f"now means {now}"
    sentence = f"image {image.uri} was {image.digest} when the run started, and its tag {what}"
    return Finding(cause=Cause.IMAGE, sentence=sentence), sentence
