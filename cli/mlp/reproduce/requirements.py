"""What a job's own requirements install now, where they name no exact versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from mlp.reproduce.python_environment import normal_name, said_by, uv
from mlp.reproduce.verdict import Cause, Finding
from mlrecords.record import Environment

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>\S+)")


def moved_requirements(environment: Environment) -> tuple[Sequence[Finding], Sequence[str]]:
    """Packages that the job's requirements resolve to another version of than it had, and a sentence on what was looked at."""
    if environment.requirements is None:
        return (), ()
    now, problem = _resolved(environment.requirements, environment.python or "")
    if problem:
        sentence = f"what the job's requirements.txt asks for cannot be installed any more: {problem}"
        return [Finding(cause=Cause.PACKAGE, sentence=sentence)], ()
    had = {normal_name(name): version for name, version in environment.packages.items()}
    findings = [
        Finding(
            cause=Cause.PACKAGE,
            sentence=f"package {name} was {had[name]} when the job ran, and its requirements.txt, which names no exact version, "
            f"now installs {version}",
        )
        for name, version in now.items()
        if name in had and had[name] != version
    ]
    return findings, [f"{len(now)} packages that the job's requirements.txt installs: their versions now"]


@cache
def _resolved(requirements: str, python: str) -> tuple[dict[str, str], str]:
    """Versions by name, and why there are none."""
    version = ["--python-version", python] if python else []
    done = uv(
        "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-deps", *version, "-", given=requirements
    )
    if done.returncode != 0:
        return {}, said_by(done)
    return {normal_name(found["name"]): found["version"] for found in _PIN.finditer(done.stdout)}, ""
