"""What people read when something is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from attempts.failures import Failure, FailureKind
from runs import alerts
from runs.state import Because, Notice, Subject
from tests.unit.batch_inference.runs.world import PIPELINE_ARN, SETTINGS

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
EXECUTION = f"{PIPELINE_ARN}/execution/abc123"
JOB = "arn:aws:sagemaker:us-east-1:123456789012:processing-job/pipelines-abc123-score-x"
FAILED = Notice(
    notice_id="2026-11-24T080000Z/3/failed",
    subject=Subject.FAILED,
    run_id="2026-11-24T080000Z",
    scheduled_at=NOW,
    because=Because.SCHEDULE,
    at=NOW,
    attempts=4,
    execution_arn=EXECUTION,
    failure=Failure(FailureKind.OUT_OF_MEMORY, "Score", "ClientError: Please use more", JOB),
)


class Topic:
    """The messages of a topic."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def publish(self, **message: Any) -> None:
        self.messages.append(message)


def test_the_mail_says_what_failed_why_where_the_log_is_and_what_to_run_next() -> None:
    assert alerts.text(alerts.alert_of(FAILED, SETTINGS)) == (
        "demo-weekly: run 2026-11-24T080000Z failed\n"
        "\n"
        "The run for 2026-11-24 08:00 UTC failed after 4 attempts; nothing is published for it, and readers still see "
        "the run before.\n"
        "Why: step Score: ClientError: Please use more\n"
        "Each attempt ran out of memory: allow larger instance types in the instance ladder.\n"
        "Log: https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/"
        "$252Faws$252Fsagemaker$252FProcessingJobs"
        "$3FlogStreamNameFilter$3Dpipelines-abc123-score-x$252F\n"
        "\n"
        "Run next:\n"
        f"  mlp logs {EXECUTION} Score\n"
        "  mlp backfill demo-weekly --from 2026-11-24T08:00:00Z --to 2026-11-24T08:00:00Z\n"
    )


def test_of_a_measurement_that_failed_the_mail_says_what_it_changes_and_how_to_measure_again() -> None:
    arn = f"{PIPELINE_ARN}-quality/execution/m1"
    failure = Failure(FailureKind.SCRIPT, "MeasureQuality", "AlgorithmError: column 'sold' is missing", JOB)
    notice = replace(FAILED, subject=Subject.UNMEASURED, run_id="m1", execution_arn=arn, failure=failure)
    lines = alerts.text(alerts.alert_of(notice, SETTINGS)).splitlines()
    assert lines[2:4] == [
        "Execution m1 of demo-weekly-quality failed at 2026-11-24 08:00 UTC; what is published stays, and nobody knows how good "
        "it is.",
        "Why: step MeasureQuality: AlgorithmError: column 'sold' is missing",
    ]
    assert lines[-2:] == [f"  mlp logs {arn} MeasureQuality", "  mlp run demo-weekly-quality"]


def test_chat_gets_the_schema_of_custom_notifications() -> None:
    topic = Topic()
    alerts.publish(topic, FAILED, SETTINGS)
    (message,) = topic.messages
    assert (message["TopicArn"], message["MessageStructure"]) == (SETTINGS.topic_arn, "json")
    assert message["Subject"] == "demo-weekly: run 2026-11-24T080000Z failed"
    by_protocol = json.loads(message["Message"])
    assert sorted(by_protocol) == ["default", "email"]
    chat = json.loads(by_protocol["default"])
    assert (chat["version"], chat["source"], chat["id"]) == ("1.0", "custom", FAILED.notice_id)
    assert chat["content"]["textType"] == "client-markdown"
    assert chat["content"]["nextSteps"][0].endswith("|Log of Score>")
    assert chat["content"]["nextSteps"][1] == f"`mlp logs {EXECUTION} Score`"
    assert chat["metadata"]["relatedResources"] == [PIPELINE_ARN, EXECUTION]


def test_the_log_of_a_function_is_its_own_group() -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:demo-weekly-begin-run"
    notice = replace(FAILED, failure=Failure(FailureKind.NO_MODEL, "BeginRun", "NoApprovedModel: none", function))
    assert (alerts.log_url(notice, SETTINGS) or "").endswith("log-group/$252Faws$252Flambda$252Fdemo-weekly-begin-run")
    assert alerts.alert_of(notice, SETTINGS).commands[0] == "mlp approve demo"


def test_without_a_job_there_is_no_log() -> None:
    notice = replace(FAILED, failure=Failure(FailureKind.INTERNAL, "the pipeline", "no reason"))
    assert alerts.log_url(notice, SETTINGS) is None


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Subject.LATE, "is forecast to end at 2026-11-24 09:00 UTC; it has to be done by 2026-11-24 08:30 UTC."),
        (
            Subject.WARNING,
            "The output of the run for 2026-11-24 08:00 UTC is published; somebody should know what follows.",
        ),
        (Subject.STOPPED, "was stopped in attempt 4; nothing is published for it."),
    ],
)
def test_every_subject_has_its_words(subject: Subject, words: str) -> None:
    notice = replace(FAILED, subject=subject, forecast_at=NOW.replace(hour=9), deadline_at=NOW.replace(minute=30))
    assert words in alerts.text(alerts.alert_of(notice, SETTINGS))


def test_a_run_that_no_schedule_made_is_started_again_as_it_was() -> None:
    notice = replace(FAILED, because=Because.MANUAL)
    assert alerts.alert_of(notice, SETTINGS).commands[-1] == "mlp run demo-weekly"
