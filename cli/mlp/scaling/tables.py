"""What `mlp scaling` shows of policies and instance types: as tables for people, and as documents for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table

from mlp.scaling.inputs import Inputs
from mlscaling.replay.cases import Played
from mlscaling.replay.rehearsals import Rehearsal
from mlscaling.search.pools import CompiledType, InstancePool
from mlscaling.search.reasons import describe


def type_document(one: CompiledType) -> dict[str, object]:
    """Of a type and its policy."""
    return {
        "meets": one.compiled.meets,
        "requests_per_second": one.instance_type.fleet.requests_per_second,
        "violation_share": one.compiled.chosen.violation_share,
        "instance_hours_per_day": one.compiled.chosen.hours_per_day,
        "usd_per_day": one.usd_per_day,
    }


def types_table(found: InstancePool) -> Table:
    """A row for each type."""
    table = Table(title="the best first", title_justify="left")
    for column in ("", "serves per second", "violations", "instance hours a day", "USD a day", "policy"):
        table.add_column(column, justify="left" if column in ("", "policy") else "right")
    for one in found.ranked:
        played, fleet = one.compiled.chosen, one.instance_type.fleet
        shown = (f"{fleet.requests_per_second:g}", f"{played.violation_share:.4%}", f"{played.hours_per_day:.1f}")
        table.add_row(one.instance_type.name, *shown, f"{one.usd_per_day:.2f}", describe(played.policy, fleet))
    return table


def pool_lines(found: InstancePool) -> Iterator[str]:
    """What to write into the endpoint, and why."""
    chosen = found.chosen
    yield f'instance_type="{chosen.instance_type.name}", fallback_instance_types={list(found.fallbacks)}'
    yield "- types that serve less per instance are no fallbacks: the target is one number for all"
    yield from (f"- {reason}" for reason in chosen.compiled.reasons)


def event_document(rehearsal: Rehearsal) -> dict[str, object]:
    """Of an announced event, as it was rehearsed."""
    return {
        "name": rehearsal.event.name,
        "violation_share": rehearsal.violation_share,
        "instances": rehearsal.instances,
        "days": len(rehearsal.times),
    }


def document_of(played: Played, inputs: Inputs, usd_per_hour: float | None) -> dict[str, object]:
    """Of a policy; costs in USD are null without a price."""
    clairvoyant = float(inputs.case.clairvoyant_hours(inputs.fleet).mean())
    return {
        "violation_share": played.violation_share,
        "instance_hours_per_day": played.hours_per_day,
        "cost_of_clairvoyant": played.hours_per_day / clairvoyant,
        "usd_per_day": None if usd_per_hour is None else played.hours_per_day * usd_per_hour,
    }


def table_of(found: Mapping[str, Played], inputs: Inputs, usd_per_hour: float | None) -> Table:
    """A row for each policy."""
    title = f"{inputs.case.demand.name}: {inputs.case.days} days from {inputs.case.first:%Y-%m-%d} on (UTC)"
    table = Table(title=title, title_justify="left")
    for column in ("", "violations", "instance hours a day", "of a clairvoyant's", "USD a day", "policy"):
        table.add_column(column, justify="left" if column in ("", "policy") else "right")
    for name, played in found.items():
        document = document_of(played, inputs, usd_per_hour)
        usd = "" if usd_per_hour is None else f"{document['usd_per_day']:.2f}"
        cost = (f"{played.hours_per_day:.1f}", f"{document['cost_of_clairvoyant']:.2f}")
        table.add_row(name, f"{played.violation_share:.4%}", *cost, usd, describe(played.policy, inputs.fleet))
    return table
