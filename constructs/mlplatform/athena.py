"""What tables of Amazon Athena have in common: partitions by day, and workgroups that bound what a query scans."""

from __future__ import annotations

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
