"""A hyperparameter tuning job: training jobs with values that a strategy chooses, some at once, and the best of them."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mllocal.jobs.early_stopping import Curve, StoppingRule, stopping_rule
from mllocal.jobs.objective import Objective, rank
from mllocal.jobs.ranges import ranges_of
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.jobs.search import Strategy, Trial, Values, strategy
from mllocal.jobs.training_definitions import training_request
from mllocal.jobs.warm_start import WarmStart
from mllocal.sagemaker.store import Document

_POLL_SECONDS = 0.2
_STATUS_COUNTERS = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
_OBJECTIVE_COUNTERS = ("Succeeded", "Pending", "Failed")


class Trainings(Protocol):
    """The training jobs of an engine, as a tuning job needs them."""

    def create(self, request: Document) -> str: ...

    def metric_values(self, arn: str) -> Mapping[str, list[float]]: ...

    def wait(self, arn: str) -> None: ...

    def stop(self, arn: str) -> None: ...


def run(job: Job, trainings: Trainings, parents: Sequence[Document]) -> Document:
    """Run training jobs until the limits or the completion criteria are met. Raises `JobFailedError` when none scored."""
    tuning = Tuning(job, trainings, parents)
    try:
        tuning.run()
    finally:
        tuning.stop_running()
    job.check_not_stopped()
    changes = tuning.changes()
    if "BestTrainingJob" not in changes:
        raise JobFailedError(
            f"ClientError: no training job of this tuning job reported objective metric {tuning.metrics}; "
            "see the training jobs and AlgorithmSpecification.MetricDefinitions",
            **changes,
        )
    return changes


@dataclass
class Attempt:
    """One training job of a tuning job. `metrics` grow while it runs; `checked_epochs` were compared with the others."""

    arn: str
    tuned: Values
    number: int
    search: Search
    metrics: Mapping[str, list[float]]
    checked_epochs: int = 0
    is_running: bool = True
    is_stopped_early: bool = False


@dataclass
class Search:
    """The search of one training job definition: where, how, for what, and what was tried."""

    definition: Document
    objective: Objective
    strategy: Strategy
    rule: StoppingRule
    warm_start: WarmStart
    attempts: list[Attempt] = field(default_factory=list)

    @classmethod
    def of(cls, document: Document, definition: Document, parents: Sequence[Document]) -> Search:
        """The search that a tuning job's document asks for in one of its definitions."""
        configuration = document["HyperParameterTuningJobConfig"]
        objective = Objective.of(configuration, definition)
        ranges = ranges_of(configuration.get("ParameterRanges") or definition.get("HyperParameterRanges", {}))
        kind = document.get("WarmStartConfig", {}).get("WarmStartType", "")
        return cls(
            definition,
            objective,
            strategy(configuration["Strategy"], ranges, configuration.get("RandomSeed")),
            stopping_rule(configuration, definition.get("StaticHyperParameters", {})),
            WarmStart.of(kind, parents, ranges, objective),
        )

    def next_values(self, trials: Sequence[Trial]) -> Values | None:
        """What to try next; None when there is nothing left."""
        first = self.warm_start.first_values
        if len(self.attempts) < len(first):
            return first[len(self.attempts)]
        return self.strategy.next_values([*self.warm_start.trials, *trials])

    def stop_early(self) -> list[Attempt]:
        """The running training jobs that the stopping rule ends now, each once."""
        curves = [self._curve(attempt) for attempt in self.attempts]
        found = []
        for attempt, curve in zip(self.attempts, curves, strict=True):
            others = [other for other in curves if other is not curve]
            epochs = range(attempt.checked_epochs + 1, len(curve.values) + 1)
            attempt.checked_epochs = len(curve.values)
            may_stop = attempt.is_running and not attempt.is_stopped_early
            if may_stop and any(self.rule.stops(curve, epoch, others) for epoch in epochs):
                attempt.is_stopped_early = True
                found.append(attempt)
        return found

    def _curve(self, attempt: Attempt) -> Curve:
        values = [self.objective.score(value) for value in attempt.metrics.get(self.objective.metric, ())]
        return Curve(attempt.number, values, has_ended=not attempt.is_running)


class Tuning:
    """One tuning job while it runs."""

    def __init__(self, job: Job, trainings: Trainings, parents: Sequence[Document]) -> None:
        self._job = job
        self._trainings = trainings
        configuration = job.document["HyperParameterTuningJobConfig"]
        self._limits = configuration["ResourceLimits"]
        self._criteria = configuration.get("TuningJobCompletionCriteria", {})
        definitions = job.document.get("TrainingJobDefinitions") or [job.document["TrainingJobDefinition"]]
        self._searches = [Search.of(job.document, definition, parents) for definition in definitions]
        self._attempts: list[Attempt] = []
        self._ended: queue.Queue[Attempt] = queue.Queue()
        self._deadline = time.monotonic() + self._limits.get("MaxRuntimeInSeconds", float("inf"))

    @property
    def metrics(self) -> str:
        """The names of the objective metrics."""
        return ", ".join(repr(search.objective.metric) for search in self._searches)

    def run(self) -> None:
        """Keep as many training jobs running as may run at once, without those that are stopped early."""
        while True:
            if not self._is_done():
                self._start_what_may_run()
            if not self._running():
                return
            self._take_ended()
            for search in self._searches:
                for attempt in search.stop_early():
                    self._trainings.stop(attempt.arn)
            if self._job.is_stopping() or time.monotonic() > self._deadline:
                return

    def stop_running(self) -> None:
        """Stop what still runs, and wait for it."""
        running = self._running()
        for attempt in running:
            self._trainings.stop(attempt.arn)
        for attempt in running:
            self._trainings.wait(attempt.arn)
            attempt.is_running = False
        self._job.change(**self.changes())

    def changes(self) -> dict[str, Any]:
        """Counters, the training jobs from best to worst, and the best one; the overall best one where parents count, too."""
        summaries = [self._summary(attempt) for attempt in self._attempts]
        statuses = Counter(_counted_status(summary["TrainingJobStatus"]) for summary in summaries)
        objectives = Counter(summary["ObjectiveStatus"] for summary in summaries)
        ranked = sorted(summaries, key=rank)
        best = {"BestTrainingJob": ranked[0]} if ranked and ranked[0]["ObjectiveStatus"] == "Succeeded" else {}
        inherited = [summary for search in self._searches for summary in search.warm_start.summaries]
        overall = {"OverallBestTrainingJob": min([*inherited, *ranked], key=rank)} if inherited else {}
        return {
            "TrainingJobStatusCounters": {name: statuses[name] for name in _STATUS_COUNTERS},
            "ObjectiveStatusCounters": {name: objectives[name] for name in _OBJECTIVE_COUNTERS},
            "TrainingJobSummaries": ranked,
            **best,
            **overall,
        }

    def _running(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts if attempt.is_running]

    def _is_done(self) -> bool:
        limit = self._limits.get("MaxNumberOfTrainingJobs", float("inf"))
        return len(self._attempts) >= limit or self._job.is_stopping() or self._meets_criteria()

    def _meets_criteria(self) -> bool:
        scores = [score for attempt in self._attempts if (score := self._score(attempt)) is not None]
        if not scores:
            return False
        target = self._criteria.get("TargetObjectiveMetricValue")
        if target is not None and max(scores) >= self._searches[0].objective.score(target):
            return True
        patience = self._criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        return patience is not None and len(scores) - 1 - scores.index(max(scores)) >= patience

    def _start_what_may_run(self) -> None:
        """Start training jobs, of several definitions in turn; a grid that has no more is passed over."""
        while len(self._running()) < self._limits["MaxParallelTrainingJobs"] and not self._is_done():
            for search in sorted(self._searches, key=lambda item: len(item.attempts)):
                values = search.next_values([Trial(item.tuned, self._score(item)) for item in search.attempts])
                if values is not None:
                    self._start(search, values)
                    break
            else:
                return

    def _start(self, search: Search, values: Values) -> None:
        number = len(self._attempts)
        request = training_request(search.definition)
        request["TrainingJobName"] = f"{self._job.name}-{number + 1:03d}-{secrets.token_hex(4)}"
        request["HyperParameters"] = {**search.definition.get("StaticHyperParameters", {}), **values}
        request["Tags"] = self._job.document.get("Tags", [])
        arn = self._trainings.create(request)
        attempt = Attempt(arn, values, number, search, self._trainings.metric_values(arn))
        self._job.store.update(
            arn, lambda document: document.update({"TuningJobArn": self._job.arn, "TunedHyperParameters": values})
        )
        search.attempts.append(attempt)
        self._attempts.append(attempt)
        threading.Thread(target=self._announce_end, args=(attempt,), daemon=True).start()
        self._job.change(**self.changes())

    def _announce_end(self, attempt: Attempt) -> None:
        self._trainings.wait(attempt.arn)
        self._ended.put(attempt)

    def _take_ended(self) -> None:
        try:
            self._ended.get(timeout=_POLL_SECONDS).is_running = False
        except queue.Empty:
            return
        self._job.change(**self.changes())

    def _score(self, attempt: Attempt) -> float | None:
        return attempt.search.objective.score_of(self._training(attempt))

    def _training(self, attempt: Attempt) -> Document:
        return self._job.store.get(attempt.arn) or {"TrainingJobStatus": "Failed"}

    def _summary(self, attempt: Attempt) -> Document:
        name = attempt.search.definition.get("DefinitionName")
        summary = attempt.search.objective.summary(self._training(attempt), self._job.name)
        return {**summary, **({} if name is None else {"TrainingJobDefinitionName": name})}


def _counted_status(status: str) -> str:
    return {"Stopping": "InProgress", "Failed": "NonRetryableError"}.get(status, status)
