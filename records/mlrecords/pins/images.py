"""The digest of a container image, and what is installed in it, asked of its registry in ECR."""

import http.client
import json
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrecords.packages import LABEL, Installed, installed_of
from mlrecords.pins.clients import Clients, unless_out_of_reach

_URI = re.compile(
    r"(?P<registry>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^:@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_MOST_CONFIG_BYTES = 4 * 1024**2
_TIMEOUT_SECONDS = 10


def at_digest(uri: str, digest: str | None) -> str:
    """The URI of exactly this image; as it is, where its digest is not known."""
    return uri if digest is None else f"{re.sub(r'(:[^:@/]+)?(@.*)?$', '', uri)}@{digest}"


@dataclass(frozen=True)
class FoundImage:
    """An image as its registry gave it. `manifest` is empty where the registry did not give it."""

    digest: str
    manifest: Mapping[str, Any] = field(default_factory=dict)


def find_image(clients: Clients, uri: str) -> FoundImage | None:
    """The image that a URI stands for now; None for a registry that is not of ECR, is not known, or is not for us."""
    place = _URI.fullmatch(uri)
    if place is None:
        return None
    wanted = {"imageDigest": place["digest"]} if place["digest"] else {"imageTag": place["tag"] or "latest"}
    found = _manifest(clients, place, wanted)
    if found is None:
        return FoundImage(place["digest"]) if place["digest"] else None
    return found


def installed_in(clients: Clients, uri: str, image: FoundImage) -> Installed | None:
    """What the image's label says; None if it has none, or cannot be read."""
    place = _URI.fullmatch(uri)
    manifest = image.manifest
    if place and "manifests" in manifest:
        linux = {"os": "linux", "architecture": "amd64"}
        chosen = next((one for one in manifest["manifests"] if linux.items() <= one.get("platform", {}).items()), None)
        of_platform = chosen and _manifest(clients, place, {"imageDigest": chosen["digest"]})
        manifest = of_platform.manifest if of_platform else {}
    if place is None or "config" not in manifest:
        return None
    layer = unless_out_of_reach(
        lambda: clients.ecr(place["region"]).get_download_url_for_layer(
            registryId=place["registry"],
            repositoryName=place["repository"],
            layerDigest=manifest["config"]["digest"],
        )
    )
    config = _download(layer["downloadUrl"]) if layer else None
    return _label(config) if config else None


def _manifest(clients: Clients, place: re.Match[str], wanted: Mapping[str, str]) -> FoundImage | None:
    answer = unless_out_of_reach(
        lambda: clients.ecr(place["region"]).batch_get_image(
            registryId=place["registry"],
            repositoryName=place["repository"],
            imageIds=[dict(wanted)],
            acceptedMediaTypes=list(_MANIFESTS),
        )
    )
    found = answer and next(iter(answer.get("images") or ()), None)
    return found and FoundImage(found["imageId"]["imageDigest"], json.loads(found["imageManifest"]))


def _download(url: str) -> bytes | None:
    """What is at the address that ECR gave, which is signed and needs no credentials; None where no network leads to it."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - it is ECR's, over HTTPS
            content: bytes = answer.read(_MOST_CONFIG_BYTES)
    except (OSError, http.client.HTTPException):
        return None
    return content


def _label(config: bytes) -> Installed | None:
    try:
        text = (json.loads(config).get("config", {}).get("Labels") or {}).get(LABEL)
        return None if text is None else installed_of(json.loads(text))
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
