"""What tables of Amazon Athena have in common: partitions by day, workgroups that bound what a query scans, and who may query."""

from __future__ import annotations

from mlplatform.policy import Statement

PARTITION = "date"
"""The column by which tables are partitioned."""


def projection_of_days(location: str, first_day: str) -> dict[str, str]:
    """Table parameters for partitions from the first day to tomorrow, wherever it is tomorrow first.

    They are computed, so that there is no crawler, nothing to repair, and no cost at rest (Athena user guide, "Set up partition
    projection").
    """
    return {
        "projection.enabled": "true",
        f"projection.{PARTITION}.type": "date",
        f"projection.{PARTITION}.format": "yyyy-MM-dd",
        f"projection.{PARTITION}.range": f"{first_day},NOW+1DAYS",
        f"projection.{PARTITION}.interval": "1",
        f"projection.{PARTITION}.interval.unit": "DAYS",
        "storage.location.template": f"{location}{PARTITION}=${{{PARTITION}}}/",
    }


def workgroup_configuration(*, results_uri: str, key_arn: str, account: str, max_scanned_gib: int) -> dict[str, object]:
    """Queries leave their results in one place, encrypted with one key, whatever the client asks for, and end when they scan too much."""
    return {
        "bytesScannedCutoffPerQuery": max_scanned_gib * 1024**3,
        "enforceWorkGroupConfiguration": True,
        "engineVersion": {"selectedEngineVersion": "Athena engine version 3"},
        "publishCloudWatchMetricsEnabled": True,
        "requesterPaysEnabled": False,
        "resultConfiguration": {
            "encryptionConfiguration": {"encryptionOption": "SSE_KMS", "kmsKey": key_arn},
            "expectedBucketOwner": account,
            "outputLocation": results_uri,
        },
    }


def query_statements(
    *,
    workgroup: str,
    database: str,
    tables: str,
    wildcard_reason: str | None = None,
    place: str,
    partition: str,
    of: str,
) -> list[Statement]:
    """Query tables of a database in one workgroup. Whoever queries also needs to read the files, and to read and write the results.

    `place` is `<region>:<account>`, `tables` a name or a pattern of names, and `of` ends the ids of the statements.
    """
    catalog = f"arn:{partition}:glue:{place}"
    return [
        Statement(
            sid=f"Query{of}",
            actions=[
                "athena:BatchGetQueryExecution",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:GetWorkGroup",
                "athena:ListQueryExecutions",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            resources=[f"arn:{partition}:athena:{place}:workgroup/{workgroup}"],
        ),
        Statement(
            sid=f"Read{of}",
            actions=[
                "glue:BatchGetPartition",
                "glue:GetDatabase",
                "glue:GetPartition",
                "glue:GetPartitions",
                "glue:GetTable",
                "glue:GetTables",
            ],
            resources=[f"{catalog}:catalog", f"{catalog}:database/{database}", f"{catalog}:table/{database}/{tables}"],
            wildcard_reason=wildcard_reason,
        ),
    ]
