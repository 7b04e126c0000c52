"""What a job needs to install a source directory's own requirements: which installer, into which place, with which settings."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from mllocal.images.environments import Environment, home, uv

_SETTINGS = re.compile(r"UV_\w+|SSL_CERT_(FILE|DIR)|(https?|all|no)_proxy|HOME|XDG_(CONFIG|CACHE)_HOME", re.IGNORECASE)


def write(environment: Environment) -> Path:
    """Write the installer's description beside the environment, readable by this user only: settings may hold an index's password.

    Derived environments are below the same place, named after the environment and the requirements put on top of it.
    """
    path = home() / f"{environment.directory.name}.json"
    content = {
        "uv": uv(),
        "home": str(home() / "derived"),
        "name": environment.directory.name,
        "lock": str(environment.requirements),
        "python": str(environment.directory / "bin" / "python"),
        "settings": {name: value for name, value in os.environ.items() if _SETTINGS.fullmatch(name)},
    }
    home().mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=home(), delete=False) as file:
        json.dump(content, file)
    Path(file.name).replace(path)
    return path
