"""Random schedules of faults for batch inference: what is wanted, what goes wrong, and what must hold afterwards.

Several pipelines ("lanes") live through their schedules at once, so that two hundred take minutes instead of hours.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import strategies as st

import mllocal
from runs.state import RECENT_RUNS
from tests.local.batch_inference.lanes import Lanes

PROJECT = "chaos"
LANES = ("one", "two", "three", "four")
FUNCTIONS = ("controller", "begin-run", "plan-scoring", "publish-run")
THROTTLED = (
    *("s3:PutObject", "s3:GetObject", "sagemaker:StartPipelineExecution", "sagemaker:DescribePipelineExecution"),
    *("sns:Publish", "cloudwatch:PutMetricData", "sagemaker:ListPipelineExecutionSteps"),
)
SCRIPTS = ("fetch_input.py", "prepare.py", "prepare_parts.py", "score.py")
FIRST_DAY = datetime(2026, 1, 1, 3, tzinfo=UTC)
CHANGES = ("replaced", "added", "removed", "removed with its version")
BAD_ROWS = ["poison,13", "corrupt,?"]
SECONDS_TO_START = 150
_RUN_ID = "%Y-%m-%dT%H%M%SZ"


@dataclass(frozen=True)
class Day:
    """One wanted run: its input, and how many events ask for it."""

    rows: int = 25
    bad_rows: bool = False
    allocate_mib: int = 0
    sleep_seconds: float = 0
    events: int = 1


@dataclass(frozen=True)
class LaneSchedule:
    """What one lane lives through. Seconds count from the first event."""

    days: tuple[Day, ...]
    order: int
    """Seed of the order in which the events come."""
    input_changes: tuple[tuple[float, str], ...] = ()
    """When, and how, the input of all its days changes: mostly while they are prepared."""
    kill_steps_at: tuple[float, ...] = ()
    kill_functions: tuple[tuple[str, int], ...] = ()
    """A function's invocations that die, and after how many milliseconds."""


@dataclass(frozen=True)
class FaultSchedule:
    """All lanes, and what befalls everything."""

    lanes: tuple[LaneSchedule, ...]
    throttle: tuple[tuple[str, int], ...]
    doubled_rate: float
    delayed_rate: float
    kill_engine_at: float | None
    new_model_at: float | None
    seed: int


def _rarely(strategy: st.SearchStrategy[Any], otherwise: Any, one_in: int) -> st.SearchStrategy[Any]:
    return st.integers(1, one_in).flatmap(lambda number: strategy if number == 1 else st.just(otherwise))


_SECONDS = st.floats(0, 8)
_DAYS = st.builds(
    Day,
    rows=_rarely(st.just(0), 25, 8),
    bad_rows=st.booleans(),
    allocate_mib=_rarely(st.just(4_500), 0, 25),
    sleep_seconds=_rarely(st.floats(0.5, 3), 0, 3),
    events=st.integers(1, 3),
)
_LANES = st.builds(
    LaneSchedule,
    days=st.lists(_DAYS, min_size=1, max_size=2).map(tuple),
    order=st.integers(0, 2**32),
    input_changes=_rarely(st.lists(st.tuples(_SECONDS, st.sampled_from(CHANGES)), max_size=8).map(tuple), (), 2),
    kill_steps_at=st.lists(_SECONDS, max_size=2).map(tuple),
    kill_functions=st.lists(st.tuples(st.sampled_from(FUNCTIONS), st.integers(0, 900)), max_size=2).map(tuple),
)
FAULT_SCHEDULES = st.builds(
    FaultSchedule,
    lanes=st.tuples(*(_LANES for _ in LANES)),
    throttle=st.lists(st.tuples(st.sampled_from(THROTTLED), st.integers(1, 6)), max_size=2).map(tuple),
    doubled_rate=_rarely(st.just(0.5), 0.0, 2),
    delayed_rate=_rarely(st.just(0.5), 0.0, 2),
    kill_engine_at=_rarely(st.floats(1, 10), None, 4),
    new_model_at=_rarely(_SECONDS, None, 3),
    seed=st.integers(0, 2**32),
)


@dataclass
class World:
    """The deployed lanes and what is expected of them. Days are never used twice."""

    lanes: Lanes
    directory: Path
    next_day: int = 0
    versions: int = 0
    days: dict[tuple[str, str], Day] = field(default_factory=dict)
    changes: int = 0
    changed: set[tuple[str, str]] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def live_through(self, schedule: FaultSchedule) -> None:
        """Cause it all, then clear the faults, and have every lane settle."""
        moments = [self._put_input(lane, found.days) for lane, found in zip(LANES, schedule.lanes, strict=True)]
        self.lanes.engine.put_faults(
            throttle=[{"operation": operation, "next": count} for operation, count in schedule.throttle],
            kill=[
                {"function": f"{PROJECT}-{lane}-{function}", "next": 1, "after_milliseconds": after}
                for lane, found in zip(LANES, schedule.lanes, strict=True)
                for function, after in found.kill_functions
            ],
            events={"doubled_rate": schedule.doubled_rate, "delayed_rate": schedule.delayed_rate},
            seed=schedule.seed,
        )
        threads = [
            threading.Thread(target=self._send, args=(lane, event))
            for lane, found, due in zip(LANES, schedule.lanes, moments, strict=True)
            for event in _events(found, due)
        ]
        for thread in threads:
            thread.start()
        for at, act in sorted(self._acts(schedule, moments), key=lambda found: found[0]):
            time.sleep(max(0.0, at - (time.monotonic() - self._began)))
            act()
        for thread in threads:
            thread.join()
        self.lanes.engine.put_faults()

    def check(self) -> None:
        """Every wanted run is published, whole and right, or was reported; and nothing else is there."""
        assert self.refused == []
        for lane in LANES:
            state = self.lanes.settle(lane)
            manifests, published = self.lanes.manifests(lane), self.lanes.published_files(lane)
            ended = {run["run_id"]: run for run in state["recent"]}
            wanted = {run_id: found for (name, run_id), found in self.days.items() if name == lane}
            assert set(manifests) == set(published)
            assert set(manifests) <= set(wanted)
            for run_id, wanted_day in wanted.items():
                changed = (lane, run_id) in self.changed
                if run_id in manifests:
                    self._check_published(manifests[run_id], published[run_id], None if changed else wanted_day)
                elif (
                    run_id in ended or len(state["recent"]) < RECENT_RUNS
                ):  # Else it was looked at before, and is forgotten.
                    assert ended[run_id]["status"] == "failed", f"{lane} {run_id}: {ended.get(run_id)}"
                    without_input = wanted_day.rows == 0 or (changed and "EmptyInput" in ended[run_id]["reason"])
                    assert ended[run_id]["attempts"] == 4 or without_input, ended[run_id]

    def _check_published(self, manifest: dict[str, Any], files: list[str], wanted: Day | None) -> None:
        factor = int(manifest["model_package_arn"].rpartition("/")[2])
        assert 1 <= factor <= self.versions
        read = [row.split(",") for row in self.lanes.input_rows(manifest)]
        assert wanted is None or len(read) == wanted.rows + (len(BAD_ROWS) if wanted.bad_rows else 0)
        good = [(key, float(x) * factor) for key, x in read if key.startswith("k")]
        assert self.lanes.predictions(files) == good
        assert manifest["output"]["rows"] == len(good)
        assert manifest["output"]["set_aside"] == len(read) - len(good)
        assert files == [f"{manifest['output']['uri']}{found['path']}" for found in manifest["output"]["files"]]

    def _put_input(self, lane: str, days: Sequence[Day]) -> list[datetime]:
        moments = []
        for wanted in days:
            moment = FIRST_DAY + timedelta(days=self.next_day)
            self.next_day += 1
            name = moment.strftime("%Y-%m-%d")
            behaviour = {"allocate_mib": wanted.allocate_mib, "sleep_seconds": wanted.sleep_seconds}
            rows = [f"k{number},{number + 20}" for number in range(wanted.rows)]
            self.lanes.put_rows(lane, name, [*rows, *(BAD_ROWS if wanted.bad_rows else [])], behaviour)
            self.days[lane, moment.strftime(_RUN_ID)] = wanted
            moments.append(moment)
        self._began = time.monotonic()
        return moments

    def _acts(self, schedule: FaultSchedule, moments: Sequence[Sequence[datetime]]) -> Iterator[tuple[float, Any]]:
        for lane, found, due in zip(LANES, schedule.lanes, moments, strict=True):
            for at in found.kill_steps_at:
                yield at, self._kill_a_step
            for at, change in found.input_changes:
                yield at, partial(self._change_input, lane, due, change)
        if schedule.kill_engine_at is not None:
            yield schedule.kill_engine_at, self._kill_the_engine
        if schedule.new_model_at is not None:
            yield schedule.new_model_at, self._new_model

    def _send(self, lane: str, moment: datetime) -> None:
        """As EventBridge Scheduler does: until the function has taken it."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            with contextlib.suppress(BotoCoreError, ClientError):
                if "runs" in self.lanes.start(lane, moment.isoformat()):
                    return
            time.sleep(0.5)
        self.refused.append(f"{lane} {moment}")

    def _change_input(self, lane: str, moments: Sequence[datetime], change: str) -> None:
        """For each row another number than ever before, so that a prediction says of which version it is."""
        for moment in moments:
            self.changes += 1
            day = moment.strftime("%Y-%m-%d")
            self.changed.add((lane, moment.strftime(_RUN_ID)))
            rows = [f"k{number},{self.changes * 100 + number + 20}" for number in range(25)]
            with contextlib.suppress(BotoCoreError, ClientError):  # Throttled, it has not changed.
                if change == "replaced":
                    self.lanes.put_rows(lane, day, rows)
                elif change == "added":
                    self.lanes.deployed.put(f"{lane}/{day}/more.csv", "".join(f"{row}\n" for row in rows))
                else:
                    self.lanes.remove_input(lane, day, with_version=change.endswith("version"))

    def _new_model(self) -> None:
        self.versions = self.lanes.register()

    def _kill_a_step(self) -> None:
        """One of the jobs' processes, if any runs just now."""
        running = [
            child
            for child in psutil.Process(self.lanes.engine.pid).children(recursive=True)
            if any(script in " ".join(_command(child)) for script in SCRIPTS)
        ]
        if running:
            with contextlib.suppress(psutil.NoSuchProcess):
                random.Random(len(running)).choice(running).kill()

    def _kill_the_engine(self) -> None:
        os.kill(self.lanes.engine.pid, signal.SIGKILL)
        self.lanes.deployed.workbench.engine = mllocal.up(self.directory)


def _command(process: psutil.Process) -> list[str]:
    try:
        found: list[str] = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
    return found


def _events(lane: LaneSchedule, moments: Sequence[datetime]) -> list[datetime]:
    events = [moment for moment, wanted in zip(moments, lane.days, strict=True) for _ in range(wanted.events)]
    random.Random(lane.order).shuffle(events)
    return events
