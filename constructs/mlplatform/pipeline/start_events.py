"""What a pipeline can start on, besides a schedule: data that arrives, an alarm that is raised, another pipeline's success."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlplatform.naming import is_token
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import MlProject

_ALARM_ARN = re.compile(r"arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.+")
_PIPELINE_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}")  # API reference, CreatePipeline, PipelineName.
_DAY_MINUTES = 24 * 60
# An event that comes while a planned start fires comes again after one and three minutes (`plan_start`): by then the next
# start must not be firing.
_SHORTEST_COOL_DOWN_MINUTES = 5
_YEAR_MINUTES = 365 * _DAY_MINUTES  # EventBridge Scheduler plans a start at most a year ahead.

EventPattern = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class NewData:
    """Objects that arrive under a prefix of the project's data bucket.

    The first one plans a start, `settle_minutes` later, so that files which arrive together are read together. S3's
    events cost 1 USD per million (Amazon EventBridge pricing, opt-in events).
    """

    prefix: str
    settle_minutes: int = 15

    def pattern(self, project: MlProject) -> EventPattern:
        """The events of EventBridge that it stands for (Amazon S3 user guide, "Using EventBridge")."""
        return {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [project.data_bucket_name]}, "object": {"key": [{"prefix": self.prefix}]}},
        }

    def problems(self) -> Iterator[str]:
        """A sentence for each thing that is wrong with it."""
        if not self.prefix or self.prefix.startswith(("/", "s3://")):
            yield f"NewData has prefix {self.prefix!r}; use a prefix of the data bucket, such as 'sales/daily/'"
        yield from _settling_problems(self)


@dataclass(frozen=True, kw_only=True)
class AlarmRaised:
    """A CloudWatch alarm that goes to `ALARM`, such as one on the drift of the input or on a model's error.

    The alarm may be of another stack; it must be in the project's account and region. The pipeline starts at once,
    unless it is cooling down.
    """

    alarm_arn: str
    settle_minutes: int = 0

    def pattern(self, project: MlProject) -> EventPattern:
        """The events of EventBridge that it stands for (CloudWatch user guide, "Alarm events and EventBridge")."""
        return {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "resources": [self.alarm_arn],
            "detail": {"state": {"value": ["ALARM"]}},
        }

    def problems(self) -> Iterator[str]:
        """A sentence for each thing that is wrong with it."""
        if not is_token(self.alarm_arn) and not _ALARM_ARN.fullmatch(self.alarm_arn):
            yield f"AlarmRaised has alarm_arn {self.alarm_arn!r}; use the ARN of a CloudWatch alarm"
        yield from _settling_problems(self)


@dataclass(frozen=True, kw_only=True)
class PipelineSucceeded:
    """An execution of another pipeline of the account that ends as `Succeeded`, such as the one that makes the input.

    `pipeline_name` is its name; a construct's is `construct.pipeline.definition.name`.
    """

    pipeline_name: str
    settle_minutes: int = 0

    def pattern(self, project: MlProject) -> EventPattern:
        """The events of EventBridge that it stands for (SageMaker AI developer guide, "Automating with EventBridge")."""
        scope = f"{project.partition}:sagemaker:{project.region}:{project.account}"
        return {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
            "detail": {
                "pipelineArn": [f"arn:{scope}:pipeline/{self.pipeline_name}"],
                "currentPipelineExecutionStatus": ["Succeeded"],
            },
        }

    def problems(self) -> Iterator[str]:
        """A sentence for each thing that is wrong with it."""
        if not is_token(self.pipeline_name) and not _PIPELINE_NAME.fullmatch(self.pipeline_name):
            yield f"PipelineSucceeded has pipeline_name {self.pipeline_name!r}; use the name of a SageMaker pipeline"
        yield from _settling_problems(self)


StartEvent = NewData | AlarmRaised | PipelineSucceeded


@dataclass(frozen=True, kw_only=True)
class StartOn:
    """Events that start a pipeline, at most once in `cool_down_minutes`, however it was started last.

    A flapping alarm does not train in a loop, and a thousand files make one start. Events during a cool-down are not
    lost: the pipeline starts at its end. A day when not given.

    Raises `InvalidPropsError` with every mistake in it and in its events.
    """

    events: Sequence[StartEvent]
    cool_down_minutes: int = _DAY_MINUTES

    def __post_init__(self) -> None:
        problems = [problem for event in self.events for problem in event.problems()]
        if not self.events:
            problems.append("there are no events; give some, such as NewData(prefix='sales/'), or leave StartOn out")
        if not _SHORTEST_COOL_DOWN_MINUTES <= self.cool_down_minutes <= _YEAR_MINUTES:
            shortest = _SHORTEST_COOL_DOWN_MINUTES
            problems.append(f"cool_down_minutes is {self.cool_down_minutes}; use {shortest} to {_YEAR_MINUTES}")
        raise_if_any("StartOn", problems)


def _settling_problems(event: StartEvent) -> Iterator[str]:
    if not 0 <= event.settle_minutes <= _DAY_MINUTES:
        yield f"{type(event).__name__} has settle_minutes {event.settle_minutes}; use 0 to {_DAY_MINUTES}"
