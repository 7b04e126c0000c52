"""When values of endpoints are published, and as what."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mllocal.endpoints.measurements import Measurements, VariantSeries
from mllocal.sagemaker.store import Scope

SCOPE = Scope("123456789012", "us-east-1")
SERIES = VariantSeries(SCOPE, "demand", "AllTraffic")


@pytest.mark.parametrize(("speed", "period"), [(1, 60), (60, 1)])
def test_a_period_is_published_once_when_the_next_is_over(
    speed: float, period: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[dict[str, Any]] = []
    measurements = Measurements(lambda scope, namespace, data: published.extend(data), speed)
    now = 1_200_000_000.0  # The beginning of a minute.
    monkeypatch.setattr(time, "time", lambda: now)
    for value in (1234.5, 1234.9, 1238.0):
        measurements.record(SERIES.of("ModelLatency", "Microseconds"), value)

    now += 2 * period - 0.01
    measurements.publish()
    early = len(published)
    now += 0.02
    measurements.publish()
    measurements.publish()

    assert early == 0
    (datum,) = published
    assert dict(zip(datum["Values"], datum["Counts"], strict=True)) == {1230.0: 2, 1240.0: 1}
    assert datum["Timestamp"] == 1_200_000_000 + period / 2
    assert datum["Dimensions"] == [
        {"Name": "EndpointName", "Value": "demand"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
