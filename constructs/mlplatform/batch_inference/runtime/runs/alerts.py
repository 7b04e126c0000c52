"""What people are told of a run: what happened, why, where the log is and what to run next. Pure, but for the publishing."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from attempts.failures import Failure, FailureKind
from runs.settings import Settings
from runs.state import Because, Notice, Subject

SUBJECT_LIMIT = 100  # API reference, SNS Publish.
REASON_LIMIT = 1500
_LOG_GROUPS = {
    "processing-job": "/aws/sagemaker/ProcessingJobs",
    "training-job": "/aws/sagemaker/TrainingJobs",
    "transform-job": "/aws/sagemaker/TransformJobs",
}

_ADVICE = {
    FailureKind.OUT_OF_MEMORY: "Each attempt ran out of memory: allow larger instance types in the instance ladder.",
    FailureKind.NO_CAPACITY: "No instance was to be had: add types of another family to the instance ladder.",
    FailureKind.TIMEOUT: "The job took too long: allow more instances, or a longer run time.",
    FailureKind.DATA_CHECK: "The input is not like what the model was trained on: look at prepare-report/report.json.",
    FailureKind.NO_MODEL: "Approve a version of the model.",
    FailureKind.EMPTY_INPUT: "Nothing was there to predict for: see why the data did not arrive.",
    FailureKind.INPUT_CHANGED: "In each attempt, versions that the run had listed were deleted: see who deletes them.",
    FailureKind.MODEL_LOAD: "The model version does not load: approve another, or fix how it is saved.",
    FailureKind.SCRIPT: "The code of a step failed: see its log.",
}


@dataclass(frozen=True)
class Alert:
    """One message, before it is put into the words of a protocol."""

    title: str
    lines: tuple[str, ...]
    log_url: str | None
    commands: tuple[str, ...]


def alert_of(notice: Notice, settings: Settings) -> Alert:
    """What to tell of a notice."""
    lines = [_what(notice, settings)]
    if notice.failure is not None:
        lines.append(f"Why: step {notice.failure.step}: {_short(notice.failure.reason)}")
        lines += [_ADVICE[notice.failure.kind]] if _is_advised(notice, notice.failure) else []
    return Alert(
        title=f"{settings.pipeline_name}: {_HEADLINES[notice.subject].format(run=notice.run_id)}",
        lines=tuple(lines),
        log_url=log_url(notice, settings),
        commands=tuple(_commands(notice, settings)),
    )


_HEADLINES = {
    Subject.PUBLISHED: "run {run} is published",
    Subject.FAILED: "run {run} failed",
    Subject.STOPPED: "run {run} was stopped",
    Subject.WARNING: "run {run} is published, with a warning",
    Subject.LATE: "run {run} will be late",
    Subject.UNMEASURED: "the quality of past predictions could not be measured",
}


def _is_advised(notice: Notice, failure: Failure) -> bool:
    """The advice is about the machines and the input of runs."""
    return failure.kind in _ADVICE and notice.subject is not Subject.UNMEASURED


def log_url(notice: Notice, settings: Settings) -> str | None:
    """The console's link to the log of what failed: of a job's own streams, or of a function; None if nothing ran."""
    if notice.failure is None or notice.failure.job_arn is None:
        return None
    resource = notice.failure.job_arn.split(":", 5)[5]
    kind, _, name = resource.partition("/") if "/" in resource else resource.partition(":")
    group = f"/aws/lambda/{name}" if kind == "function" else _LOG_GROUPS.get(kind)
    if group is None:
        return None
    console = f"https://{settings.region}.console.aws.amazon.com/cloudwatch/home?region={settings.region}"
    streams = "" if kind == "function" else f"$3FlogStreamNameFilter$3D{_console(f'{name}/')}"
    return f"{console}#logsV2:log-groups/log-group/{_console(group)}{streams}"


def publish(sns: Any, notice: Notice, settings: Settings) -> None:
    """Publish a notice to the project's topic: as a custom notification for chat, as text for e-mail."""
    alert = alert_of(notice, settings)
    message = {"default": json.dumps(chat(alert, notice, settings)), "email": text(alert)}
    sns.publish(
        TopicArn=settings.topic_arn,
        Subject=alert.title[:SUBJECT_LIMIT],
        MessageStructure="json",
        Message=json.dumps(message),
    )


def chat(alert: Alert, notice: Notice, settings: Settings) -> dict[str, Any]:
    """Amazon Q Developer in chat applications shows only this schema (its administrator guide, "Custom notifications")."""
    logs = [f"<{alert.log_url}|Log of {notice.failure.step}>"] if alert.log_url and notice.failure else []
    return {
        "version": "1.0",
        "source": "custom",
        "id": notice.notice_id,
        "content": {
            "textType": "client-markdown",
            "title": alert.title,
            "description": "\n".join(alert.lines),
            "nextSteps": [*logs, *(f"`{command}`" for command in alert.commands)],
            "keywords": [settings.pipeline_name, notice.subject.value],
        },
        "metadata": {
            "threadId": f"{settings.pipeline_name}/{notice.run_id}",
            "summary": alert.title,
            "eventType": f"batch-inference-{notice.subject.value}",
            "relatedResources": [arn for arn in (settings.pipeline_arn, notice.execution_arn) if arn],
        },
    }


def text(alert: Alert) -> str:
    """For e-mail."""
    logs = [f"Log: {alert.log_url}"] if alert.log_url else []
    commands = ["Run next:", *(f"  {command}" for command in alert.commands)] if alert.commands else []
    return "\n".join([alert.title, "", *alert.lines, *logs, *([""] if commands else []), *commands, ""])


def _what(notice: Notice, settings: Settings) -> str:
    moment = _moment(notice.scheduled_at)
    if notice.subject is Subject.LATE and notice.forecast_at and notice.deadline_at:
        return (
            f"The run for {moment} is forecast to end at {_moment(notice.forecast_at)}; "
            f"it has to be done by {_moment(notice.deadline_at)}."
        )
    if notice.subject is Subject.UNMEASURED:
        return (
            f"Execution {notice.run_id} of {_pipeline_of(notice)} failed at {moment}; what is published stays, and nobody knows "
            "how good it is."
        )
    if notice.subject is Subject.WARNING:
        return f"The output of the run for {moment} is published; somebody should know what follows."
    if notice.subject is Subject.STOPPED:
        return f"The run for {moment} was stopped in attempt {notice.attempts}; nothing is published for it."
    tries = "1 attempt" if notice.attempts == 1 else f"{notice.attempts} attempts"
    return (
        f"The run for {moment} failed after {tries}; nothing is published for it, and readers still see the run before."
    )


def _commands(notice: Notice, settings: Settings) -> list[str]:
    if notice.execution_arn is None:
        watch = []
    elif notice.failure is None:
        watch = [f"mlp watch {notice.execution_arn}"]
    else:
        watch = [f"mlp logs {notice.execution_arn} {notice.failure.step}"]
    if notice.subject is Subject.UNMEASURED:
        return [*watch, f"mlp run {_pipeline_of(notice)}"]
    if notice.subject in (Subject.LATE, Subject.WARNING, Subject.PUBLISHED):
        return watch
    if notice.failure is not None and notice.failure.kind is FailureKind.NO_MODEL:
        watch = [f"mlp approve {settings.model_package_group_name}"]
    if notice.because not in (Because.SCHEDULE, Because.BACKFILL):
        return [*watch, f"mlp run {settings.pipeline_name}"]
    moment = notice.scheduled_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [*watch, f"mlp backfill {settings.pipeline_name} --from {moment} --to {moment}"]


def _pipeline_of(notice: Notice) -> str:
    """The name of the pipeline of which an execution is told."""
    return str(notice.execution_arn).partition(":pipeline/")[2].partition("/")[0]


def _short(reason: str) -> str:
    return reason if len(reason) <= REASON_LIMIT else f"{reason[:REASON_LIMIT]}..."


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _console(part: str) -> str:
    """The console quotes twice, with $ in the place of %."""
    return quote(quote(part, safe=""), safe="").replace("%", "$")
