"""Which instance type a job gets: from the bytes it has before it, and from what earlier jobs of the step needed. Pure.

What a job may need is what earlier ones needed, carried over to its bytes by a line through their peaks that single odd ones
do not bend (Theil 1950, Sen 1968), and one case more, a little worse than the worst. The share of these that do not fit is the
risk of a rung; the rung to take is the one that is cheapest to expect, the attempt after running out of memory included.
Whatever is expected, a job never gets as little memory as one with no more input has run out of.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations

GIB = 1024**3
USABLE_SHARE = 0.93
"""Of an instance's memory; the rest is the operating system's and SageMaker's agent's."""
FIRST_BASE_BYTES = GIB
FIRST_BYTES_PER_INPUT_BYTE = 6.0
"""Before anything is known: compressed columns unpacked, and once more for the model's own copy."""
MOST_RISK = 0.5
MOST_RISK_WITHOUT_PRICES = 0.1
LINE_RECORDS = 4
LINE_SPREAD = 1.15
"""A slope is believed from so many records, when the largest input was so many times the smallest."""
NO_CAPACITY_FOR = timedelta(hours=6)
"""How long a type is left alone that was not to be had."""
USAGE_RECORDS = 20
SHORTAGE_RECORDS = 20
KILLED_SHARE = 2
"""What was killed with so many times the memory that such a job needs did not run out of it."""
"""So many of each are remembered: data and models change."""


@dataclass(frozen=True)
class Rung:
    """One instance type."""

    instance_type: str
    memory_gib: float
    vcpus: int | None = None
    usd_per_hour: float | None = None

    @property
    def memory_bytes(self) -> int:
        """All of its memory."""
        return int(self.memory_gib * GIB)


@dataclass(frozen=True)
class Ladder:
    """Instance types, as `InstanceLadder` in the construct library writes them."""

    rungs: tuple[Rung, ...]
    max_instances: int = 1
    memory_safety: float = 1.1

    def rung(self, instance_type: str) -> Rung | None:
        """The rung of a type; None for one that is not on the ladder, such as one taken off it since."""
        return next((rung for rung in self.rungs if rung.instance_type == instance_type), None)


@dataclass(frozen=True)
class Usage:
    """What one job on one host needed, as it measured itself or was measured."""

    instance_type: str
    rows: int
    input_bytes: int
    seconds: float
    peak_memory_bytes: int
    host: str = "algo-1"


@dataclass(frozen=True)
class OutOfMemory:
    """`bytes` of input, or more, did not fit into `memory_bytes`. Zero bytes: whatever the size."""

    bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class StepMemory:
    """What earlier jobs of a step taught."""

    usage: tuple[Usage, ...] = ()
    out_of_memory: tuple[OutOfMemory, ...] = ()
    no_capacity: Mapping[str, datetime] = field(default_factory=dict)
    """Instance types that were not to be had, and until when they are not asked for again."""

    def with_usage(self, usage: Sequence[Usage]) -> "StepMemory":
        """After jobs that worked; the oldest are forgotten."""
        return replace(self, usage=(*self.usage, *usage)[-USAGE_RECORDS:])

    def with_out_of_memory(self, shortage: OutOfMemory) -> "StepMemory":
        """After a job that ran out of memory."""
        known = tuple(found for found in self.out_of_memory if found != shortage)
        return replace(self, out_of_memory=(*known, shortage)[-SHORTAGE_RECORDS:])

    def without_kills(self, *, bytes: int, peak_memory_bytes: int) -> "StepMemory":
        """After a job with so much input came to its end and its peak was measured well: a process that was killed for another
        reason looks like one without memory, and would have all later ones take larger machines for ever.
        """
        kept = tuple(
            found
            for found in self.out_of_memory
            if found.bytes > bytes or found.memory_bytes < KILLED_SHARE * peak_memory_bytes
        )
        return replace(self, out_of_memory=kept)

    def with_no_capacity(self, instance_type: str, until: datetime, now: datetime) -> "StepMemory":
        """After a job for which AWS had no instance; what is over is forgotten."""
        lasting = {name: end for name, end in self.no_capacity.items() if end > now}
        return replace(self, no_capacity={**lasting, instance_type: until})


@dataclass(frozen=True)
class Choice:
    """The instance type for a job, and why, in words that follow "ml.m5.large: "."""

    instance_type: str
    memory_gib: float
    reason: str
    exhausted: bool = False
    """No rung has more memory than such a job has run out of: this is the largest, again."""

    @property
    def memory_bytes(self) -> int:
        """What a job that runs out of memory here has run out of."""
        return int(self.memory_gib * GIB)


def choose(ladder: Ladder, memory: StepMemory, *, bytes: int, now: datetime) -> Choice:
    """The rung that is cheapest to expect for `bytes` of input, among those with, as far as known, capacity.

    Where a price is not known, it is the first one with little risk. If no rung is large enough, it is one with the most
    memory. If all that are large enough lacked capacity a while ago, it is the one that may be asked for again first: never
    one with less memory.
    """
    needs, why = _needs(ladder, memory.usage, bytes)
    failed = max((found.memory_bytes for found in memory.out_of_memory if found.bytes <= bytes), default=0)
    if failed:
        why = f"{why}; {_gib(failed)} were too little before"
    above = [rung for rung in ladder.rungs if rung.memory_bytes > failed]
    wanted = _in_order_of_cost(above, needs)
    if not wanted:
        wanted = _largest(above or ladder.rungs)
        why = f"{why}; nothing larger is allowed"
    taken, shortage = _with_capacity(wanted, memory.no_capacity, now)
    return Choice(taken.instance_type, taken.memory_gib, why + shortage, exhausted=not above)


def _needs(ladder: Ladder, usage: Sequence[Usage], bytes: int) -> tuple[list[float], str]:
    """What a job with so much input may need, in bytes of memory, each as likely as the others; and whence that is known."""
    known = [record for record in usage if record.peak_memory_bytes > 0]
    if not known:
        need = FIRST_BASE_BYTES + FIRST_BYTES_PER_INPUT_BYTE * bytes
        return [need], f"{_gib(need)} guessed from {_gib(bytes)} of input, the first time"
    expected = _expectation(known)
    here = expected.at(bytes)
    needs = [here * record.peak_memory_bytes / expected.at(record.input_bytes) for record in known]
    needs.append(max(needs) * ladder.memory_safety)
    low, high = _gib(min(needs)), _gib(max(needs))
    return needs, f"{low} to {high} expected for {_gib(bytes)} of input, from {len(known)} earlier jobs"


def _in_order_of_cost(rungs: Sequence[Rung], needs: Sequence[float]) -> list[Rung]:
    """The rungs that may be taken, the cheapest to expect first: its own price, and that of another attempt by the risk of it."""
    risks = {rung: sum(need > rung.memory_bytes * USABLE_SHARE for need in needs) / len(needs) for rung in rungs}
    prices = {rung: rung.usd_per_hour for rung in rungs if rung.usd_per_hour is not None}
    if len(prices) < len(rungs):
        return [rung for rung in rungs if risks[rung] <= MOST_RISK_WITHOUT_PRICES]
    least = min(risks.values(), default=0.0)
    again = min((prices[rung] for rung in rungs if risks[rung] == least), default=0.0)
    possible = [rung for rung in rungs if risks[rung] <= MOST_RISK]
    return sorted(possible, key=lambda rung: prices[rung] + risks[rung] * again)


@dataclass(frozen=True)
class _Line:
    """Memory over input, in bytes: never falling, never below the smallest peak's order of magnitude."""

    base: float
    slope: float
    least: float

    def at(self, bytes: int) -> float:
        return max(self.base + self.slope * bytes, self.least)


def _expectation(known: Sequence[Usage]) -> _Line:
    sizes = [record.input_bytes for record in known]
    peaks = [record.peak_memory_bytes for record in known]
    least = min(peaks) / 2
    if len(known) >= LINE_RECORDS and max(sizes) >= LINE_SPREAD * max(min(sizes), 1):
        slope = max(statistics.median(_slopes(known)), 0.0)
        base = statistics.median(peak - slope * size for size, peak in zip(sizes, peaks, strict=True))
        return _Line(base, slope, least)
    # Too little to tell a fixed part from one that grows: beyond what was seen, memory grows as the input does.
    size, peak = statistics.median(sizes), statistics.median(peaks)
    return _Line(0.0, peak / size, peak) if size else _Line(peak, 0.0, peak)


def _slopes(known: Sequence[Usage]) -> Iterator[float]:
    for one, other in combinations(known, 2):
        if one.input_bytes != other.input_bytes:
            yield (one.peak_memory_bytes - other.peak_memory_bytes) / (one.input_bytes - other.input_bytes)


def _largest(rungs: Sequence[Rung]) -> list[Rung]:
    most = max(rung.memory_bytes for rung in rungs)
    return [rung for rung in rungs if rung.memory_bytes == most]


def _with_capacity(rungs: Sequence[Rung], shortages: Mapping[str, datetime], now: datetime) -> tuple[Rung, str]:
    """The first rung that is not known to be short, and what to add to the reason."""
    short = [rung for rung in rungs if rung.instance_type in shortages and shortages[rung.instance_type] > now]
    free = next((rung for rung in rungs if rung not in short), None)
    if free is None:
        soonest = min(short, key=lambda rung: shortages[rung.instance_type])
        return soonest, "; all types that are large enough had no capacity, this one longest ago"
    passed = [rung.instance_type for rung in rungs[: rungs.index(free)]]
    return free, f"; no capacity of {', '.join(passed)} a while ago" if passed else ""


def _gib(bytes: float) -> str:
    return f"{bytes / GIB:.2g} GiB"
