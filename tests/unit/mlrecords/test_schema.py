"""The published format of run records is that of the code, and documented."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from mlrecords import record
from mlrecords.observations import record_of
from mlrecords.record import RunRecord
from mlrecords.required import missing
from tools.run_record_schema import TARGET, schema_text

PAGE = Path(__file__).parents[3] / "docs" / "run-records.md"


def test_the_schema_is_that_of_the_dataclasses() -> None:
    assert TARGET.read_text() == schema_text(), "run `make run-record-schema`"


def test_every_field_is_documented() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    definitions = json.loads(TARGET.read_text())["$defs"]
    of_blobs = {field.name for kind in (record.DataListing, record.DataObject) for field in fields(kind)}
    of_records = {field.name for name in ("RunRecord", *definitions) for field in fields(getattr(record, name))}

    assert (of_records | of_blobs - {"objects"}) - named == set()


def test_the_example_is_a_record_with_every_field() -> None:
    (example, _) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    document: dict[str, Any] = json.loads(example)

    found = record_of(document)

    assert TypeAdapter(RunRecord).validate_python(document) == found
    assert document.keys() == {field.name for field in fields(RunRecord)}
    assert [sentence for sentence in missing(found) if not sentence.startswith("output model")] == []
