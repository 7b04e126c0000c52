"""Runs that do not come, on the embedded AWS: who is told, and how they are made up for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.local.batch_inference.deviations import impatient_alarm
from tests.local.batch_inference.lanes import Lanes, eventually

OVERDUE = "quick-plain/OutputOverdue"


def test_the_project_is_told_when_nothing_is_published_in_time_and_when_nobody_is_there_to_say_so(lanes: Lanes) -> None:
    now = datetime.now(UTC)
    heard = lanes.listen(OVERDUE)

    def tick(published_at: datetime) -> None:
        lanes.teach("plain", published_at=published_at.isoformat())
        lanes.call("plain", {"tick": True})

    def next_alert(state: str) -> dict[str, Any]:
        alerts = eventually(lambda: [it for it in heard() if it["NewStateValue"] == state], f"{OVERDUE} told no {state}")
        return alerts[0]

    tick(now)
    eventually(lambda: lanes.alarm_state(OVERDUE) == "OK", f"{OVERDUE} stayed {lanes.alarm_state(OVERDUE)}")
    with impatient_alarm(lanes, OVERDUE):
        silent = next_alert("ALARM")  # To this alarm, a scheduler that ticks every five minutes is gone.
        tick(now)
        next_alert("OK")
        tick(now - timedelta(days=2))
        overdue = next_alert("ALARM")

    assert "1 missing datapoints were treated as breaching" in silent["NewStateReason"]
    assert "greater than the threshold (93600)" in overdue["NewStateReason"]
    for alert in (silent, overdue):
        told = alert["AlarmDescription"]
        assert "quick-plain has published nothing for 1.1 days" in told
        assert "runs are due every 1 day, with 2 hours to spare" in told
        assert "log-groups/log-group/$252Faws$252Flambda$252Fquick-plain-controller" in told
        assert "Run next: mlp watch quick-plain, then mlp backfill quick-plain --from" in told
