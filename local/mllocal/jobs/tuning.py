"""A hyperparameter tuning job: training jobs with values that a strategy chooses, some at once, and the best of them."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

from mllocal.jobs.ranges import ranges_of
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.jobs.search import Trial, Values, strategy
from mllocal.jobs.tuning_resources import with_resource_config
from mllocal.sagemaker.store import Document

_POLL_SECONDS = 0.2
_STATUS_COUNTERS = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
_OBJECTIVE_COUNTERS = ("Succeeded", "Pending", "Failed")


class Trainings(Protocol):
    """The training jobs of an engine, as a tuning job needs them."""

    def create(self, request: Document) -> str: ...

    def wait(self, arn: str) -> None: ...

    def stop(self, arn: str) -> None: ...


def run(job: Job, trainings: Trainings) -> Document:
    """Run training jobs until the limits or the completion criteria are met. Raises `JobFailedError` when none scored."""
    tuning = Tuning(job, trainings)
    try:
        tuning.run()
    finally:
        tuning.stop_running()
    job.check_not_stopped()
    changes = tuning.changes()
    if "BestTrainingJob" not in changes:
        raise JobFailedError(
            f"ClientError: no training job of this tuning job reported objective metric {tuning.metric!r}; "
            "see the training jobs and AlgorithmSpecification.MetricDefinitions",
            **changes,
        )
    return changes


@dataclass(frozen=True)
class Objective:
    """The metric to tune for."""

    metric: str
    is_maximized: bool

    @classmethod
    def of(cls, document: Document) -> Objective:
        """From the job's configuration, or from its training job definition."""
        definition = document["TrainingJobDefinition"]
        given = document["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
        given = given or definition["TuningObjective"]
        return cls(given["MetricName"], given["Type"] == "Maximize")

    def value(self, training: Document) -> float | None:
        """What a completed training job reported; None when it did not."""
        if training["TrainingJobStatus"] != "Completed":
            return None
        metrics = {item["MetricName"]: item["Value"] for item in training.get("FinalMetricDataList", [])}
        return metrics.get(self.metric)

    def score(self, training: Document) -> float | None:
        """Larger for better ones."""
        value = self.value(training)
        return value if value is None or self.is_maximized else -value


class Tuning:
    """One tuning job while it runs."""

    def __init__(self, job: Job, trainings: Trainings) -> None:
        self._job = job
        self._trainings = trainings
        self._definition: Document = job.document["TrainingJobDefinition"]
        configuration = job.document["HyperParameterTuningJobConfig"]
        self._limits = configuration["ResourceLimits"]
        self._criteria = configuration.get("TuningJobCompletionCriteria", {})
        self._objective = Objective.of(job.document)
        ranges = ranges_of(configuration.get("ParameterRanges") or self._definition.get("HyperParameterRanges", {}))
        self._strategy = strategy(configuration["Strategy"], ranges, configuration.get("RandomSeed"))
        self._values: dict[str, Values] = {}
        self._running: set[str] = set()
        self._ended: queue.Queue[str] = queue.Queue()
        self._deadline = time.monotonic() + self._limits.get("MaxRuntimeInSeconds", float("inf"))

    @property
    def metric(self) -> str:
        """The name of the objective metric."""
        return self._objective.metric

    def run(self) -> None:
        """Keep as many training jobs running as may run at once."""
        while True:
            if not self._is_done():
                self._start_what_may_run()
            if not self._running:
                return
            self._take_ended()
            if self._job.is_stopping() or time.monotonic() > self._deadline:
                return

    def stop_running(self) -> None:
        """Stop what still runs, and wait for it."""
        for arn in self._running:
            self._trainings.stop(arn)
        for arn in self._running:
            self._trainings.wait(arn)
        self._running.clear()
        self._job.change(**self.changes())

    def changes(self) -> dict[str, Any]:
        """Counters, the training jobs from best to worst, and the best one."""
        summaries = [self._summary(arn) for arn in self._values]
        statuses = Counter(_counted_status(summary["TrainingJobStatus"]) for summary in summaries)
        objectives = Counter(summary["ObjectiveStatus"] for summary in summaries)
        ranked = sorted(summaries, key=self._rank)
        best = {"BestTrainingJob": ranked[0]} if ranked and ranked[0]["ObjectiveStatus"] == "Succeeded" else {}
        return {
            "TrainingJobStatusCounters": {name: statuses[name] for name in _STATUS_COUNTERS},
            "ObjectiveStatusCounters": {name: objectives[name] for name in _OBJECTIVE_COUNTERS},
            "TrainingJobSummaries": ranked,
            **best,
        }

    def _is_done(self) -> bool:
        limit = self._limits.get("MaxNumberOfTrainingJobs", float("inf"))
        return len(self._values) >= limit or self._job.is_stopping() or self._meets_criteria()

    def _meets_criteria(self) -> bool:
        scores = [trial.score for trial in self._trials() if trial.score is not None]
        if not scores:
            return False
        target = self._criteria.get("TargetObjectiveMetricValue")
        if target is not None and max(scores) >= (target if self._objective.is_maximized else -target):
            return True
        patience = self._criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        return patience is not None and len(scores) - 1 - scores.index(max(scores)) >= patience

    def _start_what_may_run(self) -> None:
        while len(self._running) < self._limits["MaxParallelTrainingJobs"] and not self._is_done():
            values = self._strategy.next_values(self._trials())
            if values is None:
                return
            self._start(values)

    def _start(self, values: Values) -> None:
        definition = with_resource_config(self._definition)
        number = len(self._values) + 1
        request = {
            name: definition[name] for name in definition if name not in _TUNING_ONLY and definition[name] is not None
        }
        request["TrainingJobName"] = f"{self._job.name}-{number:03d}-{secrets.token_hex(4)}"
        request["HyperParameters"] = {**definition.get("StaticHyperParameters", {}), **values}
        request["Tags"] = self._job.document.get("Tags", [])
        arn = self._trainings.create(request)
        self._job.store.update(
            arn,
            lambda document: document.update(
                {"TuningJobArn": self._job.arn, "TunedHyperParameters": values},
            ),
        )
        self._values[arn] = values
        self._running.add(arn)
        threading.Thread(target=self._announce_end, args=(arn,), daemon=True).start()
        self._job.change(**self.changes())

    def _announce_end(self, arn: str) -> None:
        self._trainings.wait(arn)
        self._ended.put(arn)

    def _take_ended(self) -> None:
        try:
            self._running.discard(self._ended.get(timeout=_POLL_SECONDS))
        except queue.Empty:
            return
        self._job.change(**self.changes())

    def _trials(self) -> list[Trial]:
        return [Trial(values, self._objective.score(self._training(arn))) for arn, values in self._values.items()]

    def _training(self, arn: str) -> Document:
        return self._job.store.get(arn) or {"TrainingJobStatus": "Failed"}

    def _rank(self, summary: Document) -> float:
        metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
        if metric is None:
            return float("inf")
        value: float = metric["Value"]
        return -value if self._objective.is_maximized else value

    def _summary(self, arn: str) -> Document:
        return training_summary(self._training(arn), self._objective, self._job.name)


def training_summary(training: Document, objective: Objective, tuning_job_name: str) -> Document:
    """A training job as a tuning job's lists show it."""
    value = objective.value(training)
    direction = "Maximize" if objective.is_maximized else "Minimize"
    has_ended = training["TrainingJobStatus"] not in ("InProgress", "Stopping")
    without_value = "Failed" if has_ended else "Pending"
    shown = (
        "TrainingJobName",
        "TrainingJobArn",
        "CreationTime",
        "TrainingStartTime",
        "TrainingEndTime",
        "TrainingJobStatus",
        "TunedHyperParameters",
        "FailureReason",
    )
    metric = {"Type": direction, "MetricName": objective.metric, "Value": value}
    return {
        **{name: training[name] for name in shown if name in training},
        "TuningJobName": tuning_job_name,
        "ObjectiveStatus": without_value if value is None else "Succeeded",
        **({} if value is None else {"FinalHyperParameterTuningJobObjectiveMetric": metric}),
    }


def _counted_status(status: str) -> str:
    return {"Stopping": "InProgress", "Failed": "NonRetryableError"}.get(status, status)


# Members of a training job definition that are not members of a training job.
_TUNING_ONLY = {
    "DefinitionName",
    "TuningObjective",
    "HyperParameterRanges",
    "StaticHyperParameters",
    "HyperParameterTuningResourceConfig",
}
