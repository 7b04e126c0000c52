"""`make bench-scaling`: policies of the compiler beside AWS's defaults and the best that a search finds, on days it did not see.

Traces are CSV files of a time and a count: `--trace FILE`, or SCALING_TRACES with files separated as in PATH; the bike rentals of the
example are always among them. The last days of a trace are held out. Everything is played in one run; no timing is part of a figure.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.scaling_search import (
    FLEET,
    MAXIMUM,
    Row,
    best_causal,
    cheapest,
    constant,
    mean,
    rows,
    tracking,
)
from mlscaling.measurements.history import History
from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.reactive import Signal
from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.replay.cases import RUN_IN_MINUTES, Case, Spike
from mlscaling.replay.demand import Demand
from mlscaling.replay.fleet import Fleet, Provisioning
from mlscaling.search.realtime import compile_policy, lead_minutes
from mlscaling.search.reasons import describe

BIKES = Path(__file__).parent.parent / "examples" / "demand_forecast" / "data" / "bikeshare_hourly.csv"
SPIKE_FACTOR = 10
GOAL_COST = 1.5  # Of the clairvoyant's, with spikes that were announced.
SPIKES_A_DAY = 3  # Of those that nobody announced: enough for the search in hindsight not to fit single ones.
EVENT_UTILISATION = 0.95
CALENDAR_LATE_SECONDS = 300  # A spot that is announced to the minute may come five of them early.
LATER_SECONDS = 600  # With 300 s of provisioning: the 15 minutes that an event has when not told otherwise.
DRAWS = 8  # Of the times of announced spikes: a week has seven, and a few tell little of one in a hundred.
FIRST_TUNED_DAY = 2
MOST_TUNED_DAYS = 14
MOST_DAYS = 63  # As long as CloudWatch keeps values of five minutes.

Floats = NDArray[np.float64]


DEFAULT = tracking(0.5)
ENOUGH = Objective(served_share=0.995)
FEWEST = Objective(served_share=1, no_dearer_than=DEFAULT)
BESIDE = {
    "default, 0.5": DEFAULT,
    "default, 0.7": tracking(0.7),
    "10-second metric, 0.7": tracking(0.7, Signal.CONCURRENT_REQUESTS),
}


@dataclass(frozen=True)
class Trace:
    """A demand, of which the last days are held out."""

    demand: Demand
    test_first: datetime
    test_days: int

    @classmethod
    def of(cls, history: History, name: str, *, mean_requests_per_second: float | None, test_days: int) -> Trace:
        """Whole days, scaled, or as they are; at most a quarter of them is held out."""
        demand = Demand.interpolated(history, name=name).last(MOST_DAYS)
        if mean_requests_per_second is not None:
            demand = demand.scaled_to(mean_requests_per_second=mean_requests_per_second)
        midnight = demand.start.replace(hour=0, minute=0, second=0)
        first = midnight if midnight == demand.start else midnight + timedelta(days=1)
        days = int((demand.start + timedelta(seconds=demand.seconds) - first).total_seconds() // 86_400)
        held_out = min(test_days, max(1, days // 4))
        return cls(demand, first + timedelta(days=days - held_out), held_out)

    def tuned(self, seed: int) -> Case:
        """The days before the held-out ones, the first of which are only history."""
        known = (self.test_first - self.demand.start).days
        days = min(MOST_TUNED_DAYS, known - FIRST_TUNED_DAY)
        return Case(demand=self.demand, first=self.test_first - timedelta(days=days), days=days, seed=seed)

    def test(self, seed: int) -> Case:
        """The held-out days."""
        return Case(demand=self.demand, first=self.test_first, days=self.test_days, seed=seed + 1000)


def with_spikes(case: Case, seed: int, *, a_day: int = 1, factor: float | None = None) -> Case:
    """At random times."""
    spikes = Spike.draw(np.random.default_rng(seed), days=case.days, a_day=a_day, factor=factor)
    return replace(case, spikes=spikes)


def calendar(
    case: Case,
    *,
    late_minutes: float = 0,
    expected_late_seconds: float = CALENDAR_LATE_SECONDS,
    requests_per_second: float = FLEET.requests_per_second,
) -> tuple[Event, ...]:
    """The spikes of a case as somebody announced them: when, for how long, how many times the usual; maybe off by some minutes."""
    return tuple(
        Event(
            name=f"spot {number}",
            at=case.first + timedelta(seconds=spike.at_second, minutes=late_minutes),
            capacity=1,
            minutes=spike.seconds / 60,
            lead_minutes=lead_minutes(FLEET, late_seconds=expected_late_seconds),
            demand=TimesUsual(times=spike.factor, requests_per_second=requests_per_second * EVENT_UTILISATION),
        )
        for number, spike in enumerate(case.spikes, start=1)
    )


def ordinary(console: Console, trace: Trace, seed: int, fleet: Fleet) -> None:
    """Days as they come: the fewest violations at no more than the cost of the default."""
    compiled = compile_policy(trace.tuned(seed), fleet, FEWEST, maximum=MAXIMUM).chosen.policy
    case = trace.test(seed)
    found = rows([*BESIDE, "compiled"], [*BESIDE.values(), compiled], case, fleet)
    best = best_causal([DEFAULT], case, fleet, most_cost=found[0].cost, in_spikes=False)
    _print(console, f"{trace.demand.name}: ordinary days", [*found, best], compiled)
    ours, default = found[-1], found[0]
    says = f"{ours.violations:.5%} of {default.violations:.5%} at {ours.cost / default.cost:.2f}"
    console.print(f"  goal a third of the default's violations at 1.00 or less of its cost: {says}\n")


def enough(trace: Trace, seed: int, fleet: Fleet, *, load_test_error: float = 0.0) -> Scaling:
    """The cheapest policy that serves 99.5% on ordinary days, or as many as the default where that serves less."""
    tuned = trace.tuned(seed)
    (default,) = tuned.play([DEFAULT], fleet)
    objective = Objective(served_share=min(ENOUGH.served_share, 1 - default.violation_share))
    return compile_policy(tuned, fleet, objective, maximum=MAXIMUM, load_test_error=load_test_error).chosen.policy


def announced(console: Console, trace: Trace, seed: int, fleet: Fleet) -> Scaling:
    """A spike a day that somebody announced."""
    compiled = enough(trace, seed, fleet)
    cases = [with_spikes(trace.test(seed), seed + 1 + draw, factor=SPIKE_FACTOR) for draw in range(DRAWS)]
    drawn = [announced_rows(compiled, case, fleet) for case in cases]
    found = [mean(same) for same in zip(*drawn, strict=True)]
    least = cheapest(  # of the first draw
        [replace(compiled, calendar=calendar(cases[0]))], cases[0], fleet, drawn[0][-1]
    )
    always = constant(calendar(cases[0]), cases[0], fleet, most_cost=GOAL_COST)
    title = f"{trace.demand.name}: announced spikes of {SPIKE_FACTOR} times, {DRAWS} draws of a week"
    _print(console, title, [*found, least, always], compiled)
    for one in (found[0], *found[-2:]):
        console.print(
            f"  goal 1% or less in spikes at {GOAL_COST:.2f} or less: {one.in_spikes:.2%} at {one.cost:.2f}, {one.name}"
        )
    each = ", ".join(f"{one[-1].in_spikes:.2%} at {one[-1].cost:.2f}" for one in drawn)
    console.print(f"  each draw: {each}\n")
    return compiled


def announced_rows(compiled: Scaling, case: Case, fleet: Fleet) -> list[Row]:
    """AWS's defaults, and the compiled policy that knows the calendar."""
    ours = replace(compiled, calendar=calendar(case))
    early = replace(compiled, calendar=calendar(case, expected_late_seconds=LATER_SECONDS))
    names = [*BESIDE, "compiled, asked for 15 minutes before as by default", "compiled, asked for 10 minutes before"]
    return rows(names, [*BESIDE.values(), early, ours], case, fleet)


def unannounced(console: Console, trace: Trace, seed: int, fleet: Fleet) -> None:
    """A spike a day that nobody knew of; tuned on other spikes, on other days."""
    tuned = with_spikes(trace.tuned(seed), seed + 2, a_day=SPIKES_A_DAY)
    compiled = compile_policy(tuned, fleet, FEWEST, maximum=MAXIMUM, spikes=MOST_TUNED_DAYS).chosen.policy
    case = with_spikes(trace.test(seed), seed + 3, a_day=SPIKES_A_DAY)
    found = rows([*BESIDE, "compiled"], [*BESIDE.values(), compiled], case, fleet)
    best = best_causal([compiled], case, fleet, most_cost=found[-1].cost * 1.005, in_spikes=True)
    at_once = replace(compiled, calendar=tuple(_needed_at_once(case)))
    irreducible = rows(["irreducible: what is needed is asked for as the spike begins"], [at_once], case, fleet)[0]
    _print(console, f"{trace.demand.name}: unannounced spikes of 3 to 10 times", [*found, best, irreducible], compiled)
    ratio = found[-1].in_spikes / max(best.in_spikes, 1e-9)
    console.print(f"  goal 1.2 times the best causal policy at equal cost, or less: {ratio:.2f}\n")


def _needed_at_once(case: Case) -> Iterator[Event]:
    """Somebody sees each spike in its first second, and knows how large it will be."""
    rates = case.played.requests_per_second[RUN_IN_MINUTES * 60 :]
    for number, spike in enumerate(case.spikes, start=1):
        highest = rates[spike.at_second : spike.at_second + spike.seconds].max()
        capacity = min(math.ceil(highest / FLEET.requests_per_second), MAXIMUM)
        at = case.first + timedelta(seconds=spike.at_second)
        yield Event(name=f"spike {number}", at=at, capacity=capacity, minutes=spike.seconds / 60, lead_minutes=0)


def sensitivity(console: Console, trace: Trace, compiled: Scaling, seed: int, fleet: Fleet) -> None:
    """The announced spikes again, with one thing other than what the policy was made for."""
    case = with_spikes(trace.test(seed), seed + 1, factor=SPIKE_FACTOR)
    ours = replace(compiled, calendar=calendar(case))
    wary = enough(trace, seed, fleet, load_test_error=0.3)
    wary = replace(wary, calendar=calendar(case, requests_per_second=0.7 * fleet.requests_per_second))
    weak = fleet.weaker(0.3)
    spread = Provisioning(shortest_seconds=134, usual_seconds=300, longest_seconds=525)
    late = replace(compiled, calendar=calendar(case, late_minutes=10))
    expected_late = replace(compiled, calendar=calendar(case, late_minutes=10, expected_late_seconds=LATER_SECONDS))
    bounded = fleet.refusing(fleet.requests_to_queue)
    found = [
        *rows(["as made for"], [ours], case, fleet),
        *rows(["provisioning 134 s"], [ours], case, replace(fleet, provisioning=Provisioning.fixed(134))),
        *rows(["provisioning 134 to 525 s"], [ours], case, replace(fleet, provisioning=spread)),
        *rows(["provisioning 525 s"], [ours], case, replace(fleet, provisioning=Provisioning.fixed(525))),
        *rows(["instances serve 30% more"], [ours], case, fleet.weaker(-0.3)),
        *rows(["instances serve 30% less"], [ours], case, weak),
        *rows(["instances serve 30% less, and refuse what they would answer late"], [ours], case, bounded.weaker(0.3)),
        *rows(["they refuse it, and serve what was tested"], [ours], case, bounded),
        *rows(["instances serve 30% less, and the policy was made for that"], [wary], case, weak),
        *rows(["the policy was made for that, and they do not"], [wary], case, fleet),
        *rows(
            ["calendar 10 minutes late", "calendar 10 minutes late, as expected"], [late, expected_late], case, fleet
        ),
        *rows(
            ["calendar 10 minutes early"], [replace(compiled, calendar=calendar(case, late_minutes=-10))], case, fleet
        ),
    ]
    _print(console, f"{trace.demand.name}: sensitivity of announced spikes", found, compiled)
    console.print()


def _print(console: Console, title: str, found: Sequence[Row], compiled: Scaling) -> None:
    table = Table(title=title, title_justify="left")
    for column in ("policy", "violations", "in spikes", "cost"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for row in found:
        in_spikes = f"{row.in_spikes:.2%}" if row.in_spikes or "spike" in title else ""
        table.add_row(row.name, f"{row.violations:.4%}", in_spikes, f"{row.cost:.2f}")
    console.print(table)
    console.print(f"  compiled: {describe(compiled, FLEET)}", soft_wrap=True)


def bikes() -> History:
    """Rentals by hour; hours without any are not in the file."""
    with BIKES.open(newline="", encoding="utf-8") as lines:
        rentals = [(int(row["day"]), int(row["hr"]), float(row["bikers"])) for row in csv.DictReader(lines)]
    return History.of(
        [
            (datetime(2011, 1, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour), count)
            for day, hour, count in rentals
        ]
    )


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.scaling", description=__doc__)
    given = [Path(one) for one in os.environ.get("SCALING_TRACES", "").split(os.pathsep) if one]
    parser.add_argument("--trace", type=Path, action="append", default=given, help="a CSV file of times and counts")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--mean-rps", type=float, default=60, help="each trace is scaled to (default %(default)s)")
    scale.add_argument("--unscaled", action="store_true", help="each trace as it was recorded")
    parser.add_argument(
        "--test-days", type=int, default=7, help="held out, a quarter of the trace at most (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=20, help="of arrivals, spikes and provisioning (default %(default)s)"
    )
    parser.add_argument(
        "--max-queued-requests", type=int, help="that an instance lets wait (when not given, two seconds of work)"
    )
    options = parser.parse_args()
    mean_rps = None if options.unscaled else options.mean_rps
    most = options.max_queued_requests
    fleet = FLEET if most is None else FLEET.refusing(most)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    began = time.perf_counter()
    console.print(
        f"seed {options.seed}; {FLEET.requests_per_second:g} requests per second and instance, 300 s of provisioning\n"
    )
    histories = [("bike rentals", bikes()), *((path.stem, History.read_csv(path)) for path in options.trace)]
    for name, history in histories:
        pairs = np.column_stack([history.counts[:-1], history.counts[1:]])
        lasts = np.corrcoef(pairs[np.isfinite(pairs).all(axis=1)].T)[0, 1]
        console.print(f"{name}: a count and the next, {history.interval_seconds} s later: correlation {lasts:.2f}")
        trace = Trace.of(history, name, mean_requests_per_second=mean_rps, test_days=options.test_days)
        compiled = announced(console, trace, options.seed, fleet)
        unannounced(console, trace, options.seed, fleet)
        ordinary(console, trace, options.seed, fleet)
        sensitivity(console, trace, compiled, options.seed, fleet)
    console.print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
