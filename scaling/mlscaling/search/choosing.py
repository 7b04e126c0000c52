"""Of policies that were played, the cheapest that meets an objective; and why, where there are few numbers to choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.replay.cases import Played


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """The policy that was chosen, what it does on the known days, and why each number is what it is."""

    chosen: Played
    meets: bool
    reasons: tuple[str, ...]
    candidates: tuple[Played, ...]


def cheapest(
    candidates: Sequence[Played], objective: Objective, names: Mapping[str, str], lost: str, unit: str = "instance"
) -> Compiled:
    """The cheapest policy that meets the objective with a standard error to spare, or else the one that comes nearest.

    Args:
        names: the numbers of a `Scaling` that were varied, and how people know them; the reasons are in this order.
        lost: what becomes of a request that is a violation.
        unit: what is paid by the hour.
    """
    allowed = 1 - objective.served_share

    def order(one: Played) -> tuple[float, float, int]:
        return max(one.safe_violation_share, allowed), one.hours_per_day, one.policy.maximum

    chosen = min(candidates, key=order)
    return Compiled(
        chosen=chosen,
        meets=chosen.safe_violation_share <= allowed,
        reasons=tuple(_reasons(chosen, candidates, names, lost, unit)),
        candidates=tuple(candidates),
    )


def _reasons(
    chosen: Played, candidates: Sequence[Played], names: Mapping[str, str], lost: str, unit: str
) -> Iterator[str]:
    """Each number, and what the next smaller and the next larger one would do."""
    policy = chosen.policy
    for name, known_as in names.items():
        others = [one for one in candidates if replace(one.policy, **{name: getattr(policy, name)}) == policy]
        place = others.index(chosen)
        beside = [others[at] for at in (place - 1, place + 1) if 0 <= at < len(others)]
        yield "; ".join(
            [f"{known_as} {_value(policy, name):g}: {chosen.violation_share:.3%} {lost}"]
            + [
                f"with {known_as} {_value(one.policy, name):g}, {one.violation_share:.3%} for {one.hours_per_day:.1f} {unit} hours a day"
                for one in beside
            ]
        )


def _value(policy: Scaling, name: str) -> float:
    value = policy.target.target if name == "target" and policy.target is not None else getattr(policy, name)
    return float(value)
