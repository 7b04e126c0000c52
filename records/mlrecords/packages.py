"""What is installed in an image, as its label or a look into it says. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LABEL = "mlplatform.packages"
"""The label of an image that says what is installed in it: what `LOOK` prints."""

LOOK = (
    "import importlib.metadata as m,json,platform as p;"
    'print(json.dumps({"python":p.python_version(),"packages":'
    '{d.metadata["Name"]:d.version for d in m.distributions() if d.metadata["Name"]}}))'
)
"""Run by the image's own Python, 3.8 or newer, it prints one line of JSON. SageMaker takes 256 characters in a part of an entry point."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The version of Python, and versions of distributions by normalized name."""

    python: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)


def installed_of(document: Mapping[str, Any]) -> Installed:
    """From the JSON that `LOOK` prints. Raises `KeyError` if it is another."""
    packages = {normal_name(name): str(version) for name, version in document["packages"].items()}
    return Installed(python=str(document["python"]), packages=packages)


def normal_name(name: str) -> str:
    """A distribution's name as packages are compared by it (Python packaging user guide, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()
