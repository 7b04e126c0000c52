"""When somebody has to look at a pipeline's runs, and what to do then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlplatform.batch_inference import run_metrics
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import MlProject

MODERATE_DRIFT, STRONG_DRIFT = 0.1, 0.25
"""Of the population stability index, by convention: below the first a column is stable, above the second it has moved."""
_DEFAULT_GRACE_SHARE = 0.25
_MIN_GRACE_SECONDS = 3600
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class DriftLimits:
    """Above which population stability index an alarm is raised: of the input's features, and of the predictions.

    Without limits, 0.25, which by convention is "has moved" (Siddiqi, "Credit Risk Scorecards", 2006). None: no alarm.
    """

    inputs: float | None = STRONG_DRIFT
    predictions: float | None = STRONG_DRIFT

    def problems(self) -> Iterator[str]:
        """A sentence for each limit that cannot be one."""
        for name, value in (("inputs", self.inputs), ("predictions", self.predictions)):
            if value is not None and value <= 0:
                yield f"drift limit of {name} is {value}; use a positive index, such as {STRONG_DRIFT}, or None for no alarm"


class RunAlarms(Construct):
    """Alarms on the runs of one pipeline.

    What the controller itself tells the project's topic, with the reason (`RunFailed`, `ForecastLate`), has no action of its
    own, so that nobody is told twice; the others tell the topic.

    - `OutputOverdue`: the newest output is older than it may be. A dead man's switch: missing data counts as overdue, so
      that it fires as well when the schedule, the controller or its permissions are gone. Only with
      `expected_interval_seconds`.
    - `RunFailed`: a run has given up.
    - `ForecastLate`: a run at work is forecast to miss its deadline. Only with `has_deadline`.
    - `InputDrift`, `PredictionDrift`: a run's data has moved.

    Each description says what it means and what to run next; that of `OutputOverdue` links the controller's log, too. Five
    alarms cost 0.50 USD a month (Amazon CloudWatch pricing).

    Parameters:
        scope: usually the pipeline's construct.
        construct_id: id within `scope`.
        project: whose topic is told.
        pipeline_name: whose runs they are.
        expected_interval_seconds: the longest time between two runs; None when nothing starts the pipeline regularly.
        grace_seconds: how much longer until the output is overdue: time for the run itself and its retries. A quarter of
            the interval, and an hour at least, when not given.
        has_deadline: whether runs have a deadline.
        drift: limits of drift; the conventional ones when not given.

    Raises `InvalidPropsError` with every limit that cannot be one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        pipeline_name: str,
        expected_interval_seconds: int | None,
        grace_seconds: int | None = None,
        has_deadline: bool = False,
        drift: DriftLimits | None = None,
    ) -> None:
        limits = DriftLimits() if drift is None else drift
        problems = [*limits.problems(), *_interval_problems(expected_interval_seconds, grace_seconds)]
        raise_if_any(f"alarms of pipeline '{pipeline_name}'", problems)
        super().__init__(scope, construct_id)
        self._project, self._pipeline = project, pipeline_name
        self.alarms: list[cloudwatch.CfnAlarm] = []
        """All of them, in the order of the list above."""
        if expected_interval_seconds is not None:
            grace = default_grace_seconds(expected_interval_seconds) if grace_seconds is None else grace_seconds
            self._output_overdue(expected_interval_seconds, grace)
        self._run_failed()
        if has_deadline:
            self._forecast_late()
        for metric, limit, what in (
            (run_metrics.INPUT_DRIFT, limits.inputs, "input"),
            (run_metrics.PREDICTION_DRIFT, limits.predictions, "predictions"),
        ):
            if limit is not None:
                self._drift(metric, limit, what)

    @property
    def alarm_arns(self) -> list[str]:
        """Their ARNs, for a dashboard or a composite alarm."""
        return [alarm.attr_arn for alarm in self.alarms]

    def alarm_arn(self, metric_name: str) -> str | None:
        """The ARN of the alarm on a metric of `run_metrics`, such as to start a training pipeline with; None without one."""
        return next((alarm.attr_arn for alarm in self.alarms if alarm.metric_name == metric_name), None)

    def _output_overdue(self, interval_seconds: int, grace_seconds: int) -> None:
        limit = interval_seconds + grace_seconds
        self._alarm(
            "OutputOverdue",
            metric=run_metrics.OUTPUT_AGE_SECONDS,
            threshold=limit,
            period_seconds=run_metrics.TICK_SECONDS,
            periods=3,
            missing="breaching",
            description=(
                f"{self._pipeline} has published nothing for {_duration(limit)}, or nobody is there to say: runs are due every "
                f"{_duration(interval_seconds)}, with {_duration(grace_seconds)} to spare. If data is missing, the controller, its "
                f"schedule or its permissions are gone: deploy the project again. Log: {self._log_url()} Run next: mlp watch "
                f"{self._pipeline}, then mlp backfill {self._pipeline} --from <first day without output> --to <today>"
            ),
        )

    def _run_failed(self) -> None:
        self._alarm(
            "RunFailed",
            metric=run_metrics.FAILED_RUNS,
            threshold=0,
            period_seconds=run_metrics.TICK_SECONDS,
            statistic="Sum",
            missing="notBreaching",
            told_by_controller=True,
            description=(
                f"A run of {self._pipeline} failed after its last attempt; readers still see the run before. The message with "
                f"the reason came to this topic, too. Run next: mlp logs {self._pipeline}, then mlp run {self._pipeline}"
            ),
        )

    def _forecast_late(self) -> None:
        self._alarm(
            "ForecastLate",
            metric=run_metrics.FORECAST_LATE_SECONDS,
            threshold=0,
            period_seconds=run_metrics.TICK_SECONDS,
            periods=2,
            missing="notBreaching",
            told_by_controller=True,
            description=(
                f"The run of {self._pipeline} that is at work is forecast to miss its deadline. Run next: mlp watch "
                f"{self._pipeline}; to be faster tomorrow, allow more instances in its ladder"
            ),
        )

    def _drift(self, metric: str, limit: float, what: str) -> None:
        self._alarm(
            metric,
            metric=metric,
            threshold=limit,
            period_seconds=_DAY_SECONDS,
            missing="ignore",
            description=(
                f"The {what} of {self._pipeline} moved: a population stability index is over {limit}. The run is published. "
                f"publish/report.json of its working files names the columns. Run next: mlp run {self._project.name}-training, if "
                "the change is there to stay"
            ),
        )

    def _log_url(self) -> str:
        """The console's link to the log of the function that starts runs. The console quotes twice, with $ in the place of %."""
        region = self._project.region
        group = f"/aws/lambda/{self._pipeline}-controller".replace("/", "$252F")
        console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        return f"{console}#logsV2:log-groups/log-group/{group}"

    def _alarm(
        self,
        construct_id: str,
        *,
        metric: str,
        threshold: float,
        period_seconds: int,
        missing: str,
        description: str,
        periods: int = 1,
        statistic: str = "Maximum",
        told_by_controller: bool = False,
    ) -> None:
        topic = [self._project.topic_arn]
        self.alarms.append(
            cloudwatch.CfnAlarm(
                self,
                construct_id,
                alarm_name=f"{self._pipeline}/{construct_id}",
                alarm_description=description,
                namespace=run_metrics.NAMESPACE,
                metric_name=metric,
                dimensions=[{"name": run_metrics.DIMENSION, "value": self._pipeline}],
                statistic=statistic,
                period=period_seconds,
                evaluation_periods=periods,
                datapoints_to_alarm=periods,
                threshold=threshold,
                comparison_operator="GreaterThanThreshold",
                treat_missing_data=missing,
                alarm_actions=None if told_by_controller else topic,
                ok_actions=topic if missing == "breaching" else None,
            )
        )


def default_grace_seconds(interval_seconds: int) -> int:
    """How long after its interval an output is overdue, unless it is said."""
    return max(_MIN_GRACE_SECONDS, round(interval_seconds * _DEFAULT_GRACE_SHARE))


def _interval_problems(interval_seconds: int | None, grace_seconds: int | None) -> Iterator[str]:
    if interval_seconds is not None and interval_seconds < 1:
        yield f"expected_interval_seconds is {interval_seconds}; use the seconds between two runs, or None"
    if grace_seconds is not None and grace_seconds < 0:
        yield f"grace_seconds is {grace_seconds}; use 0 or more"


def _duration(seconds: int) -> str:
    for unit, length in (("day", _DAY_SECONDS), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = round(seconds / length, 1)
            return f"{number:g} {unit}{'' if number == 1 else 's'}"
    return f"{seconds} seconds"
