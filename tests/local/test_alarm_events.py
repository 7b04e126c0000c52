"""CloudWatch tells EventBridge when an alarm changes its state, as AWS does by itself."""

from __future__ import annotations

import json

from tests.local.workbench import Workbench


def test_an_alarm_that_changes_its_state_is_an_event(workbench: Workbench) -> None:
    cloudwatch, events, sqs = (workbench.engine.client(name) for name in ("cloudwatch", "events", "sqs"))
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    workbench.put_alarm("drift")
    arn = cloudwatch.describe_alarms(AlarmNames=["drift"])["MetricAlarms"][0]["AlarmArn"]
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [arn],
        "detail": {"state": {"value": ["ALARM"]}},
    }
    events.put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarms", Targets=[{"Id": "queue", "Arn": queue_arn}])

    cloudwatch.put_metric_data(Namespace="drift", MetricData=[{"MetricName": "drift", "Value": 0.5}])
    cloudwatch.set_alarm_state(AlarmName="drift", StateValue="OK", StateReason="looked at")
    cloudwatch.set_alarm_state(AlarmName="drift", StateValue="ALARM", StateReason="by hand")

    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    details = [json.loads(message["Body"])["detail"] for message in received]
    states = sorted((detail["previousState"]["value"], detail["state"]["value"]) for detail in details)
    events.remove_targets(Rule="alarms", Ids=["queue"])
    events.delete_rule(Name="alarms")
    cloudwatch.delete_alarms(AlarmNames=["drift"])
    assert states == [("INSUFFICIENT_DATA", "ALARM"), ("OK", "ALARM")]
