"""What the commands of `mlp scaling` are given: a demand, a fleet, a calendar, a policy."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mlp.errors import bad_input
from mlp.files import write_whole
from mlp.scaling.options import MAXIMUM
from mlp.scaling.rows import Row, cell, number, read_things, text
from mlrecords.codec import InvalidDocumentError, from_json, to_json
from mlscaling.forecasts.published import InvalidForecastError, read_forecasts
from mlscaling.measurements.history import InvalidHistoryError
from mlscaling.measurements.load_test import InvalidLoadTestError, LoadTest
from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.reactive import Signal, TargetTracking
from mlscaling.policies.scaling import Scaling, by_backlog, by_use
from mlscaling.replay.cases import Case
from mlscaling.replay.fleet import Fleet, OnDemand, Provisioning
from mlscaling.search.pools import InstanceType

_COLUMNS = ("name", "at", "capacity", "minutes")
_TYPE_COLUMNS = ("instance_type", "load_test", "usd_per_hour")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The last days of a demand, and the instances that serve it."""

    case: Case
    fleet: Fleet


def read_fleet(
    requests_per_second: float | None,
    load_test: Path | None,
    provisioning_seconds: list[float],
    cold_start_seconds: float | None = None,
    maximum: int | None = None,
    warm_up_seconds: int = 0,
) -> Fleet:
    """Instances as a load test has found them, or as somebody says; containers of a serverless endpoint if one says how they start."""
    spread = sorted(provisioning_seconds)
    is_serverless = cold_start_seconds is not None
    try:
        tested = LoadTest.given(load_test, requests_per_second, is_serverless=is_serverless)
    except (InvalidLoadTestError, OSError) as error:
        raise bad_input([str(error)], fix="give --load-test FILE, or --rps") from error
    try:
        provisioning = Provisioning(
            shortest_seconds=spread[0], usual_seconds=spread[len(spread) // 2], longest_seconds=spread[-1]
        )
        fleet = replace(Fleet.tested(tested, provisioning), warm_up_seconds=warm_up_seconds)
        if cold_start_seconds is None:
            return fleet
        return replace(fleet, on_demand=OnDemand(max_concurrency=_most(maximum), cold_start_seconds=cold_start_seconds))
    except InvalidScalingError as error:
        raise bad_input([str(error)], fix="see --rps, --provisioning-seconds and --cold-start-seconds") from error


def _most(maximum: int | None) -> int:
    return MAXIMUM if maximum is None else maximum


def read_inputs(history: Path, *, days: int, fleet: Fleet) -> Inputs:
    """Read a demand; its last whole days are played, those before are what a forecast knows."""
    try:
        return Inputs(case=Case.of_file(history, days=days), fleet=fleet)
    except (InvalidHistoryError, OSError) as error:
        fix = "give a CSV file whose columns are a time and a count of requests"
        raise bad_input([str(error)], fix=fix) from error


def read_instance_types(path: Path, provisioning_seconds: list[float]) -> tuple[InstanceType, ...]:
    """Types from a CSV file with the columns instance_type, load_test and usd_per_hour; files of load tests beside it."""
    names: set[str] = set()

    def parse(row: Row) -> InstanceType:
        name = text(row, "instance_type")
        if name in names:
            raise ValueError(f"instance_type is {name} again")
        names.add(name)
        usd = cell(row, "usd_per_hour", _price, "a price of 0 or more")
        fleet = read_fleet(None, path.parent / text(row, "load_test"), provisioning_seconds)
        return InstanceType(name=name, fleet=fleet, usd_per_instance_hour=usd)

    found = read_things("the instance types", path, _TYPE_COLUMNS, parse, example="ml.m5.large,m5-large.json,0.115")
    if not found:
        raise bad_input([f"the instance types {path}: there are none"], fix=f"give a row of {','.join(_TYPE_COLUMNS)}")
    return found


def _price(text: str) -> float:
    usd = float(text)
    if not 0 <= usd < math.inf:
        raise ValueError(text)
    return usd


def read_calendar(path: Path | None) -> tuple[Event, ...]:
    """Events from a CSV file with the columns name, at, capacity, minutes and, if it is not 15, lead_minutes.

    Columns times and requests_per_second, and quantile if it is not 0.9, are for a demand of so many times the usual.
    """
    if path is None:
        return ()
    return read_things("the calendar", path, _COLUMNS, _event, example="TV spot,2026-03-01T20:15:00+01:00,40,45")


def refuse_demands(calendar: tuple[Event, ...]) -> None:
    """Warm containers follow their use and the capacities of a calendar."""
    named = [f"event '{event.name}' is of times the usual" for event in calendar if event.demand is not None]
    if named:
        raise bad_input(named, fix="leave times out, and give its capacity: warm containers follow no forecast")


def _event(row: Row) -> Event:
    return Event(
        name=text(row, "name"),
        at=cell(row, "at", datetime.fromisoformat, "a time with its zone, such as 2026-03-01T20:15:00+01:00"),
        capacity=cell(row, "capacity", int, "a whole number"),
        minutes=number(row, "minutes"),
        demand=_demand(row) if any(map(row.get, ("times", "requests_per_second", "quantile"))) else None,
        **_given(row, "lead_minutes"),
    )


def _demand(row: Row) -> TimesUsual:
    times, requests_per_second = number(row, "times"), number(row, "requests_per_second")
    return TimesUsual(times=times, requests_per_second=requests_per_second, **_given(row, "quantile"))


def _given(row: Row, name: str) -> dict[str, Any]:
    return {name: number(row, name)} if row.get(name) else {}


def default_policy(fleet: Fleet, maximum: int, *, asynchronous: bool = False) -> Scaling:
    """AWS's sizing rule: half of what an instance can do (developer guide, "Load testing your auto scaling configuration").

    Of an asynchronous endpoint, what `AsyncEndpoint` does when it is given the maximum only, which is AWS's example; of a serverless
    one, 70% of the warm containers at work.
    """
    if asynchronous and fleet.on_demand is not None:
        raise bad_input(
            ["--asynchronous and --cold-start-seconds are given"],
            fix="leave one out: they are of two kinds of endpoint",
        )
    if fleet.on_demand is not None:
        return by_use(maximum=maximum, target=0.7)
    if asynchronous:
        return by_backlog(maximum=maximum, backlog_per_instance=5.0)
    return Scaling(maximum=maximum, target=TargetTracking(target=0.5 * 60 * fleet.requests_per_second))


def served_by(
    policy: Scaling, inputs: Inputs, longest_wait_seconds: float | None, max_queued_requests: int | None
) -> Inputs:
    """The same days, and instances behind the kind of endpoint that a policy is for, each of which lets so many requests wait."""
    try:
        return replace(inputs, fleet=inputs.fleet.for_policy(policy, longest_wait_seconds, max_queued_requests))
    except InvalidScalingError as error:
        raise bad_input([str(error)], fix="see --longest-wait-seconds and --max-queued-requests in --help") from error


def with_forecasts(path: Path | None, policy: Scaling, inputs: Inputs, *, say: Callable[[str], None]) -> Inputs:
    """The same days with what was published for them; without a file, as if nothing had been, and says so."""
    if path is None:
        if policy.floor is not None and policy.floor.published is not None:
            say("the published forecast of the policy is not known, and its quantile is played: give --forecasts FILE")
        return inputs
    try:
        return replace(inputs, case=replace(inputs.case, forecasts=read_forecasts(path, policy)))
    except (InvalidForecastError, OSError) as error:
        raise bad_input([str(error)], fix="give --policy with a published forecast, and what was published") from error


def policy_to_play(
    path: Path | None, calendar: Path | None, fleet: Fleet, maximum: int | None, *, asynchronous: bool = False
) -> Scaling:
    """A policy from a file, or the default one of the kind of endpoint; with more events, and with another maximum.

    Of a serverless endpoint, that one is its `max_concurrency`, and the policy keeps its own.
    """
    policy = default_policy(fleet, _most(maximum), asynchronous=asynchronous) if path is None else read_policy(path)
    if asynchronous and not policy.is_asynchronous:
        raise bad_input(
            [f"{path} is no policy of an asynchronous endpoint: it does not scale by the backlog"],
            fix="leave --asynchronous out, or give a file that `mlp scaling tune --asynchronous --out` has written",
        )
    _raise_of_another_kind(policy, path, fleet)
    events = read_calendar(calendar)
    if fleet.on_demand is not None:
        refuse_demands(events)
    most = policy.maximum if maximum is None or fleet.on_demand is not None else maximum
    try:
        return replace(policy, maximum=most, calendar=(*policy.calendar, *events))
    except InvalidScalingError as error:
        fix = "give a higher --maximum, or lower what the policy or the event has at least"
        raise bad_input([str(error)], fix=fix) from error


def _raise_of_another_kind(policy: Scaling, path: Path | None, fleet: Fleet) -> None:
    """Whether warm containers are scaled has to be the same of policy and fleet."""
    of_containers = [signal is Signal.PROVISIONED_CONCURRENCY for signal in policy.signals]
    if fleet.on_demand is None and any(of_containers):
        fix = "give --cold-start-seconds, and its max_concurrency as --maximum"
        raise bad_input([f"{path} is a policy of a serverless endpoint"], fix=fix)
    if fleet.on_demand is not None and not all(of_containers):
        fix = "leave --cold-start-seconds out, or give a file that `mlp scaling tune --cold-start-seconds` has written"
        raise bad_input([f"{path} is no policy of a serverless endpoint"], fix=fix)


def read_policy(path: Path) -> Scaling:
    """A policy as `write_policy` has written it."""
    try:
        return from_json(Scaling, json.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, ValueError, InvalidDocumentError, InvalidScalingError) as error:
        raise bad_input([str(error)], fix="give a file that `mlp scaling tune --out` has written") from error


def write_policy(policy: Scaling, path: Path) -> None:
    """As JSON, which appears whole or not at all."""
    write_whole(path, json.dumps(to_json(policy), indent=2) + "\n")
