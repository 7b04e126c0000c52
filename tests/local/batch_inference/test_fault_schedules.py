"""Batch inference under faults that are drawn at random, on the embedded AWS: what is published is whole, right and attributed.

`make faults` draws 200 schedules; a normal test run a few. A failure prints the schedule, and the line that repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import mllocal
from tests.local.batch_inference.fault_schedules import FAULT_SCHEDULES, LANES, PROJECT, FaultSchedule, World
from tests.local.batch_inference.lanes import Lanes
from tests.local.workbench import Workbench

SCHEDULES = int(os.environ.get("FAULT_SCHEDULES", "4"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An engine of its own, since it is killed, with one project and its lanes."""
    directory = tmp_path_factory.mktemp("faults")
    try:
        workbench = Workbench.create(mllocal.up(directory), "faults")
        lanes = Lanes.deploy(workbench, tmp_path_factory.mktemp("assembly"), PROJECT, {lane: {} for lane in LANES})
        yield World(lanes, directory, versions=lanes.register())
    finally:
        mllocal.down(directory)


@settings(
    max_examples=max(1, SCHEDULES // len(LANES)),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # Shrinking would take hours, and the world remembers.
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(schedule=FAULT_SCHEDULES)
def test_whatever_fails_every_output_is_whole_right_and_attributed(world: World, schedule: FaultSchedule) -> None:
    print(schedule)

    world.live_through(schedule)

    world.check()
