"""Lambda of the step RecordQuality: tells CloudWatch how good predictions were.

The job that measures may have no way to CloudWatch, since it runs in the project's network. Event: `pipeline_name` (whose
predictions they are), `namespace` and `report_uri`. Answer: each metric of the report, as a text.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import boto3

from attempts.objects import read_json
from runs.metrics import put_metrics

PREFIX = "Quality"


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Read, tell, answer."""
    report = read_json(boto3.client("s3"), event["report_uri"])
    figures = {f"{PREFIX}{name}": value for name, value in report["metrics"].items()}
    figures[f"{PREFIX}Rows"] = report["rows"]["joined"]
    put_metrics(boto3.client("cloudwatch"), event["namespace"], event["pipeline_name"], figures, datetime.now(UTC))
    return {name: str(value) for name, value in figures.items()}
