"""A world for the instance ladder: recurring pipelines whose needs nobody knows, instance types that are short at times, lost hosts.

What a job needs is drawn beforehand and is the same for every strategy. The world never shows it: a strategy sees the bytes of
the input, the peak of jobs that worked, and how the others failed, as in AWS.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

from mlplatform.scaling import InstanceLadder
from mlrecords.codec import from_json
from mlscaling.jobs.ladder import GIB, Ladder, Rung

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
STARTUP_SECONDS = 90  # Billed in every attempt: the image and the data are fetched.
SPOT_PRICE = 0.35  # Of on demand.
TYPES = (
    "ml.m5.large", "ml.r5.large", "ml.c5.xlarge", "ml.m5.xlarge", "ml.r5.xlarge", "ml.c5.2xlarge", "ml.m5.2xlarge",
    "ml.r5.2xlarge", "ml.m5.4xlarge", "ml.r5.4xlarge", "ml.r5.8xlarge",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """How hard it is. The defaults are what `make bench` calls the plain world."""

    pipelines: int = 40
    runs: int = 25
    noise: float = 0.05
    """Scale of the logarithm of a job's own deviation from its pipeline's line; Student's t with 3 degrees of freedom."""
    jump_share: float = 0.02
    """Of runs, from which on a pipeline needs another amount: a new model, another script."""
    outage_share: float = 0.03
    """Of the time in which a type has no capacity."""
    outage_hours: float = 4.0
    losses_per_hour: float = 0.02
    """Of a spot instance; on demand it is a hundredth of that."""
    internal_share: float = 0.002
    """Of attempts that end with an internal error."""


@dataclass(frozen=True)
class Job:
    """One run of a pipeline: what is known (`pipeline`, `at`, `bytes`), and what is hidden."""

    pipeline: int
    number: int
    at: datetime
    bytes: int
    need_bytes: int
    seconds_on_one_vcpu: float
    parallel: float
    spot: bool

    def seconds(self, rung: Rung) -> float:
        """How long it takes on a rung that is large enough, its start-up left out."""
        return float(self.seconds_on_one_vcpu / (rung.vcpus or 1) ** self.parallel)

    def usd(self, rung: Rung, seconds: float) -> float:
        """What so many seconds cost, its start-up included."""
        price = (rung.usd_per_hour or 0.0) * (SPOT_PRICE if self.spot else 1.0)
        return price * (STARTUP_SECONDS + seconds) / 3600

    def fits(self, rung: Rung) -> bool:
        """Whether the rung is large enough; how much of its memory the system takes differs by type."""
        return self.need_bytes <= rung.memory_bytes * (1 - _share_of_system(rung.instance_type))


@dataclass(frozen=True)
class Drawn:
    """A world with its dice thrown."""

    world: World
    seed: int
    ladder: Ladder

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """All runs in the order of their time."""
        found = [job for number in range(self.world.pipelines) for job in self._pipeline(number)]
        return tuple(sorted(found, key=lambda job: (job.at, job.pipeline)))

    @cached_property
    def outages(self) -> dict[str, list[tuple[datetime, datetime]]]:
        """When each type has no capacity."""
        last = max(job.at for job in self.jobs) + timedelta(days=2)
        return {rung.instance_type: self._outages(rung.instance_type, last) for rung in self.ladder.rungs}

    def has_capacity(self, instance_type: str, now: datetime) -> bool:
        """Whether a type is to be had at a moment."""
        return not any(begin <= now < end for begin, end in self.outages[instance_type])

    def dice(self, job: Job, attempt: int) -> random.Random:
        """The luck of one attempt: the same for every strategy."""
        return random.Random(f"{self.seed} {job.pipeline} {job.number} {attempt}")  # noqa: S311 - a simulation

    def _outages(self, instance_type: str, last: datetime) -> list[tuple[datetime, datetime]]:
        dice = random.Random(f"{self.seed} outages {instance_type}")  # noqa: S311 - a simulation
        share, hours = self.world.outage_share, self.world.outage_hours
        found, now = [], EPOCH
        while now < last and share > 0:
            begin = now + timedelta(hours=dice.expovariate(share / (hours * (1 - share))))
            now = begin + timedelta(hours=dice.expovariate(1 / hours))
            found.append((begin, now))
        return found

    def _pipeline(self, number: int) -> list[Job]:
        dice = random.Random(f"{self.seed} pipeline {number}")  # noqa: S311 - a simulation
        most = 0.9 * max(rung.memory_bytes for rung in self.ladder.rungs)
        period_hours = dice.choice((6, 24, 24, 168))
        size = dice.lognormvariate(math.log(1.0 * GIB), 1.0)
        growth, season, wobble = dice.gauss(0.01, 0.01), dice.uniform(0, 0.3), dice.uniform(0.02, 0.15)
        base, each = dice.uniform(0.3, 3) * GIB, dice.lognormvariate(math.log(4), 0.6)
        bend, noise = dice.uniform(0.9, 1.1), self.world.noise * dice.uniform(0.3, 1.7)
        seconds_each, parallel = dice.lognormvariate(math.log(900), 0.7) / GIB, dice.uniform(0, 0.9)
        spot, level, jobs = dice.random() < 0.25, 1.0, []
        for run in range(self.world.runs):
            if dice.random() < self.world.jump_share:
                level *= math.exp(dice.gauss(0.15, 0.3))
            trend = (1 + growth) ** run * (1 + season * math.sin(run / 4)) * dice.lognormvariate(0, wobble)
            bytes = size * trend
            need = level * (base + each * GIB * (bytes / GIB) ** bend) * math.exp(noise * _student_t(dice))
            at = EPOCH + timedelta(hours=period_hours * run + dice.uniform(0, 24))
            seconds = 60 + seconds_each * bytes
            jobs.append(Job(number, run, at, int(bytes), int(min(need, most)), seconds, parallel, spot))
        return _in_order(jobs, period_hours)


def draw(seed: int, world: World | None = None) -> Drawn:
    """A world by its seed."""
    return Drawn(
        World() if world is None else world, seed, from_json(Ladder, InstanceLadder.of(*TYPES).to_json(), "ladder")
    )


def _in_order(jobs: list[Job], period_hours: int) -> list[Job]:
    """Every run at the same hour of its period."""
    first = jobs[0].at
    return [replace(job, at=first + timedelta(hours=period_hours * job.number)) for job in jobs]


@lru_cache
def _share_of_system(instance_type: str) -> float:
    return 0.03 + 0.04 * random.Random(instance_type).random()  # noqa: S311 - a fixed property of a type


def _student_t(dice: random.Random, degrees: int = 3) -> float:
    return dice.gauss(0, 1) / math.sqrt(dice.gammavariate(degrees / 2, 2) / degrees)
