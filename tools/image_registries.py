"""Write the table of AWS's images by region from the sagemaker SDK's own: `make image-registries`.

Images whose accounts are the same in every region share one list of accounts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import sagemaker.core

from mlplatform.pipeline import image
from mlplatform.pipeline.image import BuiltInAlgorithm

_TABLES = Path(sagemaker.core.__file__).parent / "image_uri_config"
_TARGET = Path(image.__file__).with_name("image_registries.json")

# What `ContainerImage` calls an image: the SDK's table, its scope and its version.
_IMAGES: dict[str, tuple[str, str | None, str]] = {
    "clarify": ("clarify", "processing", "1.0"),
    "model-monitor": ("model-monitor", None, ""),
    "scikit-learn": ("sklearn", "training", "1.4-2"),
    "xgboost": ("xgboost", "training", "3.0-5"),
    **{name: (name, None, "1") for name in get_args(BuiltInAlgorithm)},
}


def main() -> None:
    """Write the table."""
    _TARGET.write_text(table(), encoding="utf-8")


def table() -> str:
    """The table as the SDK's say it, as JSON text."""
    accounts: list[dict[str, str]] = []
    images: dict[str, dict[str, object]] = {}
    for name, place in sorted(_IMAGES.items()):
        found = _version(*place)
        if found["registries"] not in accounts:
            accounts.append(found["registries"])
        images[name] = {"repository": found["repository"], "accounts": accounts.index(found["registries"])}
    return json.dumps({"images": images, "accounts": accounts}, indent=1, sort_keys=True) + "\n"


def _version(table: str, scope: str | None, version: str) -> dict[str, Any]:
    content = json.loads((_TABLES / f"{table}.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = (content if scope is None else content[scope])["versions"][version]
    return found


if __name__ == "__main__":
    main()
