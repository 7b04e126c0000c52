"""Runs that do not come, on the embedded AWS: who is told, and how they are made up for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from typer.testing import CliRunner

from mlp.main import app
from tests.local.batch_inference.deviations import impatient_alarm
from tests.local.batch_inference.lanes import Lanes, eventually, rows

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


def test_a_backfill_that_is_killed_goes_on_and_runs_only_what_is_missing_or_changed(lanes: Lanes) -> None:
    ids = [f"2026-02-0{day}T030000Z" for day in (1, 2, 3, 4)]
    for run_id in ids:
        lanes.put_rows("plain", run_id[:10], rows())
    lanes.start("plain", "2026-02-01T03:00:00+00:00")
    lanes.settle("plain")
    good = lanes.manifests("plain")[ids[0]]

    lanes.engine.put_faults(kill=[{"function": "quick-plain-controller", "next": 1, "after_milliseconds": 150}])
    with subprocess.Popen([sys.executable, "-m", "mlp", *words(lanes, "--parallel", "2")]) as command:
        eventually(lambda: lanes.state("plain")["active"] or command.poll() is not None, "no run was started")
        command.kill()
    missing = backfill(lanes, "--parallel", "2")
    first = lanes.manifests("plain")
    lanes.put_rows("plain", "2026-02-03", rows(10))
    changed = backfill(lanes)

    published = lanes.manifests("plain")
    assert [moment["status"] for document in (missing, changed) for moment in document["moments"]] == ["published"] * 8
    assert changed["started"] == [ids[2]]
    assert [published[run_id]["output"]["rows"] for run_id in ids] == [29, 29, 10, 29]
    assert {run_id: published[run_id] for run_id in ids if run_id != ids[2]} == {
        ids[0]: good,
        ids[1]: first[ids[1]],
        ids[3]: first[ids[3]],
    }
    spans = lanes.spans("plain", "2026-02-0")
    assert Counter(run_id for run_id, _, _ in spans) == Counter([*ids, ids[2]])  # None twice, but what has changed.
    assert max(sum(begin <= start < end for _, begin, end in spans) for _, start, _ in spans) <= 2


def words(lanes: Lanes, *options: str) -> list[str]:
    """A command line that backfills four days."""
    days = ["--from", "2026-02-01", "--to", "2026-02-04"]
    return ["backfill", "quick-plain", *days, *options, "--yes", "--json", "--endpoint-url", lanes.engine.endpoint_url]


def backfill(lanes: Lanes, *options: str) -> dict[str, Any]:
    """Backfill four days to the end; what the command tells."""
    done = CliRunner().invoke(app, words(lanes, *options))
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document
