"""Topics that tell what became of asynchronous requests."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from constructs import Construct

from mlplatform.project.notifications import topic_policy


def result_topic(scope: Construct, construct_id: str, *, name: str, key_arn: str) -> str:
    """A topic under a key, to which the endpoint's role publishes; returns its ARN. Nobody is subscribed."""
    topic = sns.CfnTopic(scope, construct_id, topic_name=name, kms_master_key_id=key_arn)
    arn: str = topic.ref
    topic_policy(scope, f"{construct_id}Policy", arn=arn)
    return arn
