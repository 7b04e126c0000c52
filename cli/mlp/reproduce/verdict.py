"""What `mlp reproduce` says of a run, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlp.reproduce.noise import Interval


class Cause(StrEnum):
    """Why a run does not come out as recorded; of several, the first in this order is the verdict's."""

    CODE = "code"
    DATA = "data"
    IMAGE = "image"
    MISSING_FILE = "missing file"
    PACKAGE = "package"
    ENVIRONMENT = "environment"
    SEED = "seed"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One reason, as a sentence that names what differs, the recorded and the present state."""

    cause: Cause
    sentence: str


class NotReproducibleError(Exception):
    """The run cannot be made again; carries every reason that was found."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.sentence for finding in findings))
        self.findings = findings


def cannot(cause: Cause, sentence: str) -> NotReproducibleError:
    """The error for one reason."""
    return NotReproducibleError(Finding(cause=cause, sentence=sentence))


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run gave.

    Attributes:
        metrics: by name.
        outputs: what tells the content of what it wrote, by name; see `content.fingerprint`.
        seeds: whole numbers that the code seeded generators with, as far as they could be watched; None if that says nothing.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    seeds: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class MetricComparison:
    """A metric as recorded and now; `interval` is what repeats of the run gave, None where it was equal at once."""

    name: str
    recorded: float
    now: float | None
    interval: Interval | None = None

    @property
    def is_same(self) -> bool:
        """Whether it is equal, or the repeats say that it might as well be."""
        return self.now == self.recorded or (self.interval is not None and self.interval.holds(self.recorded))


@dataclass(frozen=True, kw_only=True)
class OutputComparison:
    """An output as recorded and now. `varies`: repeats of the run differ in it, so that it can tell nothing."""

    name: str
    recorded: str
    now: str | None
    varies: bool = False

    @property
    def is_equal(self) -> bool:
        """Whether it holds the same."""
        return self.now == self.recorded

    @property
    def is_same(self) -> bool:
        """Whether it does not speak against the run."""
        return self.is_equal or self.varies


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer: `reproduced` if nothing was found that speaks against it.

    Attributes:
        findings: what speaks against it, the cause first.
        checked: what was looked at, and how it stood, as sentences.
        runs: how often it was run for this.
    """

    findings: tuple[Finding, ...] = ()
    metrics: tuple[MetricComparison, ...] = ()
    outputs: tuple[OutputComparison, ...] = ()
    checked: tuple[str, ...] = ()
    runs: int = 0

    @property
    def is_reproduced(self) -> bool:
        """Whether the run came out as recorded."""
        return not self.findings

    @property
    def cause(self) -> Cause | None:
        """The first of the reasons in the order of `Cause`."""
        return min((finding.cause for finding in self.findings), key=list(Cause).index, default=None)

    @property
    def title(self) -> str:
        """`reproduced`, or `not reproduced: <cause>`."""
        return "reproduced" if self.cause is None else f"not reproduced: {self.cause}"

    @property
    def sentences(self) -> tuple[str, ...]:
        """Why, the cause's first."""
        ordered = sorted(self.findings, key=lambda finding: list(Cause).index(finding.cause))
        return tuple(finding.sentence for finding in ordered) or (self._how_equal(),)

    def _how_equal(self) -> str:
        learned = sum(metric.now != metric.recorded for metric in self.metrics)
        varying = sum(output.varies and not output.is_equal for output in self.outputs)
        parts = [f"{len(self.metrics) - learned} of {len(self.metrics)} metrics are equal"]
        parts += [f"{learned} within what {self.runs} runs of it vary"] if learned else []
        parts += [f"{len(self.outputs) - varying} of {len(self.outputs)} outputs are equal"] if self.outputs else []
        parts += [f"{varying} that every run of it writes differently"] if varying else []
        return ", ".join(parts)
