"""Write the JSON schema of run records from their dataclasses: `make run-record-schema`."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from mlrecords import record
from mlrecords.record import SCHEMA_VERSION, RunRecord

TARGET = Path(record.__file__).with_name("run_record.schema.json")


def main() -> None:
    """Write the file."""
    TARGET.write_text(schema_text())


def schema_text() -> str:
    """The schema, with the words of the docstrings."""
    schema = TypeAdapter(RunRecord).json_schema()
    described = {name: _described(definition, name) for name, definition in schema.pop("$defs").items()}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Run record, version {SCHEMA_VERSION}",
        **{key: value for key, value in _described(schema, "RunRecord").items() if key != "title"},
        "$defs": dict(sorted(described.items())),
    }
    return json.dumps(document, indent=2) + "\n"


def _described(definition: dict[str, Any], name: str) -> dict[str, Any]:
    """A dataclass with what its docstring says of it and of its fields; titles that repeat names are left out."""
    summary, _, attributes = inspect.cleandoc(getattr(record, name).__doc__).partition("\n\nAttributes:\n")
    words = dict(_fields(attributes))
    properties = {
        field: {
            **({"description": words[field]} if field in words else {}),
            **{key: value for key, value in content.items() if key != "title"},
        }
        for field, content in definition["properties"].items()
    }
    return {**definition, "description": _line(summary), "properties": properties}


def _fields(attributes: str) -> Any:
    for names, text in re.findall(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE):
        for name in names.split(", "):
            yield name, _line(text)


def _line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
