"""What climbing the instance ladder costs, against knowing beforehand what each of 1,000 jobs needs.

Decisions are those of production: `mlscaling.jobs.ladder.choose`, `runs.transitions` and `attempts.failures` decide from the same
state that the controller keeps. "First time right" knows every need, pays for one attempt on the cheapest type that is large enough, and
meets neither shortages of capacity nor lost hosts.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from attempts.failures import Failure, classify
from attempts.machines import Machine
from benchmarks.ladder_world import STARTUP_SECONDS, Drawn, Job, World, draw
from mlscaling.jobs.ladder import Choice, StepMemory, Usage, choose
from runs.state import Because, QueuedRun, State, Status
from runs.transitions import Ending, Policy, end, start

# `memory_safety` and the constants of `mlscaling.jobs.ladder` were chosen on seeds 1000 to 1009 (`tuning_seeds`), and are shown on these.
SEEDS = (1, 2, 3, 4, 5)
TUNING_SEEDS = tuple(range(1000, 1010))
STEP = "Score"
HARDER = {
    "plain": World(),
    "noise x 2": World(noise=0.1),
    "changes of need x 3": World(jump_share=0.06),
    "shortages x 3": World(outage_share=0.09),
    "long shortages (12 h)": World(outage_hours=12),
    "spot losses x 5": World(losses_per_hour=0.1),
    "20 runs of each, not 25": World(pipelines=50, runs=20),
    "all of them": World(
        pipelines=50, runs=20, noise=0.1, jump_share=0.06, outage_share=0.09, outage_hours=12, losses_per_hour=0.1
    ),
}
# In the service's own words, so that they are told apart as they are in production.
_NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
_OUT_OF_MEMORY = "ClientError: Please use an instance type with more memory, exit code: 137"
_LOST = "InternalServerError: We encountered an internal error. Please try again."

Strategy = Callable[[Drawn, StepMemory, Job, datetime], Choice]


@dataclass(frozen=True)
class Outcome:
    """What the jobs of one world came to."""

    jobs: int
    finished: int
    attempts: int
    usd: float
    usd_first_time_right: float

    @property
    def finished_share(self) -> float:
        return self.finished / self.jobs

    @property
    def cost(self) -> float:
        """How many times the cost of first time right, failed jobs' cost included."""
        return self.usd / self.usd_first_time_right

    @property
    def attempts_each(self) -> float:
        return self.attempts / self.jobs


def remembering(drawn: Drawn, memory: StepMemory, job: Job, now: datetime) -> Choice:
    """Production."""
    return choose(drawn.ladder, memory, bytes=job.bytes, now=now)


def always_largest(drawn: Drawn, memory: StepMemory, job: Job, now: datetime) -> Choice:
    """One type for all, large enough for anything."""
    most = max(drawn.ladder.rungs, key=lambda rung: rung.memory_bytes)
    return Choice(most.instance_type, most.memory_gib, "always the largest")


def smallest_first(drawn: Drawn, memory: StepMemory, job: Job, now: datetime) -> Choice:
    """Every run climbs from the bottom: it knows of its own attempts only."""
    guess = Usage("", 0, job.bytes, 0, 1)
    return choose(drawn.ladder, replace(memory, usage=(guess,)), bytes=job.bytes, now=now)


STRATEGIES: dict[str, tuple[Strategy, bool]] = {
    "the ladder, with its memory": (remembering, True),
    "always the largest type": (always_largest, False),
    "from the smallest type up, without memory": (smallest_first, False),
}


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Simulate and print; the same on every machine."""
    _print_strategies(console)
    _print_worlds(console)


def simulate(drawn: Drawn, strategy: Strategy, *, remembers: bool) -> Outcome:
    """All jobs of a world by one strategy."""
    states: dict[int, State] = {}
    free_at: dict[int, datetime] = {}
    finished = attempts = 0
    usd = 0.0
    for job in drawn.jobs:
        now = max(job.at, free_at.get(job.pipeline, job.at))
        state = states.get(job.pipeline, State(created_at=job.at))
        if not remembers:
            state = State(created_at=job.at, fence=state.fence)
        state, now, cost = _run(drawn, state, job, strategy, now)
        states[job.pipeline], free_at[job.pipeline] = state, now
        ended = state.recent[-1]
        finished += ended.status is Status.PUBLISHED
        attempts += ended.attempts
        usd += cost
    return Outcome(len(drawn.jobs), finished, attempts, usd, sum(_first_time_right(drawn, job) for job in drawn.jobs))


def _run(drawn: Drawn, state: State, job: Job, strategy: Strategy, now: datetime) -> tuple[State, datetime, float]:
    """One run to its end; the state after it, when that was, and what it cost."""
    run_id, policy, usd = str(job.number), Policy(), 0.0
    state, _ = start(state, QueuedRun(run_id, job.at, Because.SCHEDULE), now, policy, published=False)
    while run_id in state.active:
        active = state.active[run_id]
        now = max(now, active.retry_at or now)
        choice = strategy(drawn, state.memory_of(STEP), job, now)
        seconds, cost, reason = _attempt(drawn, job, choice, now, active.attempt)
        now, usd = now + timedelta(seconds=seconds), usd + cost
        if reason is None:
            used = Usage(choice.instance_type, 1, job.bytes, seconds, job.need_bytes)
            known = state.memory_of(STEP).with_usage([used])
            known = known.without_kills(bytes=job.bytes, peak_memory_bytes=job.need_bytes)
            state = state.with_memory(STEP, known)
            state = end(state, Ending(run_id, active.fence, published=True), now, policy)
            continue
        failure = Failure(classify(reason), STEP, reason)
        machine = Machine(choice.instance_type, choice.memory_bytes, job.bytes)
        state = end(state, Ending(run_id, active.fence, failure=failure, machine=machine), now, policy)
    return state, now, usd


def _attempt(drawn: Drawn, job: Job, choice: Choice, now: datetime, attempt: int) -> tuple[float, float, str | None]:
    """Seconds, cost and the reason of the failure of one attempt; a failed one costs until it failed."""
    rung = drawn.ladder.rung(choice.instance_type)
    assert rung is not None
    if not drawn.has_capacity(choice.instance_type, now):
        return 600, 0.0, _NO_CAPACITY  # It waits for instances first; nothing runs, nothing is billed.
    dice, whole = drawn.dice(job, attempt), job.seconds(rung)
    fails_at, lost_at = dice.uniform(0.05, 1), dice.random()
    losses = drawn.world.losses_per_hour * (1 if job.spot else 0.01)
    reason, seconds = None, whole
    if not job.fits(rung):
        reason, seconds = _OUT_OF_MEMORY, whole * fails_at
    until_lost = dice.expovariate(losses) * 3600 if losses else seconds
    if lost_at < drawn.world.internal_share:
        until_lost = min(until_lost, whole * dice.random())
    if until_lost < seconds:
        reason, seconds = _LOST, until_lost
    return STARTUP_SECONDS + seconds, job.usd(rung, seconds), reason


def _first_time_right(drawn: Drawn, job: Job) -> float:
    return min(job.usd(rung, job.seconds(rung)) for rung in drawn.ladder.rungs if job.fits(rung))


def _print_strategies(console: Console) -> None:
    worlds = [draw(seed) for seed in SEEDS]
    table = _table(f"1,000 jobs of 40 pipelines with hidden needs, seeds {', '.join(map(str, SEEDS))} (median, worst)")
    for name, (strategy, remembers) in STRATEGIES.items():
        _add(table, name, [simulate(drawn, strategy, remembers=remembers) for drawn in worlds])
    console.print(table)


def _print_worlds(console: Console) -> None:
    table = _table("The ladder in harder worlds, the same seeds (median, worst)")
    for name, world in HARDER.items():
        _add(table, name, [simulate(draw(seed, world), remembering, remembers=True) for seed in SEEDS])
    console.print(table)


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("what", "finished unattended", "cost over first time right", "attempts a job"):
        table.add_column(column, justify="left" if column == "what" else "right")
    return table


def _add(table: Table, name: str, outcomes: list[Outcome]) -> None:
    finished = [100 * outcome.finished_share for outcome in outcomes]
    costs = [outcome.cost for outcome in outcomes]
    attempts = [outcome.attempts_each for outcome in outcomes]
    table.add_row(
        name,
        f"{statistics.median(finished):.1f} %, {min(finished):.1f} %",
        f"{statistics.median(costs):.2f}, {max(costs):.2f}",
        f"{statistics.median(attempts):.2f}, {max(attempts):.2f}",
    )
