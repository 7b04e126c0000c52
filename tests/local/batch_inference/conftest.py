"""One deployed project for all tests that break nothing for the others. A lane costs seconds, so each has several traits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import mllocal
from mlplatform import (
    ChampionChallenger,
    FailurePolicy,
    GroundTruth,
    InstanceLadder,
    Overlap,
    RunPolicy,
    Schedule,
    Scoring,
)
from tests.local.batch_inference.lanes import Lanes
from tests.local.workbench import Workbench

AT_ONCE = FailurePolicy(backoff_seconds=0)
LANES: dict[str, dict[str, Any]] = {
    "plain": {
        "schedule": Schedule.cron(
            "0 3 * * ? *", start_date=datetime(2100, 1, 1, tzinfo=UTC)
        ),  # The tests are the clock.
        "ground_truth": GroundTruth(
            prefix="truth/",
            keys=["key"],
            target="came",
            prediction="prediction",
            settle_minutes=0,
            lookback_days=3650,
            alarms={"WAPE": 0.2},
        ),
    },
    "skips": {"model": ChampionChallenger(), "runs": RunPolicy(overlap=Overlap.SKIP, failure=AT_ONCE)},
    "replaces": {
        "runs": RunPolicy(overlap=Overlap.REPLACE, failure=AT_ONCE),
        "scoring": Scoring(part_rows=10, max_hours=1, ladder=InstanceLadder.of("ml.t3.medium", max_instances=2)),
    },
}


@pytest.fixture(scope="session")
def lanes(engine: mllocal.Engine, tmp_path_factory: pytest.TempPathFactory) -> Lanes:
    """Pipelines of one project, and version 1 of their model."""
    workbench = Workbench.create(engine, "batch-inference")
    found = Lanes.deploy(workbench, tmp_path_factory.mktemp("runs"), "quick", LANES)
    found.register()
    return found
