"""Alarms on the queues of the experiment store: what was given up, and what waits too long."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlplatform.experiment_store.work_queues import WorkQueue

_HOUR_SECONDS = 3600
_PERIOD_SECONDS = 300


def work_alarms(scope: Construct, work: WorkQueue, *, store: str, topic_arn: str | None) -> None:
    """An alarm when the queue gave up a message, and one when its oldest has waited for an hour. `topic_arn` is told of both."""
    told = None if topic_arn is None else [topic_arn]
    what = work.construct_id
    watched = (
        (
            "GivenUp",
            work.dead_letters.attr_queue_name,
            "ApproximateNumberOfMessagesVisible",
            0,
            f"{store} gave up a message of the queue {what}: it is in the dead-letter queue for 14 days. Look into the log of the "
            "function, then move the messages back (SQS, Start DLQ redrive): doing them again changes nothing that is done",
        ),
        (
            "Waiting",
            work.queue.attr_queue_name,
            "ApproximateAgeOfOldestMessage",
            _HOUR_SECONDS,
            f"A message of the queue {what} of {store} has waited for an hour. Look into the log of the function: it fails, "
            "or is throttled",
        ),
    )
    for suffix, queue_name, metric, threshold, description in watched:
        cloudwatch.CfnAlarm(
            scope,
            f"{what}{suffix}",
            alarm_name=f"{store}/{what}{suffix}",
            alarm_description=description,
            namespace="AWS/SQS",
            metric_name=metric,
            dimensions=[{"name": "QueueName", "value": queue_name}],
            statistic="Maximum",
            period=_PERIOD_SECONDS,
            evaluation_periods=1,
            threshold=threshold,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=told,
            ok_actions=told,
        )
