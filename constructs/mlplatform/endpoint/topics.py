"""Topics that tell what became of asynchronous requests."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from constructs import Construct


def result_topic(scope: Construct, construct_id: str, *, name: str, key_arn: str) -> str:
    """A topic under a key, to which the endpoint's role publishes; returns its ARN. Nobody is subscribed."""
    topic = sns.CfnTopic(scope, construct_id, topic_name=name, kms_master_key_id=key_arn)
    arn: str = topic.ref
    tls_only = {
        "Sid": "DenyWithoutTls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    sns.CfnTopicPolicy(
        scope,
        f"{construct_id}Policy",
        topics=[arn],
        policy_document={"Version": "2012-10-17", "Statement": [tls_only]},
    )
    return arn
