"""What a pipeline publishes, as a table of Amazon Athena."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from mlplatform.athena import PARTITION, projection_of_days, query_statements, workgroup_configuration
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import MlProject
from mlplatform.project.scope import OWN_NAMES

FIRST_DAY = "2020-01-01"
RESULTS_PREFIX = "athena-results/"
DEFAULT_SCANNED_GIB = 100
MAX_SCANNED_GIB = 7168
"""Of the 7 EiB that Athena itself allows, as many as nobody pays for by mistake: about 35 USD a query (Amazon Athena pricing)."""

# Athena user guide, "Data types in Amazon Athena", for CREATE TABLE over Parquet.
_PRIMITIVE = (
    r"(boolean|tinyint|smallint|int|bigint|float|double|string|binary|date|timestamp|decimal\(\d{1,2},\s?\d{1,2}\))"
)
_TYPE = re.compile(rf"{_PRIMITIVE}|array<{_PRIMITIVE}>")
_NAME = re.compile(r"[a-z0-9_]{1,255}")


@dataclass(frozen=True)
class Column:
    """A column of what a pipeline publishes: `Column("forecast", "double")`.

    `name` has lower-case letters, digits and underscores, as Athena shows it. `type` is one of Athena's: `string`, `int`,
    `bigint`, `double`, `timestamp`, `date`, `boolean`, `decimal(10,2)`, `array<string>`, ... Columns of the Parquet files are
    found by name.
    """

    name: str
    type: str

    def problems(self) -> Iterator[str]:
        """A sentence for each thing that is wrong with it."""
        if not _NAME.fullmatch(self.name):
            yield (
                f"column '{self.name}' cannot be named so in Athena; use lower-case letters, digits and underscores, "
                f"such as '{re.sub('[^a-z0-9_]', '_', self.name.lower()) or 'prediction'}'"
            )
        if not _TYPE.fullmatch(self.type):
            yield f"column '{self.name}' has type '{self.type}'; use one of Athena's, such as double, bigint, string, timestamp"


class ProjectTables(Construct):
    """The Glue database of a project's tables, and the Athena workgroup in which its people query them.

    When to use: through `PublishedTable`, which makes one for each project. Queries leave their results in the artifact
    bucket under `athena-results/`, encrypted with the project's key, whatever the client asks for; a query that scans more
    than `max_scanned_gib` is ended. Data scientists may query; they read the files with the rights that they have anyway.
    Nothing of it costs anything while nobody queries.

    Parameters:
        project: whose tables these are; also the scope.
        max_scanned_gib: what one query may scan. Athena takes 5 USD for each TB in us-east-1 (Amazon Athena pricing).
    """

    def __init__(self, project: MlProject, *, max_scanned_gib: int = DEFAULT_SCANNED_GIB) -> None:
        problems = (
            []
            if 1 <= max_scanned_gib <= MAX_SCANNED_GIB
            else [f"max_scanned_gib is {max_scanned_gib}; use 1 to {MAX_SCANNED_GIB}"]
        )
        raise_if_any("ProjectTables", problems)
        super().__init__(project, "Tables")
        self._project = project
        underscored = project.name.replace("-", "_")
        self.database_name = f"{underscored}_predictions"
        """`<project>_predictions`, with underscores, which need no quotes in SQL."""
        self.workgroup_name = project.name
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=project.account,
            database_input={"name": self.database_name, "description": f"What pipelines of {project.name} publish"},
        )
        self.workgroup = self._workgroup(max_scanned_gib)
        project.data_scientist_role.allow(
            *query_statements(
                workgroup=self.workgroup_name,
                database=self.database_name,
                tables="*",
                wildcard_reason=OWN_NAMES,
                place=f"{project.region}:{project.account}",
                partition=project.partition,
                of="Tables",
            )
        )

    @classmethod
    def of(cls, project: MlProject) -> ProjectTables:
        """Those of the project, made when they are asked for first."""
        found = project.node.try_find_child("Tables")
        return found if isinstance(found, ProjectTables) else cls(project)

    def _workgroup(self, max_scanned_gib: int) -> athena.CfnWorkGroup:
        project = self._project
        return athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=self.workgroup_name,
            description=f"Queries of {project.name} on what its pipelines publish",
            recursive_delete_option=True,
            state="ENABLED",
            work_group_configuration=workgroup_configuration(
                results_uri=project.artifact_uri(RESULTS_PREFIX),
                key_arn=project.key_arn,
                account=project.account,
                max_scanned_gib=max_scanned_gib,
            ),
        )


class PublishedTable(Construct):
    """The table over what one pipeline publishes: every run's files, each run in its newest generation only.

    Athena reads `published/date=<day>/<run id>.txt`, the files that name a run's Parquet files (`SymlinkTextInputFormat`, as
    for S3 Inventory: Amazon S3 user guide, "Querying Amazon S3 Inventory with Amazon Athena"). Each is replaced whole, so that
    a query sees a run as it was published, or as it was published again. Partitions are computed by projection on `date`, the day
    for which a run was scheduled, in the pipeline's time zone: no crawler, nothing to repair, no cost at rest. `"$path"` says from
    which run a row is.

    Parameters:
        scope: usually the pipeline's construct.
        construct_id: id within `scope`.
        project: in whose database the table is.
        pipeline_name: `<project>-<name>`; the table is called `<name>`, with underscores.
        root_uri: the S3 prefix with `published/`, without a slash at its end.
        columns: what the Parquet files hold, the key columns first.

    Raises `InvalidPropsError` with every column that Athena would not take.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        pipeline_name: str,
        root_uri: str,
        columns: Sequence[Column],
    ) -> None:
        raise_if_any(f"table of pipeline '{pipeline_name}'", column_problems(columns))
        super().__init__(scope, construct_id)
        tables = ProjectTables.of(project)
        self.database_name = tables.database_name
        self.workgroup_name = tables.workgroup_name
        self.table_name = pipeline_name.removeprefix(f"{project.name}-").replace("-", "_")
        location = f"{root_uri}/published/"
        self.resource = glue.CfnTable(
            self,
            "Resource",
            catalog_id=project.account,
            database_name=tables.database.ref,
            table_input={
                "name": self.table_name,
                "description": f"What the pipeline {pipeline_name} publishes",
                "tableType": "EXTERNAL_TABLE",
                "parameters": {
                    "EXTERNAL": "TRUE",
                    "classification": "parquet",
                    **projection_of_days(location, FIRST_DAY),
                },
                "partitionKeys": [{"name": PARTITION, "type": "date"}],
                "storageDescriptor": {
                    "columns": [{"name": column.name, "type": column.type} for column in columns],
                    "location": location,
                    "inputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
                    "outputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    "serdeInfo": {
                        "serializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                        "parameters": {"serialization.format": "1"},
                    },
                },
            },
        )


def column_problems(columns: Sequence[Column]) -> Iterator[str]:
    """A sentence for each thing that is wrong with the columns of a table."""
    if not columns:
        yield "there are no columns; name the key columns, then the predictions, such as Column('forecast', 'double')"
    for column in columns:
        yield from column.problems()
        if column.name == PARTITION:
            yield f"column '{PARTITION}' would hide the partition of that name; give it another name"
    for name, times in Counter(column.name for column in columns).items():
        if times > 1:
            yield f"column '{name}' is named {times} times; give each column a name of its own"
