"""The project's notifications: one encrypted topic, to which its owner is subscribed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_sns as sns
from constructs import Construct

PUBLISHERS = ("budgets.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com")
"""The services that report on a project; the key's policy lets them encrypt."""


def notification_topic(
    scope: Construct, construct_id: str, *, account: str, owner: str, key_arn: str, name: str
) -> str:
    """Create the topic, and mail what it gets to `owner`, who confirms the subscription once; returns the topic's ARN."""
    topic = sns.CfnTopic(
        scope,
        construct_id,
        display_name=f"ML project {name}",
        kms_master_key_id=key_arn,
        subscription=[{"protocol": "email", "endpoint": owner}],
    )
    arn: str = topic.ref
    publish: dict[str, object] = {
        "Sid": "ServicesReport",
        "Effect": "Allow",
        "Principal": {"Service": list(PUBLISHERS)},
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    topic_policy(scope, f"{construct_id}Policy", arn=arn, statements=[publish])
    return arn


def topic_policy(
    scope: Construct, construct_id: str, *, arn: str, statements: Sequence[Mapping[str, object]] = ()
) -> None:
    """Let a topic take messages with TLS only, and what `statements` say."""
    tls_only: Mapping[str, object] = {
        "Sid": "DenyWithoutTls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    sns.CfnTopicPolicy(
        scope,
        construct_id,
        topics=[arn],
        policy_document={"Version": "2012-10-17", "Statement": [tls_only, *statements]},
    )
