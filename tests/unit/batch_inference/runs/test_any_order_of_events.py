"""Whatever happens in whatever order: one attempt of a run at a time, and every run ends published or told, once.

Hypothesis draws what happens: starts, by schedule, hand and backfill; executions that begin, publish, fail and are
stopped; events lost, doubled and late; functions that die before or after any call, are throttled, or are overtaken by
another between reading the state and writing it. In the end the world calms down, and what must have come of it is checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from attempts import documents
from runs.controller import event_of, run_id_of
from runs.settings import Overlap
from runs.state import Because, State, Status, Subject
from tests.unit.batch_inference.runs.world import RUNNING, SETTINGS, START, Execution, World

CALM_ROUNDS = 200
REASONS = (
    "AlgorithmError: ValueError: no, exit code: 1",
    "ClientError: Please use an instance type with more memory",
    "CapacityError: Unable to provision requested ML compute capacity.",
    "InternalServerError: We encountered an internal error.",
    "AlgorithmError: DataCheckFailed: 3 columns, exit code: 1",
    "AlgorithmError: InputChanged: version 7 has been deleted, exit code: 1",
    "MoreToScore: the controller starts another",
)
EVERY_KIND = (Because.SCHEDULE, Because.EVENTS, Because.BACKFILL)

fates = st.lists(st.sampled_from(["ok", "ok", "ok", "ok", "die before", "die after", "busy", "meanwhile"]), max_size=14)
numbers = st.integers(min_value=0, max_value=1000)


class Runs(RuleBasedStateMachine):
    """The controller in a world where everything may go wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.mail: list[dict[str, Any]] = []
        self.wanted: dict[str, Because] = {}
        self.published_fences: dict[str, int] = {}
        self.highest_fence = 0

    @initialize(overlap=st.sampled_from(Overlap))
    def deploy(self, overlap: Overlap) -> None:
        self.world = World(replace(SETTINGS, overlap=overlap))
        self.world.on_state = self.check_fences
        self.world.fate.meanwhile = self.someone_else
        self.world.invoke({"starts": [], "parallel": 2, "tick": True})

    # What happens

    @rule(hour=st.integers(0, 8), because=st.sampled_from(EVERY_KIND), copies=st.integers(1, 2))
    def a_run_is_due(self, hour: int, because: Because, copies: int) -> None:
        moment = START + timedelta(hours=hour)
        self.wanted.setdefault(run_id_of(moment), because)
        start = {"scheduled_at": moment.isoformat(), "because": self.wanted[run_id_of(moment)].value}
        self.mail += [{"start": start}] * copies

    @precondition(lambda self: self.mail)
    @rule(pick=numbers, fate=fates, again=st.booleans())
    def an_event_arrives(self, pick: int, fate: list[str], again: bool) -> None:
        event = self.mail[pick % len(self.mail)]
        answered = self.world.invoke(event, fate) is not None
        if answered and not again:
            self.mail.remove(event)

    @rule(minutes=st.integers(0, 10), fate=fates)
    def the_clock_ticks(self, minutes: int, fate: list[str]) -> None:
        self.world.wait(minutes)
        self.world.invoke({"tick": True}, fate)

    @rule()
    def somebody_starts_one_by_hand(self) -> None:
        self.world.start_by_hand()

    @precondition(lambda self: self.some("waiting"))
    @rule(pick=numbers, fate=fates)
    def an_execution_begins(self, pick: int, fate: list[str]) -> None:
        execution = pick_of(self.some("waiting"), pick)
        self.world.begin(execution, fate)
        self.check_places()

    @precondition(lambda self: self.some("begun"))
    @rule(pick=numbers)
    def one_is_about_to_publish(self, pick: int) -> None:
        self.world.check_fence(pick_of(self.some("begun"), pick))

    @precondition(lambda self: self.some("replaced"))
    @rule(pick=numbers)
    def one_that_is_replaced_wants_to_publish(self, pick: int) -> None:
        execution = pick_of(self.some("replaced"), pick)
        execution.may_publish = False
        self.world.check_fence(execution)
        assert not execution.may_publish

    @precondition(lambda self: self.some("allowed"))
    @rule(pick=numbers)
    def one_publishes(self, pick: int) -> None:
        self.publish(pick_of(self.some("allowed"), pick))

    @precondition(lambda self: self.some("running"))
    @rule(pick=numbers, reason=st.sampled_from(REASONS), tell=st.integers(0, 2))
    def one_fails(self, pick: int, reason: str, tell: int) -> None:
        self.finish(pick_of(self.some("running"), pick), "Failed", reason, tell)

    @precondition(lambda self: self.some("published"))
    @rule(pick=numbers, tell=st.integers(0, 2))
    def one_succeeds(self, pick: int, tell: int) -> None:
        self.finish(pick_of(self.some("published"), pick), "Succeeded", "", tell)

    @precondition(lambda self: self.some("running"))
    @rule(pick=numbers, tell=st.integers(0, 2))
    def one_is_stopped(self, pick: int, tell: int) -> None:
        self.finish(pick_of(self.some("running"), pick), "Stopped", "", tell)

    @precondition(lambda self: self.some("failed"))
    @rule(pick=numbers)
    def somebody_retries_one(self, pick: int) -> None:
        execution = pick_of(self.some("failed"), pick)
        execution.status, execution.retried, execution.may_publish = "Executing", True, False

    # What must hold

    @invariant()
    def never_two_at_work(self) -> None:
        self.check_places()

    def teardown(self) -> None:
        """Then nothing goes wrong any more."""
        world = self.world
        if not world.objects:
            return
        for event in self.mail:
            assert world.invoke(event) is not None
        for _ in range(CALM_ROUNDS):
            world.wait(10)
            world.invoke({"tick": True})
            running = [execution for execution in world.executions.values() if execution.status in RUNNING]
            if not running and not world.state.active and not world.state.notices:
                break
            for execution in running:
                self.bring_to_an_end(execution)
        self.check_what_came_of_it(world.state)

    def bring_to_an_end(self, execution: Execution) -> None:
        if execution.status == "Stopping":
            self.world.end(execution, "Stopped")
            return
        if not execution.begun:
            self.world.begin(execution)
        if execution.status == "Executing":
            self.world.check_fence(execution)
        if execution.status == "Executing":
            self.publish(execution)
            self.world.end(execution, "Succeeded")

    def check_what_came_of_it(self, state: State) -> None:
        assert not state.active
        assert not state.queue
        assert not state.notices
        ended = Counter(run.run_id for run in state.recent)
        for run_id, because in self.wanted.items():
            # A backfill whose event comes again after it failed is tried again.
            assert ended[run_id] == 1 or (because is Because.BACKFILL and ended[run_id] > 1), (run_id, ended)
        for run in state.recent:
            if run.status is Status.PUBLISHED:
                assert self.world.manifest(run.run_id) is not None
        told = {message["chat"]["id"] for message in self.world.told}
        for status, subject in ((Status.FAILED, Subject.FAILED), (Status.STOPPED, Subject.STOPPED)):
            expected = Counter(run.run_id for run in state.recent if run.status is status)
            found = Counter(notice.split("/")[0] for notice in told if notice.endswith(f"/{subject.value}"))
            assert found == expected

    def check_fences(self, old: State | None, new: State) -> None:
        """At each write of the state: fences only grow, and no two attempts ever had the same."""
        before = {} if old is None else {run_id: run.fence for run_id, run in old.active.items()}
        assert new.fence >= self.highest_fence
        for run in new.active.values():
            bound = self.world.executions.get(run.execution_arn or "")
            assert bound is None or bound.fence in (0, run.fence), "an attempt with the execution of another"
        fresh = [run.fence for run_id, run in new.active.items() if before.get(run_id) != run.fence]
        assert all(self.highest_fence < fence <= new.fence for fence in fresh)
        assert len(set(fresh)) == len(fresh)
        self.highest_fence = new.fence

    def check_places(self) -> None:
        at_work = [execution for execution in self.world.executions.values() if execution.at_work]
        assert max(Counter(execution.run_id for execution in at_work).values(), default=0) <= 1
        backfill = [execution for execution in at_work if execution.because is Because.BACKFILL]
        assert len(at_work) - len(backfill) <= 1
        assert len(backfill) <= 2

    # The means

    def some(self, what: str) -> list[Execution]:
        published = set(self.published_fences.items())
        kinds: dict[str, Callable[[Execution], bool]] = {
            "replaced": lambda found: found.status == "Stopping" and found.begun,
            "failed": lambda found: found.status in ("Failed", "Stopped"),
            "running": lambda found: found.status in RUNNING,
            "waiting": lambda found: found.status == "Executing" and not found.begun,
            "begun": lambda found: found.status in RUNNING and found.begun,
            "allowed": lambda found: found.status in RUNNING and found.may_publish,
            "published": lambda found: found.status in RUNNING and (found.run_id, found.fence) in published,
        }
        return [execution for execution in self.world.executions.values() if kinds[what](execution)]

    def publish(self, execution: Execution) -> None:
        begun = [other for other in self.world.executions.values() if other.run_id == execution.run_id and other.begun]
        assert execution.fence == max(other.fence for other in begun), "a stale fence published"
        self.published_fences[execution.run_id] = execution.fence
        self.world.write_manifest(execution)

    def finish(self, execution: Execution, status: str, reason: str, tell: int) -> None:
        self.world.end(execution, status, reason)
        detail = {"currentPipelineExecutionStatus": execution.status, "pipelineExecutionArn": execution.arn}
        told = {"detail-type": "SageMaker Model Building Pipeline Execution Status Change", "detail": detail}
        self.mail += [told] * tell

    def someone_else(self) -> None:
        """Another function, called for another event, is faster."""
        words, self.world.fate.words = self.world.fate.words, []
        event = self.mail[0] if self.mail else {"tick": True}
        self.world.controller().handle(event_of(event), self.world.now)
        self.world.fate.words = words


def pick_of(executions: Sequence[Execution], pick: int) -> Execution:
    return executions[pick % len(executions)]


def test_runs_end_published_or_told_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """250 schedules of faults; one that fails is printed, shrunk, with what repeats it: `@reproduce_failure`."""
    monkeypatch.setattr(documents, "LONGEST_WAIT_SECONDS", 0.0)
    schedules = settings(
        max_examples=250,
        stateful_step_count=40,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(Runs, settings=schedules)
