"""Names of user profiles and spaces, made from those of projects and people."""

from __future__ import annotations

import re


def profile_name(project: str, person: str) -> str:
    """The user profile of a person in a project: `demand-forecast-aiko-tanaka`.

    A profile has one execution role, so a person has one profile for each project.
    """
    return f"{project}-{re.sub('[^A-Za-z0-9]+', '-', person.partition('@')[0])}"


def shared_space_name(project: str, owner: str) -> str:
    """The space that a project's people share. It carries its owner's name, since a space keeps its owner for life."""
    return f"{profile_name(project, owner)}-shared"
