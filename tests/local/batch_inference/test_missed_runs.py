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
from tests.local.batch_inference.deviations import altered_alarm
from tests.local.batch_inference.lanes import Lanes, eventually, rows
from tests.local.batch_inference.watching import alarm_state, alarm_states, listen, spans

OVERDUE = "quick-plain/OutputOverdue"


def test_a_deployment_raises_no_alarm_before_there_could_have_been_a_run(lanes: Lanes) -> None:
    first, *_ = eventually(lambda: alarm_states(lanes, OVERDUE), f"{OVERDUE} was never evaluated")

    assert first == "OK"


def test_the_project_is_told_when_nothing_is_published_in_time_and_when_nobody_is_there_to_say_so(lanes: Lanes) -> None:
    now = datetime.now(UTC)
    heard = listen(lanes, OVERDUE)

    def tick(published_at: datetime) -> None:
        lanes.teach("plain", published_at=published_at.isoformat())
        lanes.call("plain", {"tick": True})

    def is_well() -> bool:
        tick(now)
        return alarm_state(lanes, OVERDUE) == "OK"

    def alert(because: str) -> list[dict[str, Any]]:
        return [it for it in heard() if because in it["NewStateReason"]]

    def silence() -> list[dict[str, Any]]:
        found = alert(because="1 missing datapoints were treated as breaching")
        if not found and alarm_state(lanes, OVERDUE) == "ALARM":
            tick(now)  # It was raised for something else: the scheduler ticked meanwhile, and saw what was true before.
        return found

    # One period is enough, so that the test does not take a quarter of an hour.
    with altered_alarm(lanes, OVERDUE, EvaluationPeriods=1, DatapointsToAlarm=1):
        eventually(is_well, f"{OVERDUE} is raised without a reason")
        tick(now - timedelta(days=2))
        overdue = eventually(lambda: alert(because="1 out of the last 1 datapoints"), "no alert about age")[-1]
    # To an alarm with periods of a second, a scheduler that ticks every five minutes is gone.
    with altered_alarm(lanes, OVERDUE, EvaluationPeriods=1, DatapointsToAlarm=1, Period=1):
        eventually(is_well, f"{OVERDUE} stays raised")
        silent = eventually(silence, "no alert about silence")[-1]

    assert "greater than the threshold (93600)" in overdue["NewStateReason"]
    assert (overdue["NewStateValue"], silent["NewStateValue"]) == ("ALARM", "ALARM")
    for told in (silent["AlarmDescription"], overdue["AlarmDescription"]):
        assert "quick-plain has published nothing for 1.1 days" in told
        assert "runs are due every 1 day, with 2 hours to spare" in told
        assert "log-groups/log-group/$252Faws$252Flambda$252Fquick-plain-controller" in told
        assert "Run next: mlp watch quick-plain, then mlp backfill quick-plain --from" in told


def test_a_backfill_that_is_killed_goes_on_and_runs_only_what_is_missing_or_changed(lanes: Lanes) -> None:
    good, second, third, last = [f"2026-02-0{day}T030000Z" for day in (1, 2, 3, 4)]
    for run_id in (good, second, third):
        lanes.put_rows("plain", run_id[:10], rows())
    lanes.start("plain", "2026-02-01T03:00:00+00:00")
    lanes.settle("plain")
    before = lanes.manifests("plain")
    assert statuses(backfill(lanes, "--dry-run")) == ["published", "missing", "missing", "missing"]
    assert "say --yes" in backfill(lanes, exit_code=2)["fix"]

    lanes.engine.put_faults(kill=[{"function": "quick-plain-controller", "next": 1, "after_milliseconds": 150}])
    with subprocess.Popen([sys.executable, "-m", "mlp", *words(lanes, "--yes", "--parallel", "2")]) as command:
        eventually(lambda: lanes.state("plain")["active"] or command.poll() is not None, "no run was started")
        command.kill()
    gone_on = backfill(lanes, "--yes", "--parallel", "2", exit_code=1)
    between = lanes.manifests("plain")
    assert statuses(gone_on) == ["published", "published", "published", "failed"]
    assert "EmptyInput: there is no input under" in gone_on["moments"][3]["note"]

    lanes.put_rows("plain", third[:10], rows(10))
    lanes.put_rows("plain", last[:10], rows())
    assert statuses(backfill(lanes, "--dry-run", "--missing")) == ["published", "published", "published", "failed"]
    looked = backfill(lanes, "--dry-run")
    assert statuses(looked) == ["published", "published", "changed", "failed"]
    assert looked["moments"][2]["note"] == "input: 1 replaced"
    assert statuses(backfill(lanes, "--yes", "--parallel", "2")) == ["published"] * 4

    published = lanes.manifests("plain")
    assert published[good] == between[good] == before[good]
    assert published[second] == between[second]
    assert [published[run_id]["output"]["rows"] for run_id in (third, last)] == [10, 29]
    ran = spans(lanes, "plain", "2026-02-0")
    times = Counter(run_id for run_id, _, _ in ran)
    assert times.pop(last) in (
        2,
        3,
    )  # It failed each time until it had an input: the backfill that was killed may have come to it.
    assert times == Counter([good, second, third, third])  # Nothing else was run twice.
    assert max(sum(begin <= start < end for _, begin, end in ran) for _, start, _ in ran) <= 2


def test_a_backfill_goes_on_at_once_with_what_its_controller_decided_before_it_died(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-02-05", rows())
    now = datetime.now(UTC).isoformat()
    decided = {
        "fence": 901,
        "generation": 901,
        "attempt": 1,
        "because": "backfill",
        "scheduled_at": "2026-02-05T03:00:00+00:00",
        "started_at": now,
        "attempt_started_at": now,
    }
    lanes.teach("plain", fence=901, active={"2026-02-05T030000Z": decided})

    done = backfill(lanes, "--yes", days=("2026-02-05", "2026-02-05"))

    assert statuses(done) == ["published"]
    assert done["started"] == []


def test_a_pipeline_without_a_schedule_has_nothing_to_make_up_for(lanes: Lanes) -> None:
    answer = backfill(lanes, pipeline="quick-skips", exit_code=3)

    assert "has no schedule" in answer["error"]


FOUR_DAYS = ("2026-02-01", "2026-02-04")


def words(lanes: Lanes, *options: str, days: tuple[str, str] = FOUR_DAYS, pipeline: str = "quick-plain") -> list[str]:
    """The command line of a backfill."""
    begin, end = days
    where = ["--json", "--endpoint-url", lanes.engine.endpoint_url]
    return ["backfill", pipeline, "--from", begin, "--to", end, *options, *where]


def backfill(lanes: Lanes, *options: str, exit_code: int = 0, **of: Any) -> dict[str, Any]:
    """What the command tells at its end."""
    done = CliRunner().invoke(app, words(lanes, *options, **of))
    assert done.exit_code == exit_code, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def statuses(document: dict[str, Any]) -> list[str]:
    return [moment["status"] for moment in document["moments"]]
