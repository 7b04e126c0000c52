"""What is asked of every resource of a project: for each kind and verb, the action that stands for it."""

from __future__ import annotations

from typing import NamedTuple

VERBS = ("read", "write", "delete", "start", "stop", "pass")


class Ask(NamedTuple):
    """A kind of resource, a verb, and the action that stands for it."""

    kind: str
    verb: str
    action: str


_ASKS = (
    ("key", "read", "kms:Decrypt"),
    ("key", "write", "kms:GenerateDataKey"),
    ("key", "delete", "kms:ScheduleKeyDeletion"),
    *(
        ask
        for kind in ("data", "artifacts", "output", "access logs")
        for ask in (
            (f"{kind} bucket", "read", "s3:ListBucket"),
            (f"{kind} bucket", "write", "s3:PutBucketPolicy"),
            (f"{kind} bucket", "delete", "s3:DeleteBucket"),
            (f"{kind} objects", "read", "s3:GetObject"),
            (f"{kind} objects", "write", "s3:PutObject"),
            (f"{kind} objects", "delete", "s3:DeleteObject"),
        )
    ),
    ("topic", "read", "sns:Subscribe"),
    ("topic", "write", "sns:Publish"),
    ("topic", "delete", "sns:DeleteTopic"),
    ("repository", "read", "ecr:BatchGetImage"),
    ("repository", "write", "ecr:PutImage"),
    ("repository", "delete", "ecr:BatchDeleteImage"),
    ("model package group", "read", "sagemaker:DescribeModelPackageGroup"),
    ("model package group", "write", "sagemaker:CreateModelPackage"),
    ("model package group", "delete", "sagemaker:DeleteModelPackageGroup"),
    ("model version", "read", "sagemaker:DescribeModelPackage"),
    ("model version", "write", "sagemaker:UpdateModelPackage"),
    ("model version", "delete", "sagemaker:DeleteModelPackage"),
    ("pipeline", "read", "sagemaker:DescribePipeline"),
    ("pipeline", "write", "sagemaker:UpdatePipeline"),
    ("pipeline", "delete", "sagemaker:DeletePipeline"),
    ("pipeline", "start", "sagemaker:StartPipelineExecution"),
    ("pipeline execution", "read", "sagemaker:DescribePipelineExecution"),
    ("pipeline execution", "stop", "sagemaker:StopPipelineExecution"),
    *(
        ask
        for kind, action in (
            ("processing", "ProcessingJob"),
            ("training", "TrainingJob"),
            ("transform", "TransformJob"),
        )
        for of in ("of pipelines", "of people")
        for ask in (
            (f"{kind} job {of}", "read", f"sagemaker:Describe{action}"),
            (f"{kind} job {of}", "write", "sagemaker:AddTags"),
            (f"{kind} job {of}", "start", f"sagemaker:Create{action}"),
            (f"{kind} job {of}", "stop", f"sagemaker:Stop{action}"),
        )
    ),
    ("tuning job", "start", "sagemaker:CreateHyperParameterTuningJob"),
    ("tuning job", "read", "sagemaker:DescribeHyperParameterTuningJob"),
    ("tuning job", "stop", "sagemaker:StopHyperParameterTuningJob"),
    ("model of pipelines", "read", "sagemaker:DescribeModel"),
    ("model of pipelines", "start", "sagemaker:CreateModel"),
    ("model of pipelines", "delete", "sagemaker:DeleteModel"),
    ("notebook", "start", "sagemaker:CreateNotebookInstance"),
    ("studio app", "start", "sagemaker:CreateApp"),
    ("studio app", "delete", "sagemaker:DeleteApp"),
    ("function", "write", "lambda:UpdateFunctionCode"),
    ("function", "start", "lambda:InvokeFunction"),
    ("function", "delete", "lambda:DeleteFunction"),
    ("planning function", "write", "lambda:UpdateFunctionCode"),
    ("planning function", "start", "lambda:InvokeFunction"),
    ("planning function", "delete", "lambda:DeleteFunction"),
    ("controller", "read", "lambda:GetFunctionConfiguration"),
    ("controller", "write", "lambda:UpdateFunctionCode"),
    ("controller", "start", "lambda:InvokeFunction"),
    ("controller", "delete", "lambda:DeleteFunction"),
    ("schedule", "read", "scheduler:GetSchedule"),
    ("schedule", "write", "scheduler:UpdateSchedule"),
    ("schedule", "delete", "scheduler:DeleteSchedule"),
    ("function log", "read", "logs:FilterLogEvents"),
    ("function log", "write", "logs:PutLogEvents"),
    ("function log", "delete", "logs:DeleteLogGroup"),
    ("job log of people", "read", "logs:GetLogEvents"),
    ("job log of pipelines", "read", "logs:GetLogEvents"),
    ("dead letters", "read", "sqs:ReceiveMessage"),
    ("dead letters", "write", "sqs:SendMessage"),
    ("dead letters", "delete", "sqs:DeleteQueue"),
    ("job role", "read", "iam:GetRole"),
    ("job role", "write", "iam:PutRolePolicy"),
    ("job role", "start", "sts:AssumeRole"),
    ("job role", "pass", "iam:PassRole"),
    ("other role", "read", "iam:GetRole"),
    ("other role", "write", "iam:PutRolePolicy"),
    ("other role", "start", "sts:AssumeRole"),
    ("other role", "pass", "iam:PassRole"),
    ("function role", "read", "iam:GetRole"),
    ("function role", "write", "iam:PutRolePolicy"),
    ("function role", "start", "sts:AssumeRole"),
    ("function role", "pass", "iam:PassRole"),
    *(
        ask
        for kind, invoke in (("endpoint", "InvokeEndpoint"), ("asynchronous endpoint", "InvokeEndpointAsync"))
        for ask in (
            (kind, "read", "sagemaker:DescribeEndpoint"),
            (kind, "write", "sagemaker:UpdateEndpoint"),
            (kind, "delete", "sagemaker:DeleteEndpoint"),
            (kind, "start", f"sagemaker:{invoke}"),
        )
    ),
    ("inference component", "write", "sagemaker:UpdateInferenceComponent"),
    ("inference component", "delete", "sagemaker:DeleteInferenceComponent"),
    ("inference component", "start", "sagemaker:InvokeEndpoint"),
    ("endpoint-config of approvals", "start", "sagemaker:CreateEndpointConfig"),
    ("endpoint-config of approvals", "delete", "sagemaker:DeleteEndpointConfig"),
    ("model of approvals", "start", "sagemaker:CreateModel"),
    ("model of approvals", "delete", "sagemaker:DeleteModel"),
    ("endpoint log", "read", "logs:FilterLogEvents"),
    ("endpoint log", "write", "logs:PutLogEvents"),
    ("endpoint log", "delete", "logs:DeleteLogGroup"),
    ("access log", "read", "logs:FilterLogEvents"),
    ("endpoint function", "write", "lambda:UpdateFunctionCode"),
    ("endpoint function", "start", "lambda:InvokeFunction"),
    ("endpoint function", "delete", "lambda:DeleteFunction"),
    ("prediction stream", "write", "firehose:PutRecord"),
    ("prediction stream", "delete", "firehose:DeleteDeliveryStream"),
    ("workgroup", "read", "athena:GetWorkGroup"),
    ("workgroup", "write", "athena:UpdateWorkGroup"),
    ("workgroup", "start", "athena:StartQueryExecution"),
    ("table", "read", "glue:GetTable"),
    ("table", "write", "glue:UpdateTable"),
    ("budget", "read", "budgets:ViewBudget"),
    ("budget", "write", "budgets:ModifyBudget"),
    ("experiments", "read", "sagemaker:CallMlflowAppApi"),
    ("own experiments", "read", "sagemaker:CallMlflowAppApi"),
    ("own experiments", "start", "sagemaker:CreatePresignedMlflowAppUrl"),
    ("own experiments", "delete", "sagemaker:DeleteMlflowApp"),
)

ASKS = tuple(Ask(*ask) for ask in _ASKS)
