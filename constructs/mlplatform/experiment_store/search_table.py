"""The rows of runs as a table of Amazon Athena."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from mlplatform.athena import PARTITION, projection_of_days, workgroup_configuration
from mlrecords.rows import COLUMNS, PREFIX

FIRST_DAY = "2026-01-01"
DATABASE, TABLE, WORKGROUP = "ml_experiments", "run_rows", "ml-experiments"
"""There is one store for an account and region."""
RESULTS_PREFIX = "athena-results/"
MAX_SCANNED_GIB = 100
_NEWEST = """-- Each run once, as it is now: rows repeat what records say, and the one with the highest revision counts.
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY run_id ORDER BY revision DESC, record DESC) AS age
    FROM ml_experiments.run_rows
)
SELECT run_id, kind, name, project, state, created_at, element_at(metrics, 'rmse') AS rmse
FROM numbered
WHERE age = 1 AND deleted IS NULL
ORDER BY created_at DESC
LIMIT 100
"""


class RunSearchTable(Construct):
    """`run_rows`, a table over the row files of the experiment store, for those who query with SQL, join or build dashboards.

    `mlp runs` does without it: it reads the same files. Partitions are the days on which rows were written, computed by projection: no
    crawler, nothing to repair, no cost at rest. A run has a row for each change, so a query takes the newest of each run; the named
    query `newest rows of runs` shows how. The workgroup ends queries that scan more than 100 GiB (0.50 USD, Amazon Athena pricing).

    Parameters:
        bucket_name: of the records.
        key_arn: encrypts the results of queries, which are kept in the same bucket under `athena-results/`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, bucket_name: str, key_arn: str) -> None:
        super().__init__(scope, construct_id)
        self._account: str = Stack.of(self).account
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self._account,
            database_input={"name": DATABASE, "description": "Records of everything that ran"},
        )
        self.table = self._table(database, f"s3://{bucket_name}/{PREFIX}")
        self.workgroup = self._workgroup(f"s3://{bucket_name}/{RESULTS_PREFIX}", key_arn)
        self._named_query()

    def _table(self, database: glue.CfnDatabase, location: str) -> glue.CfnTable:
        return glue.CfnTable(
            self,
            "Resource",
            catalog_id=self._account,
            database_name=database.ref,
            table_input={
                "name": TABLE,
                "description": "What search needs of each run, a row for each change of it",
                "tableType": "EXTERNAL_TABLE",
                "parameters": {"EXTERNAL": "TRUE", "classification": "json", **projection_of_days(location, FIRST_DAY)},
                "partitionKeys": [{"name": PARTITION, "type": "date"}],
                "storageDescriptor": {
                    "columns": [{"name": name, "type": kind} for name, kind in COLUMNS.items()],
                    "location": location,
                    "inputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                    "outputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    "serdeInfo": {
                        "serializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
                        # Athena user guide, "OpenX JSON SerDe": otherwise names of metrics and parameters would lose their capitals.
                        "parameters": {"case.insensitive": "FALSE"},
                    },
                },
            },
        )

    def _workgroup(self, results_uri: str, key_arn: str) -> athena.CfnWorkGroup:
        return athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=WORKGROUP,
            description="Queries on the records of everything that ran",
            recursive_delete_option=True,
            state="ENABLED",
            work_group_configuration=workgroup_configuration(
                results_uri=results_uri, key_arn=key_arn, account=self._account, max_scanned_gib=MAX_SCANNED_GIB
            ),
        )

    def _named_query(self) -> None:
        query = athena.CfnNamedQuery(
            self,
            "NewestRows",
            database=DATABASE,
            name="newest rows of runs",
            description="Each run once, as it is now",
            query_string=_NEWEST,
            work_group=WORKGROUP,
        )
        query.add_dependency(self.workgroup)
