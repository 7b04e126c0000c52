"""The dataset of an analysis, and the baseline of SHAP in the same format."""

from __future__ import annotations

from typing import IO, Any
from urllib.parse import urlparse

import boto3
import pandas

from .contract import DATA, AnalysisError, Document


def read_data(configuration: Document) -> pandas.DataFrame:
    """Every file of the dataset as one table. Raises `AnalysisError` for an unknown format or no rows."""
    files = [path for path in sorted(DATA.rglob("*")) if path.is_file()]
    headers = configuration.get("headers")
    tables = []
    for path in files:
        with path.open("rb") as file:
            tables.append(_read(file, configuration, headers))
    if not tables or not sum(len(table) for table in tables):
        raise AnalysisError(f"there are no rows in {DATA}")
    return pandas.concat(tables, ignore_index=True)


def read_baseline(given: Any, configuration: Document, columns: list[str]) -> pandas.DataFrame:
    """Rows of features: as they are in the configuration, or in an object of the dataset's format in S3."""
    if isinstance(given, list):
        return pandas.DataFrame(given if isinstance(given[0], list) else [given])
    if not isinstance(given, str) or not given.startswith("s3://"):
        raise AnalysisError(f"methods.shap.baseline {given!r} is neither a list of rows nor an S3 URI")
    location = urlparse(given)
    body = boto3.client("s3").get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"]
    headers = columns if "headers" in configuration else None
    return _read(body, configuration, headers)


def _read(file: IO[bytes], configuration: Document, headers: list[str] | None) -> pandas.DataFrame:
    match configuration.get("dataset_type", "text/csv"):
        case "text/csv":
            # With headers given the file has none, as in AWS's container.
            return pandas.read_csv(file, header=None if headers else 0, names=headers, skipinitialspace=True)
        case "application/jsonlines":
            return pandas.read_json(file, lines=True)
        case "application/x-parquet":
            return pandas.read_parquet(file)
        case other:
            raise AnalysisError(
                f"dataset_type {other!r} is not one of text/csv, application/jsonlines, application/x-parquet"
            )
