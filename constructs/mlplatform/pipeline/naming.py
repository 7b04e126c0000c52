"""How the names of AWS resources follow from a project's name and a construct's id."""

from __future__ import annotations

import re

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def kebab_case(construct_id: str) -> str:
    """`WeeklyForecast` -> `weekly-forecast`."""
    words = _WORD_START.sub("-", construct_id).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")


def resource_name(project_name: str, construct_id: str) -> str:
    """`<project>-<construct id in kebab case>`: what a pipeline is called in AWS."""
    return f"{project_name}-{kebab_case(construct_id)}"
