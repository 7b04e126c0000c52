"""ECR, of every account: the images that local environments stand for have digests, and say what is installed in them.

Jobs run in what `mllocal.images` has for a name, so that is what a registry answers for, AWS's own registries included. What else was
pushed is ministack's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

from mllocal.errors import EngineError
from mllocal.images import LocalImage, UnknownImageError, image_for, known_images
from mllocal.images.manifests import MANIFEST_TYPE, Manifest

Answer = tuple[int, dict[str, str], bytes]
Operation = Callable[[dict[str, Any]], Answer]
BLOBS_PATH = "/_mlp/image-configurations/"


def register_registries() -> None:
    """Answer for images that have a local environment; hand on the rest."""
    ecr._batch_get_image = _first_known(_batch_get_image, ecr._batch_get_image)
    ecr._describe_images = _first_known(_describe_images, ecr._describe_images)
    ecr._get_download_url_for_layer = _first_known(_download_url, ecr._get_download_url_for_layer)


def configuration(path: str) -> bytes | None:
    """The configuration at a path below `BLOBS_PATH`; None if no image has it."""
    name = path.removeprefix(BLOBS_PATH)
    manifests = (Manifest(image.entry) for image in known_images().values())
    return next((one.config for one in manifests if _config_digest(one) == name), None)


def _first_known(ours: Callable[[dict[str, Any]], Answer | None], theirs: Operation) -> Operation:
    def answer(request: dict[str, Any]) -> Answer:
        try:
            return ours(request) or theirs(request)
        except EngineError as error:  # A team's images.toml is wrong.
            refused: Answer = error_response_json("InvalidParameterException", str(error), 400)
            return refused

    return answer


def _batch_get_image(request: dict[str, Any]) -> Answer | None:
    found = [(wanted, manifest) for wanted in request["imageIds"] if (manifest := _find(request, wanted))]
    if not found:
        return None
    answer: Answer = json_response(
        {
            "images": [
                {
                    **_place(request),
                    "imageId": {**wanted, "imageDigest": manifest.digest},
                    "imageManifest": manifest.content.decode(),
                    "imageManifestMediaType": MANIFEST_TYPE,
                }
                for wanted, manifest in found
            ],
            "failures": [
                {"imageId": wanted, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
                for wanted in request["imageIds"]
                if not _find(request, wanted)
            ],
        }
    )
    return answer


def _describe_images(request: dict[str, Any]) -> Answer | None:
    found = [(wanted, manifest) for wanted in request.get("imageIds") or () if (manifest := _find(request, wanted))]
    if not found:
        return None
    answer: Answer = json_response(
        {
            "imageDetails": [
                {
                    **_place(request),
                    "imageDigest": manifest.digest,
                    "imageTags": [tag for tag in (wanted.get("imageTag"),) if tag],
                    "imageManifestMediaType": MANIFEST_TYPE,
                }
                for wanted, manifest in found
            ]
        }
    )
    return answer


def _download_url(request: dict[str, Any]) -> Answer | None:
    if configuration(request["layerDigest"]) is None:
        return None
    url = f"{os.environ['AWS_ENDPOINT_URL']}{BLOBS_PATH}{request['layerDigest']}"
    answer: Answer = json_response({"downloadUrl": url, "layerDigest": request["layerDigest"]})
    return answer


def _find(request: dict[str, Any], wanted: dict[str, str]) -> Manifest | None:
    suffix = f"@{wanted['imageDigest']}" if "imageDigest" in wanted else f":{wanted.get('imageTag', 'latest')}"
    try:
        image: LocalImage = image_for(request["repositoryName"] + suffix)
    except UnknownImageError:
        return None
    return Manifest(image.entry)


def _place(request: dict[str, Any]) -> dict[str, str]:
    registry = request.get("registryId") or ecr._registry_id()
    return {"registryId": registry, "repositoryName": request["repositoryName"]}


def _config_digest(manifest: Manifest) -> str:
    digest: str = json.loads(manifest.content)["config"]["digest"]
    return digest
