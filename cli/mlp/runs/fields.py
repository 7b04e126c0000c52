"""What a query may ask of a run: its fields, and what it has by name (metrics, parameters, tags, ...)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from mlp.errors import nearest
from mlrecords.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Kind(Enum):
    """What a value is, as messages say it."""

    TEXT = "text"
    NUMBER = "a number"
    MOMENT = "a moment"
    TRUTH = "true or false"


@dataclass(frozen=True)
class Field:
    """One value of each run: `started_at`. `column` is its column in a row."""

    name: str
    column: str
    kind: Kind


@dataclass(frozen=True)
class Space:
    """Values by name: `metric.rmse`. `is_any`: whether the space alone asks for any of its values, as in `data.version = ...`."""

    name: str
    column: str
    kind: Kind = Kind.TEXT
    is_any: bool = False


@dataclass(frozen=True)
class Reference:
    """What a query names: a field, a value of a space by its name, or any value of a space."""

    target: Field | Space
    name: str | None = None

    @property
    def label(self) -> str:
        """As one writes it: `metric.rmse`."""
        return self.target.name if self.name is None else label(self.target.name, self.name)


_MOMENTS = ("created_at", "started_at", "ended_at")
_NUMBERS = ("bigint", "double")
_DOTTED = {"code", "image"}  # `code_commit` of a row is `code.commit` in a query.
_NOT_ASKED = {"revision", "record", "deleted"}


def _field(column: str, athena_type: str) -> Field:
    prefix, _, rest = column.partition("_")
    name = f"{prefix}.{rest}" if prefix in _DOTTED else column
    kind = Kind.MOMENT if column in _MOMENTS else Kind.NUMBER if athena_type in _NUMBERS else Kind.TEXT
    return Field(name, column, Kind.TRUTH if athena_type == "boolean" else kind)


FIELDS = {
    field.name: field
    for field in (
        _field(column, athena_type)
        for column, athena_type in COLUMNS.items()
        if not athena_type.startswith("map") and column not in _NOT_ASKED
    )
}
SPACES = {
    space.name: space
    for space in (
        Space("metric", "metrics", Kind.NUMBER),
        Space("param", "params"),
        Space("seed", "seeds"),
        Space("tag", "tags"),
        Space("note", "notes", is_any=True),
        Space("parent", "parents", is_any=True),
        Space("data.version", "data_versions", is_any=True),
        Space("data.uri", "data_uris", is_any=True),
        Space("output.version", "output_versions", is_any=True),
        Space("output.uri", "output_uris", is_any=True),
    )
}
_PLAIN = re.compile(r"[\w:/@-]+(?:\.[\w:/@-]+)*")
_ALIASES = {"metrics": "metric", "params": "param", "tags": "tag", "seeds": "seed", "notes": "note"}
_ALIASES["commit"] = "code.commit"


def label(space: str, name: str) -> str:
    """`metric.rmse`, with quotes about a name that has a character of the language in it."""
    if _PLAIN.fullmatch(name):
        return f"{space}.{name}"
    return f"{space}.`{name}`" if '"' in name else f'{space}."{name}"'


def reference(parts: tuple[str, ...], known: Mapping[str, Iterable[str]]) -> Reference:
    """What dotted parts name; `known` has the names that runs have in each space. Raises `UnknownNameError`."""
    dotted = ".".join((_ALIASES.get(parts[0], parts[0]), *parts[1:]))
    if dotted in FIELDS:
        return Reference(FIELDS[dotted])
    space = next((space for name, space in SPACES.items() if f"{dotted}.".startswith(f"{name}.")), None)
    if space is None:
        raise UnknownNameError(f"a run has no field '{dotted}'", _instead(dotted, (*FIELDS, *SPACES)))
    name = dotted.removeprefix(space.name).removeprefix(".")
    if name:
        names = sorted(known.get(space.name, ()))
        if name in names:
            return Reference(space, name)
        raise UnknownNameError(f"no run has a {space.name} '{name}'", _instead(name, names, of=space.name))
    if not space.is_any:
        example = label(space.name, next(iter(sorted(known.get(space.name, ()))), "name"))
        raise UnknownNameError(f"'{dotted}' does not say which {space.name}", f"name it, such as {example}")
    return Reference(space)


class UnknownNameError(Exception):
    """Nothing of a run is called so; `fix` says what is."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause)
        self.fix = fix


_LISTED = 12


def _instead(name: str, names: Iterable[str], *, of: str | None = None) -> str:
    listed = list(names)
    shown = [name if of is None else label(of, name) for name in listed]
    near = nearest(name, listed)
    if near:
        return f"did you mean {near if of is None else label(of, near)}?"
    if not shown:
        return "there is none yet"
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return f"there are {', '.join(shown[:_LISTED])}{more}"
