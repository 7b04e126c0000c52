"""How a function hears that executions of pipelines have ended."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from mlplatform.pipeline.functions import RuntimeFunction


def hear_of_ends(
    scope: Construct, function: RuntimeFunction, *, pipeline_arns: Sequence[str], description: str
) -> None:
    """Call the function with each end of an execution of these pipelines: at least once, and in any order."""
    rule = events.CfnRule(
        scope,
        "Ends",
        description=description,
        event_pattern={
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
            "detail": {
                "pipelineArn": list(pipeline_arns),
                "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped", "CompletedWithFailures"],
            },
        },
        targets=[{"id": "Controller", "arn": function.function_arn}],
    )
    lambda_.CfnPermission(
        scope,
        "HearOfEnds",
        action="lambda:InvokeFunction",
        function_name=function.resource.ref,
        principal="events.amazonaws.com",
        source_arn=rule.attr_arn,
    )
