"""Which instance types are asked for, and in which order."""

from __future__ import annotations

import numpy as np

from mlscaling.policies.scaling import Scaling
from mlscaling.replay.cases import Played
from mlscaling.replay.fleet import Fleet, Provisioning
from mlscaling.search.choosing import Compiled
from mlscaling.search.pools import InstanceType, compile_pool


def instance_type(name: str, requests_per_second: float, usd: float) -> InstanceType:
    fleet = Fleet(requests_per_second=requests_per_second, provisioning=Provisioning.fixed(300))
    return InstanceType(name=name, fleet=fleet, usd_per_instance_hour=usd)


def needs(hours_at_one: float) -> Compiled:
    day = np.array([1.0])
    played = Played(
        policy=Scaling(maximum=9), violations=0 * day, requests=day, instance_hours=hours_at_one * day, most_instances=1
    )
    return Compiled(chosen=played, meets=True, reasons=(), candidates=())


def test_the_type_whose_policy_costs_least_is_asked_for_and_only_those_stand_in_that_serve_no_less() -> None:
    types = [
        instance_type("small", 10, 0.10),
        instance_type("dear", 20, 0.50),
        instance_type("middle", 20, 0.15),
        instance_type("large", 40, 0.40),
    ]

    pool = compile_pool(types, lambda fleet: needs(240 / fleet.requests_per_second))

    assert [one.instance_type.name for one in pool.ranked] == ["middle", "small", "large", "dear"]
    assert pool.fallbacks == ("large", "dear")
    assert pool.chosen.usd_per_day == 12 * 0.15


def test_a_type_that_misses_the_objective_comes_last_however_cheap_it_is() -> None:
    cheap, good = instance_type("cheap", 10, 0.01), instance_type("good", 10, 1.0)
    found = {id(cheap.fleet): Compiled(chosen=needs(1).chosen, meets=False, reasons=(), candidates=())}

    pool = compile_pool([cheap, good], lambda fleet: found.get(id(fleet), needs(1)))

    assert pool.chosen.instance_type is good


def test_there_are_four_fallbacks_at_most() -> None:
    types = [instance_type(str(number), 10, number + 1) for number in range(7)]

    assert compile_pool(types, lambda _: needs(1)).fallbacks == ("1", "2", "3", "4")
