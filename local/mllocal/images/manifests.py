"""What a registry says of an image that a local environment stands for: a manifest, and a configuration with its packages.

The digest is that of the manifest. It changes when the lock changes, or the version of Python, or a file of a team's directory, and at no
other time: it is the same before and after the environment is built, and on each machine with that Python.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.requirements import Requirement

from mllocal.images.catalog import Entry
from mlrecords.canonical import canonical, digest
from mlrecords.packages import LABEL, normal_name

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Manifest:
    """An image's manifest and configuration, as OCI's image specification has them; its one layer is never there."""

    entry: Entry

    @cached_property
    def config(self) -> bytes:
        """The configuration, with the label that says what is installed."""
        installed = {"python": platform.python_version(), "packages": packages_of(self.entry.environment.requirements)}
        return canonical(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Labels": {LABEL: json.dumps(installed, sort_keys=True)}},
                "rootfs": {"type": "layers", "diff_ids": [self._content]},
            }
        )

    @cached_property
    def content(self) -> bytes:
        """The manifest."""
        return canonical(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": {"mediaType": CONFIG_TYPE, "size": len(self.config), "digest": digest(self.config)},
                "layers": [{"mediaType": _LAYER_TYPE, "size": 0, "digest": self._content}],
            }
        )

    @cached_property
    def digest(self) -> str:
        """What identifies the image."""
        return digest(self.content)

    @cached_property
    def _content(self) -> str:
        """A digest over what the image is made of."""
        made_of = hashlib.sha256("\n".join(_pins(self.entry.environment.requirements)).encode())
        for path in _programs(self.entry.directory):
            made_of.update(path.name.encode() + b"\0" + path.read_bytes())
        return f"sha256:{made_of.hexdigest()}"


def packages_of(lock: Path) -> dict[str, str]:
    """Versions by name that a locked `requirements.txt` installs in the running Python."""
    found = (Requirement(line.split("--hash", 1)[0]) for line in _pins(lock))
    return {normal_name(one.name): next(iter(one.specifier)).version for one in found}


def _pins(lock: Path) -> list[str]:
    """The lines of a lock that count in the running Python, with their hashes, in order."""
    lines = re.sub(r"\\\n\s*", " ", lock.read_text()).splitlines()
    pins = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith(("#", "--"))]
    return sorted(line for line in pins if _applies(Requirement(line.split("--hash", 1)[0])))


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def _programs(directory: Path | None) -> Iterator[Path]:
    """What a team's directory brings: what would be copied into its image."""
    if directory is not None:
        yield from sorted(
            path
            for path in directory.rglob("*")
            if path.is_file() and "requirements" not in path.name and "__pycache__" not in path.parts
        )
