"""The objective of a tuning job, and a training job as the tuning job's lists show it."""

from __future__ import annotations

from dataclasses import dataclass

from mllocal.sagemaker.store import Document

_SHOWN = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "TunedHyperParameters",
    "FailureReason",
)


@dataclass(frozen=True)
class Objective:
    """The metric to tune for."""

    metric: str
    is_maximized: bool

    @classmethod
    def of(cls, configuration: Document, definition: Document) -> Objective:
        """From the job's configuration, or from a training job definition of its own."""
        given = configuration.get("HyperParameterTuningJobObjective") or definition["TuningObjective"]
        return cls(given["MetricName"], given["Type"] == "Maximize")

    def value(self, training: Document) -> float | None:
        """What a training job that ended reported last, one that was stopped early included; None when it did not."""
        if training["TrainingJobStatus"] not in ("Completed", "Stopped"):
            return None
        metrics = {item["MetricName"]: item["Value"] for item in training.get("FinalMetricDataList", [])}
        return metrics.get(self.metric)

    def score(self, value: float) -> float:
        """A value of the metric as a number that is larger for better ones."""
        return value if self.is_maximized else -value

    def score_of(self, training: Document) -> float | None:
        """The score of a training job; None without a value."""
        value = self.value(training)
        return None if value is None else self.score(value)

    def summary(self, training: Document, tuning_job_name: str) -> Document:
        """A training job as a tuning job's lists show it."""
        value = self.value(training)
        has_ended = training["TrainingJobStatus"] not in ("InProgress", "Stopping")
        without_value = "Failed" if has_ended else "Pending"
        metric = {
            "Type": "Maximize" if self.is_maximized else "Minimize",
            "MetricName": self.metric,
            "Value": value,
        }
        return {
            **{name: training[name] for name in _SHOWN if name in training},
            "TuningJobName": tuning_job_name,
            "ObjectiveStatus": without_value if value is None else "Succeeded",
            **({} if value is None else {"FinalHyperParameterTuningJobObjectiveMetric": metric}),
        }


def rank(summary: Document) -> float:
    """What training jobs are sorted by, the best first and those without a value last."""
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
    if metric is None:
        return float("inf")
    value: float = metric["Value"]
    return -value if metric["Type"] == "Maximize" else value
