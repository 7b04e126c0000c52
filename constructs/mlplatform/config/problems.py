"""What can be wrong with `platform.yaml`, as sentences."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlplatform.config.yaml_source import KeyPath, Problem, dotted_path


def is_account(path: KeyPath) -> bool:
    """Whether `path` holds an account number, which must be quoted."""
    return len(path) == 3 and path[0] == "environments" and path[2] == "account"


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """`; did you mean 'owner'?` when one of `known` is close, else `; known are: ...`."""
    known = list(known)
    if close := difflib.get_close_matches(value, known, n=1):
        return f"; did you mean {close[0]!r}?"
    return f"; known are: {', '.join(known)}" if known else "; there are none"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that was looked up and not found; always lists the known ones."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {close[0]!r}?" if close else ""
    return f"no {kind} is named {name!r}{hint} (known: {', '.join(known) if known else 'none'})"


def model_problems(error: ValidationError, fields_at: Callable[[KeyPath], tuple[str, ...]]) -> Iterator[Problem]:
    """Every finding of pydantic as a problem with value and fix."""
    for detail in error.errors():
        path = tuple(part for part in detail["loc"] if not str(part).startswith("["))  # "[key]", tags of a union
        yield Problem(path=path, message=_sentence(detail, path, fields_at))


def _sentence(detail: ErrorDetails, path: KeyPath, fields_at: Callable[[KeyPath], tuple[str, ...]]) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return f"is missing; add the key {path[-1]!r}" if path else "is missing"
    if kind == "extra_forbidden":
        return f"unknown key {str(path[-1])!r}{did_you_mean(str(path[-1]), fields_at(path[:-1]))}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"{value!r} is not text; quote it if it is meant to be"
    if value is None:
        return "has no value; write one, or remove the key"
    fix = _FIXES.get(kind)
    return f"{detail['msg'][0].lower()}{detail['msg'][1:]}, got {value!r}" if fix is None else f"{value!r} {fix}"


_FIXES = {
    "model_type": "is not a mapping; write 'key: value' lines, indented below it",
    "dict_type": "is not a mapping; write 'key: value' lines, indented below it",
    "list_type": "is not a list; write it as [a, b] or as lines that start with '- '",
    "bool_type": "is not true or false; write one of them, without quotes",
    "int_type": "is not a whole number; write one without quotes",
    "too_short": "is empty; name at least one",
    "too_long": "has too many entries",
    "greater_than": "is not positive",
}


def relation_problems(data: object) -> Iterator[Problem]:
    """What is wrong between entries that are fine by themselves. Entries of the wrong shape are passed over."""
    environments = mapping(mapping(data).get("environments"))
    yield from _shared_homes(environments)
    names: dict[str, int] = {}
    for index, entry in enumerate(sequence(mapping(data).get("projects"))):
        project = mapping(entry)
        name = project.get("name")
        if isinstance(name, str):
            if name in names:
                first = dotted_path(("projects", names[name]))
                yield Problem(
                    path=("projects", index, "name"), message=f"{name!r} is taken by {first}; choose another name"
                )
            names.setdefault(name, index)
        yield from _unknown_environments(index, project, environments)
    yield from _overlapping_names(names)


def _overlapping_names(names: Mapping[str, int]) -> Iterator[Problem]:
    """What a project makes is called `<name>-...`, and its roles are told apart by that pattern."""
    for name, index in names.items():
        for other in names:
            if name.startswith(f"{other}-"):
                yield Problem(
                    path=("projects", index, "name"),
                    message=f"{name!r} begins with the name of the project {other!r} and a hyphen, so the roles of {other!r} "
                    "would reach what it makes; choose another name",
                )


def _shared_homes(environments: Mapping[object, object]) -> Iterator[Problem]:
    homes: dict[tuple[object, object], object] = {}
    for name, entry in environments.items():
        environment = mapping(entry)
        home = (environment.get("account"), environment.get("region"))
        if None in home:
            continue
        if home in homes:
            yield Problem(
                path=("environments", str(name)),
                message=f"account {home[0]} and region {home[1]} are those of environment {homes[home]!r}, "
                "so names would collide; use another account or region",
            )
        homes.setdefault(home, name)


def _unknown_environments(
    index: int, project: Mapping[object, object], environments: Mapping[object, object]
) -> Iterator[Problem]:
    known = [str(name) for name in environments]
    for position, name in enumerate(sequence(project.get("environments"))):
        if isinstance(name, str) and name not in known:
            yield Problem(
                path=("projects", index, "environments", position),
                message=unknown_name("environment", name, known),
            )


def mapping(value: object) -> Mapping[object, object]:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> list[object]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
