"""The table over row files of runs: what Athena is told, and the query that it is given, over real row files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from aws_cdk import App, Environment, Stack

from mlplatform.experiment_store.search_table import RunSearchTable
from mlrecords.canonical import canonical
from mlrecords.rows import COLUMNS, Row, day_prefix, packed
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Synthesized, flat, synthesize


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    directory = tmp_path_factory.mktemp("out")
    app = App(outdir=str(directory), analytics_reporting=False)
    stack = Stack(app, "stack", env=Environment(account=ACCOUNT, region=REGION))
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    RunSearchTable(stack, "Search", bucket_name="the-records", key_arn=key)
    return synthesize(app, directory)


def test_the_table_has_the_columns_of_rows_and_is_where_they_are(synthesized: Synthesized) -> None:
    table = synthesized.only("AWS::Glue::Table")["TableInput"]

    assert table["StorageDescriptor"]["Location"] == "s3://the-records/rows/"
    assert {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]} == dict(COLUMNS)
    template = table["Parameters"]["storage.location.template"]
    assert template == "s3://the-records/rows/date=${date}/"
    assert table["PartitionKeys"] == [{"Name": "date", "Type": "date"}]


def test_names_of_metrics_keep_their_capitals(synthesized: Synthesized) -> None:
    serde = synthesized.only("AWS::Glue::Table")["TableInput"]["StorageDescriptor"]["SerdeInfo"]

    assert serde["Parameters"] == {"case.insensitive": "FALSE"}
    assert [name for name in COLUMNS if name != name.lower()] == []


def test_results_of_queries_are_encrypted_and_what_they_scan_is_bounded(synthesized: Synthesized) -> None:
    configuration = synthesized.only("AWS::Athena::WorkGroup")["WorkGroupConfiguration"]

    assert configuration["EnforceWorkGroupConfiguration"]
    assert configuration["BytesScannedCutoffPerQuery"] == 100 * 1024**3
    result = configuration["ResultConfiguration"]
    assert flat(result["OutputLocation"]) == "s3://the-records/athena-results/"
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"


def test_the_named_query_shows_each_run_once_as_it_is_now(synthesized: Synthesized, tmp_path: Path) -> None:
    """The query is the same in DuckDB, which reads the files of a partition as Athena does."""

    def row(run: str, revision: int, **said: object) -> Row:
        identity = {
            "kind": "training-job",
            "name": run,
            "state": "Completed",
            "created_at": "2026-11-24T08:00:00.000+00:00",
        }
        return {"run_id": run, "revision": revision, "record": f"sha256:{revision}", **identity, **said}

    forgotten = {"run_id": "gone", "revision": 2**53 - 1, "deleted": True}
    for number, rows in enumerate(([row("a", 3, metrics={"rmse": 39.5})], [row("a", 1), row("gone", 5)], [forgotten])):
        name, content = packed([canonical(one) for one in rows])
        path = tmp_path / day_prefix(date(2026, 11, 24 + number)) / f"080000-{name}.jsonl.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    names = {
        "string": "VARCHAR",
        "map<string,string>": "MAP(VARCHAR, VARCHAR)",
        "map<string,double>": "MAP(VARCHAR, DOUBLE)",
    }
    columns = {column: names.get(kind, kind.upper()) for column, kind in COLUMNS.items()}
    query = synthesized.only("AWS::Athena::NamedQuery")["QueryString"]

    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA ml_experiments")
        files = f"{tmp_path}/rows/*/*.jsonl.gz"
        connection.execute(
            f"CREATE VIEW ml_experiments.run_rows AS SELECT * FROM read_json('{files}', columns = {columns})"  # noqa: S608
        )
        found = connection.execute(query).fetchall()

    assert [(run, rmse) for run, *_, rmse in found] == [("a", [39.5])]  # DuckDB answers a list
