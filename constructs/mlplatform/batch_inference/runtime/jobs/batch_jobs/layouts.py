"""Which columns the raw files have: from the first rows of CSV, or from the schemas of Parquet."""

from __future__ import annotations

import csv as csv_text
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from batch_jobs.csv_pieces import blocks_of, converted, text_table
from batch_jobs.files import JobError
from batch_jobs.tables import TYPES, Column, Layout, wider

_SAMPLE_BYTES = 1 << 20
_PANDAS_INDEX = "__index_level_"


def count_csv_features(path: Path, keys: Sequence[str]) -> int:
    """How many columns CSV without a header has after the keys. Raises `JobError` if it has none."""
    width = _fields_of(next(blocks_of(path, _SAMPLE_BYTES)), path)
    if width <= len(keys):
        raise JobError(
            f"DataCheckFailed: {path.name} has {width} columns, and {len(keys)} of them are keys ({', '.join(keys)}); "
            "write the features after the keys"
        )
    return width - len(keys)


def numbered_features(count: int) -> list[Column]:
    """The features of CSV without a header about which nothing is known: numbers, called `feature_0` and so on.

    SageMaker's scikit-learn container reads CSV in the same way.
    """
    return [Column(f"feature_{number}", pa.float64()) for number in range(count)]


def csv_layout(path: Path, keys: Sequence[str], key_types: Sequence[str], features: Sequence[Column]) -> Layout:
    """The layout of CSV without a header, of which the features are known."""
    text, _ = text_table(next(blocks_of(path, _SAMPLE_BYTES)), [*keys, *(feature.name for feature in features)])
    _refuse_header(path, text, features)
    found = _key_types(text, keys)
    fixed = [Column(name, TYPES[kind], fixed=True) for name, kind in zip(keys, key_types)]
    return Layout(tuple(fixed) or tuple(Column(name, found[name]) for name in keys), tuple(features), named=False)


def parquet_layout(paths: Sequence[Path], keys: Sequence[str], key_types: Sequence[str]) -> Layout:
    """The layout that holds the rows of all files: the keys, then the others in the order of the first file."""
    schemas = [(path, _schema(path)) for path in paths]
    first_path, first = schemas[0]
    problems = [
        f"{first_path.name} has no column '{key}'; it has {', '.join(first.names)}"
        for key in keys
        if key not in first.names
    ]
    for path, schema in schemas[1:]:
        if set(schema.names) != set(first.names):
            differ = ", ".join(sorted({*schema.names} ^ {*first.names}))
            problems.append(
                f"{path.name} and {first_path.name} differ in their columns: {differ}; write all files alike"
            )
    if not problems and len(first.names) <= len(keys):
        problems.append(f"{first_path.name} has no column besides the keys; write the features too")
    if problems:
        raise JobError(f"DataCheckFailed: {'; '.join(problems)}")
    types = {name: _common([schema.field(name).type for _, schema in schemas], name) for name in first.names}
    fixed = dict(zip(keys, key_types))
    key_columns = [Column(name, TYPES[fixed[name]] if name in fixed else types[name], name in fixed) for name in keys]
    features = tuple(Column(name, types[name]) for name in first.names if name not in keys)
    return Layout(tuple(key_columns), features, named=True)


def _fields_of(block: bytes, path: Path) -> int:
    """How many fields most of the first lines have."""
    head = block[: block.find(b"\n", 4096) + 1 or len(block)]
    counts: dict[int, int] = {}
    for fields in csv_text.reader(head.decode("utf-8", "replace").splitlines()):
        if fields:
            counts[len(fields)] = counts.get(len(fields), 0) + 1
    if not counts:
        raise JobError(f"DataCheckFailed: {path.name} is not CSV; write CSV without a header, or Parquet")
    return max(counts, key=lambda width: counts[width])


def _key_types(text: pa.Table, keys: Sequence[str]) -> dict[str, pa.DataType]:
    """As Arrow infers them; digits that begin with 0 are text, such as a shop's number."""
    types = {}
    for key in keys:
        strings, _ = converted(text.column(key), pa.string())
        kind = _inferred(strings)
        if pa.types.is_integer(kind) and pc.any(pc.match_substring_regex(strings, r"^\s*-?0\d")).as_py():
            kind = pa.string()
        types[key] = pa.string() if pa.types.is_null(kind) or pa.types.is_time(kind) else kind
    return types


def _inferred(strings: pa.Array) -> pa.DataType:
    quoted = pc.replace_substring(pc.fill_null(strings, ""), '"', '""')
    lines = "".join(f'"{one}"\n' for one in quoted.to_pylist())
    read = csv.read_csv(
        pa.py_buffer(lines.encode()),
        csv.ReadOptions(column_names=["key"], block_size=len(lines) + 1),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(quoted_strings_can_be_null=True),
    )
    return read.schema.field(0).type


def _refuse_header(path: Path, text: pa.Table, features: Sequence[Column]) -> None:
    numeric = [column.name for column in features if pa.types.is_floating(column.type)]
    if numeric and text.num_rows > 1:
        head = text.slice(0, 1)
        if all(converted(head.column(name), pa.float64())[1].all() for name in numeric):
            raise JobError(
                f"DataCheckFailed: {path.name} begins with names instead of values; write CSV without a header, or Parquet"
            )


def _schema(path: Path) -> pa.Schema:
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise JobError(
            f"DataCheckFailed: {path.name} is not a Parquet file that can be read ({error}); write it again"
        ) from error
    return pa.schema([field for field in schema if not field.name.startswith(_PANDAS_INDEX)])


def _common(types: Sequence[pa.DataType], name: str) -> pa.DataType:
    """One type for a column that files may write differently."""
    kind = _plain(types[0], name)
    for other in (_plain(one, name) for one in types[1:]):
        while kind != other and not pa.types.is_string(kind):
            kind = wider(kind) if not pa.types.is_floating(kind) or not pa.types.is_integer(other) else kind
            if pa.types.is_floating(kind) and (pa.types.is_integer(other) or pa.types.is_floating(other)):
                break
    return kind


def _plain(kind: pa.DataType, name: str) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise JobError(
            f"DataCheckFailed: column '{name}' holds {kind}, which is neither a number nor text; write plain values"
        )
    return kind
