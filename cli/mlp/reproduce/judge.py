"""From runs of a recorded run to the verdict: compare, learn the noise only if it is needed, then look for the cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mlp.reproduce.noise import REPEATS, interval
from mlp.reproduce.verdict import (
    Cause,
    Finding,
    MetricComparison,
    NotReproducibleError,
    OutputComparison,
    Result,
    Verdict,
)


class Subject(Protocol):
    """A recorded run that can be run again: a script, or a job and those before it."""

    @property
    def recorded(self) -> Result:
        """What the record says that it gave."""

    def moved(self) -> tuple[Sequence[Finding], Sequence[str]]:
        """What the names in the record mean by now: what is not as it was, and a sentence for each thing that was looked at."""

    def prepare(self) -> None:
        """Get everything that it needs. Raises `NotReproducibleError`."""

    def run(self, *, seed_offset: int = 0) -> Result:
        """Run it once, afresh; with other seeds if an offset is given. Raises `NotReproducibleError`."""

    def seed_findings(self, result: Result) -> Sequence[Finding]:
        """Whether the record's seeds are those that the run used."""

    def differences(self) -> Sequence[Finding]:
        """What could not be made as recorded, and is the cause if the run comes out differently."""

    @property
    def can_vary_seed(self) -> bool:
        """Whether the recorded seed is passed to the run, so that another one can be."""


@dataclass(kw_only=True)
class Judge:
    """One judgement. `say` gets a line for each thing that is done."""

    subject: Subject
    as_recorded: bool = False
    say: Callable[[str], None] = lambda line: None
    checked: list[str] = field(default_factory=list)
    runs: int = 0

    def verdict(self) -> Verdict:
        """The verdict; nothing is raised for a run that cannot be made again, which is a verdict too."""
        try:
            return self._verdict()
        except NotReproducibleError as error:
            return self._done(findings=error.findings)

    def _verdict(self) -> Verdict:
        self.say("comparing what its names mean now with what they meant then")
        findings, checked = self.subject.moved()
        self.checked += checked
        if findings and not self.as_recorded:
            return self._done(findings=tuple(findings))
        self.checked += [f"as recorded, whatever the names mean now: {finding.sentence}" for finding in findings]
        self.subject.prepare()
        first = self._run()
        seeds = tuple(self.subject.seed_findings(first))
        compared = self._compared([first])
        if seeds or all(item.is_same for part in compared for item in part):
            return self._done(seeds, *compared)
        self.say(f"it is not equal: learning from {REPEATS - 1} more runs how much it varies")
        compared = self._compared([first, *(self._run() for _ in range(REPEATS - 1))])
        if all(item.is_same for part in compared for item in part):
            return self._done((), *compared)
        return self._done(self._causes(*compared), *compared)

    def _run(self, *, seed_offset: int = 0) -> Result:
        self.runs += 1
        self.say(f"run {self.runs}" if not seed_offset else f"run {self.runs}, with another seed")
        return self.subject.run(seed_offset=seed_offset)

    def _compared(self, runs: Sequence[Result]) -> tuple[tuple[MetricComparison, ...], tuple[OutputComparison, ...]]:
        recorded = self.subject.recorded
        metrics = tuple(
            MetricComparison(
                name=name,
                recorded=value,
                now=runs[0].metrics.get(name),
                interval=interval(found, metrics=len(recorded.metrics))
                if len(found := [run.metrics[name] for run in runs if name in run.metrics]) == REPEATS
                else None,
            )
            for name, value in recorded.metrics.items()
        )
        outputs = tuple(
            OutputComparison(
                name=name,
                recorded=content,
                now=runs[0].outputs.get(name),
                varies=len({run.outputs.get(name) for run in runs}) > 1,
            )
            for name, content in recorded.outputs.items()
        )
        return metrics, outputs

    def _causes(self, metrics: Sequence[MetricComparison], outputs: Sequence[OutputComparison]) -> tuple[Finding, ...]:
        known = tuple(self.subject.differences())
        if known:
            return known
        self.checked += ["what could be made as recorded was: code, data, packages, environment"]
        if self.subject.can_vary_seed and self._is_of_another_seed(metrics):
            named = ", ".join(sorted(metric.name for metric in metrics if not metric.is_same))
            return (
                Finding(
                    cause=Cause.SEED,
                    sentence=f"the recorded {named} is not what the recorded seed gives, but what other seeds of the same code and "
                    "data give: it was recorded with another seed",
                ),
            )
        wrong = [_sentence(metric) for metric in metrics if not metric.is_same]
        wrong += [
            f"output {item.name} {'was not written' if item.now is None else 'holds something else than recorded'}"
            for item in outputs
            if not item.is_same
        ]
        return (Finding(cause=Cause.UNEXPLAINED, sentence="; ".join(wrong)),)

    def _is_of_another_seed(self, metrics: Sequence[MetricComparison]) -> bool:
        """Whether each metric that differs lies where other seeds put it, and the seed matters at all."""
        wrong = [metric for metric in metrics if not metric.is_same and metric.now is not None]
        if not wrong:
            return False
        self.say("trying whether another seed explains it")
        runs = [self._run(seed_offset=offset) for offset in range(1, REPEATS + 1)]
        return all(_is_among(metric, [run.metrics for run in runs], len(wrong)) for metric in wrong)

    def _done(
        self,
        findings: tuple[Finding, ...],
        metrics: tuple[MetricComparison, ...] = (),
        outputs: tuple[OutputComparison, ...] = (),
    ) -> Verdict:
        return Verdict(findings=findings, metrics=metrics, outputs=outputs, checked=tuple(self.checked), runs=self.runs)


def _is_among(metric: MetricComparison, runs: Sequence[Mapping[str, float]], metrics: int) -> bool:
    values = [run[metric.name] for run in runs if metric.name in run]
    found = interval(values, metrics=metrics) if len(values) == REPEATS else None
    return found is not None and not found.is_exact and found.holds(metric.recorded)


def _sentence(metric: MetricComparison) -> str:
    if metric.now is None:
        return f"metric {metric.name} was {metric.recorded!r} and is not measured any more"
    learned = metric.interval
    varies = "" if learned is None else f", and repeats give {learned.centre:.6g} +- {learned.half_width:.2g}"
    return f"metric {metric.name} was {metric.recorded!r} and is {metric.now!r}{varies}"
