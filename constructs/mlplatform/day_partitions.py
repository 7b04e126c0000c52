"""Partitions of tables of Amazon Athena by day: computed, so that there is no crawler, nothing to repair, and no cost at rest."""

from __future__ import annotations

PARTITION = "date"
"""The column by which tables are partitioned."""


def projection_of_days(location: str, first_day: str) -> dict[str, str]:
    """Table parameters for days from the first to tomorrow, wherever it is tomorrow first.

    Source: Athena user guide, "Set up partition projection".
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
