"""Frozen dataclasses to JSON and back, by their type hints. What does not fit is told all at once, with its place."""

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class InvalidDocumentError(Exception):
    """A JSON document is not what it is read as; the message lists every problem."""


def to_json(value: Any) -> Any:
    """Plain JSON of a dataclass or of anything that one may hold. Moments are ISO 8601 in UTC."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if is_dataclass(value):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    return value


def from_json(kind: type[T], document: Any, name: str, *, ignore_unknown: bool = False) -> T:
    """A dataclass of `kind` from plain JSON. Fields with a default may be missing; unknown ones may not be there, unless ignored."""
    reader = _Reader(ignore_unknown)
    value: T = reader.read(kind, document, name)
    if reader.problems:
        raise InvalidDocumentError("; ".join(reader.problems))
    return value


@dataclass
class _Reader:
    """Reads by type and notes what does not fit; what it then answers is never used."""

    ignore_unknown: bool
    problems: list[str] = field(default_factory=list)

    def read(self, kind: Any, value: Any, place: str) -> Any:
        if kind is Any:
            return value
        origin = typing.get_origin(kind)
        if origin in (typing.Union, types.UnionType):
            (inner,) = (option for option in typing.get_args(kind) if option is not type(None))
            return None if value is None else self.read(inner, value, place)
        if origin is tuple:
            items = value if isinstance(value, list) else self._misfit(value, place, "a list", [])
            return tuple(
                self.read(typing.get_args(kind)[0], item, f"{place}[{index}]") for index, item in enumerate(items)
            )
        if origin is not None:  # Mapping[str, X]
            return {
                key: self.read(typing.get_args(kind)[1], item, f"{place}.{key}")
                for key, item in self._object(value, place)
            }
        if is_dataclass(kind):
            return self._dataclass(kind, dict(self._object(value, place)), place)
        return self._scalar(kind, value, place)

    def _dataclass(self, kind: Any, document: dict[str, Any], place: str) -> Any:
        hints, known = _hints(kind), fields(kind)
        unknown = sorted(set(document) - {item.name for item in known})
        if unknown and not self.ignore_unknown:
            self.problems.append(
                f"{place} has {', '.join(unknown)}, which this version of the platform does not know; deploy it again"
            )
        missing = [item.name for item in known if item.name not in document and not _has_default(item)]
        if missing:
            self.problems.append(f"{place} has no {', '.join(missing)}")
        values = {
            item.name: self.read(hints[item.name], document[item.name], f"{place}.{item.name}")
            for item in known
            if item.name in document
        }
        return None if self.problems else kind(**values)

    def _scalar(self, kind: Any, value: Any, place: str) -> Any:
        if kind in _NAMES:
            accepted = (int, float) if kind is float else kind
            fits = isinstance(value, accepted) and (kind is bool) == isinstance(value, bool)
            return value if fits else self._misfit(value, place, _NAMES[kind], None)
        if kind is datetime:
            return self._moment(value, place)
        options = [option.value for option in kind]
        return kind(value) if value in options else self._misfit(value, place, f"one of {', '.join(options)}", None)

    def _moment(self, value: Any, place: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = datetime.min
        if moment.tzinfo is None:
            self._misfit(value, place, "a moment with its offset, such as 2026-11-24T08:00:00+00:00", None)
            return None
        return moment

    def _object(self, value: Any, place: str) -> list[tuple[str, Any]]:
        found = value if isinstance(value, dict) else self._misfit(value, place, "an object", {})
        return list(found.items())

    def _misfit(self, value: Any, place: str, wanted: str, instead: Any) -> Any:
        self.problems.append(f"{place} is {value!r}; it has to be {wanted}")
        return instead


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _has_default(item: "Field[Any]") -> bool:
    return item.default is not MISSING or item.default_factory is not MISSING
