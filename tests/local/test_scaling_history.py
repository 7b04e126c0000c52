"""`mlp scaling history` reads what CloudWatch has counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

import mllocal
from mlp.main import app
from mlscaling.measurements.history import History


def test_the_invocations_of_an_endpoint_become_a_history_without_gaps(engine: mllocal.Engine, tmp_path: Path) -> None:
    dimensions = [{"Name": "EndpointName", "Value": "prices"}, {"Name": "VariantName", "Value": "AllTraffic"}]
    now = datetime.now(tz=UTC).replace(second=0, microsecond=0)
    first = now - timedelta(minutes=now.minute % 5 + 60)
    data = [
        {
            "MetricName": "Invocations",
            "Dimensions": dimensions,
            "Timestamp": first + timedelta(minutes=minutes),
            "Value": 1.0,
        }
        for minutes in (0, 1, 10)
    ]
    engine.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)
    asked = ["prices", "--variant", "AllTraffic", "--days", "1", "--endpoint-url", engine.endpoint_url]

    result = CliRunner().invoke(app, ["scaling", "history", *asked, "--out", str(tmp_path / "prices.csv")])

    assert result.exit_code == 0, result.stderr
    history = History.read_csv(tmp_path / "prices.csv")
    assert (history.start, history.interval_seconds) == (first, 300)
    assert history.counts[:3] == (2, 0, 1)


def test_an_endpoint_that_nobody_asks_is_not_found(engine: mllocal.Engine, tmp_path: Path) -> None:
    arguments = ["nobody", "--out", str(tmp_path / "nobody.csv"), "--endpoint-url", engine.endpoint_url]

    result = CliRunner().invoke(app, ["scaling", "history", *arguments])

    assert result.exit_code == 3
    assert not (tmp_path / "nobody.csv").exists()
