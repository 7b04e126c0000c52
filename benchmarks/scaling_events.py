"""How many instances "ten times the usual" gets, beside how many it needs, at random moments that nothing was chosen on.

`python -m benchmarks.scaling_events --trace FILE`: the days before those that `benchmarks.scaling` holds out, as many as the trace has.
Nothing reacts here: what is lost is what the instances that were worked out beforehand cannot serve.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.scaling import EVENT_UTILISATION, bikes
from mlscaling.forecasts.announced import usual_demand
from mlscaling.forecasts.floors import KNOWN_MINUTES
from mlscaling.measurements.history import History
from mlscaling.replay.demand import DAY_SECONDS, Demand

QUANTILES = (0.8, 0.9, 0.95)
LEAD_MINUTES = 15
FIRST_DAY = 36  # As many as are looked at.
HELD_OUT_DAYS = 7


@dataclass(frozen=True)
class Moment:
    """An event, and what it would need: both in requests per second of the usual demand."""

    at: datetime
    minutes: float
    needed: float


def moments(demand: Demand, count: int, seed: int) -> list[Moment]:
    """At any time of any day, of 15 to 65 minutes, as the spikes of `benchmarks.scaling` are."""
    random = np.random.default_rng(seed)
    last = demand.seconds - HELD_OUT_DAYS * DAY_SECONDS - 7200
    found = []
    for _ in range(count):
        second, minutes = int(random.integers(FIRST_DAY * DAY_SECONDS, last)), float(random.uniform(15, 65))
        needed = demand.requests_per_second[second : second + round(minutes * 60)].max()
        found.append(Moment(demand.start + timedelta(seconds=second), minutes, float(needed)))
    return found


def known_until(moment: Moment, *, midnight: bool) -> datetime:
    """The midnight before, or as late as the function knows it."""
    if midnight:
        return moment.at.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.at - timedelta(minutes=LEAD_MINUTES + KNOWN_MINUTES)


def compare(console: Console, name: str, history: History, count: int, seed: int) -> None:
    """Print a row for each quantile, by what is known at midnight and by what is known as the event begins."""
    demand = Demand.interpolated(history, name=name).scaled_to(mean_requests_per_second=60)
    counted, events = demand.counted(), moments(demand, count, seed)
    needed = np.array([one.needed for one in events])
    table = Table(title=f"{name}: {count} events", title_justify="left")
    for column in ("known", "quantile", "without an instance", "instances over those needed"):
        table.add_column(column)
    for midnight in (True, False):
        for quantile in QUANTILES:
            asked = [(one.at, known_until(one, midnight=midnight), one.minutes) for one in events]
            usual = np.array([usual_demand(counted, known, at, minutes, quantile) for at, known, minutes in asked])
            there = usual / EVENT_UTILISATION
            lost = np.clip(needed - there, 0, None).sum() / needed.sum()
            known = "at midnight" if midnight else "as it begins"
            table.add_row(known, f"{quantile:g}", f"{lost:.2%}", f"{there.sum() / needed.sum():.2f}")
    console.print(table)


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.scaling_events", description=__doc__)
    parser.add_argument("--trace", type=Path, action="append", default=[], help="a CSV file of times and counts")
    parser.add_argument("--events", type=int, default=400, help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=11, help="of their times and lengths (default %(default)s)")
    options = parser.parse_args()
    console = Console(highlight=False)
    histories = [("bike rentals", bikes()), *((path.stem, History.read_csv(path)) for path in options.trace)]
    for name, history in histories:
        compare(console, name, history, options.events, options.seed)


if __name__ == "__main__":
    main()
