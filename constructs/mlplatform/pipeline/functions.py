"""Lambda functions of the platform, each with a log group and a role of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

import mlrecords
import mlscaling
from mlplatform.compliance import accept
from mlplatform.pipeline.naming import kebab_case
from mlplatform.pipeline.source import stage_zip
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject

ATTEMPTS = (
    Path(__file__).parent / "runtime" / "libraries" / "attempts",
    Path(mlrecords.__file__).parent,
    Path(mlscaling.__file__).parent,
)
"""The libraries of functions that look after attempts: what they share, what it is written as, the ladder of machines."""
RUNTIME = "python3.14"  # The newest that Lambda has, as AwsSolutions-L1 asks.
MAX_FUNCTION_NAME_LENGTH = 64  # AWS Lambda API reference, CreateFunction, FunctionName.
MODEL_REGISTRY = Path(__file__).parent / "runtime" / "libraries" / "model_registry"
"""The library of functions that look for a model version."""


class RuntimeFunction(Construct):
    """A Lambda function made of one runtime file, or of one package: the Python at `code`, whose `handler` it calls.

    `libraries` are packages beside it that it imports.

    It may do what `statements` say and write its own log, nothing else. The log and the environment are encrypted with
    the key at `key_arn`, which must let CloudWatch Logs and this account's IAM policies use it. `failures` says where a
    failed call goes: the function has no dead-letter queue of its own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        code: Path,
        handler: str,
        statements: Sequence[Statement],
        key_arn: str,
        log_retention_days: int,
        failures: str,
        environment: Mapping[str, str] | None = None,
        libraries: Sequence[Path] = (),
        timeout_seconds: int = 60,
        memory_mb: int = 256,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention_in_days=log_retention_days,
            kms_key_id=key_arn,
        )
        own_log = Statement(
            sid="WriteOwnLog",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log_group.attr_arn],
        )
        self.role = ServiceRole(
            self,
            "Role",
            service="lambda.amazonaws.com",
            account=None,
            description=f"Role of the function {name}",
            statements=[own_log, *statements],
        )
        staged = stage_zip(self, code, *libraries)
        self.resource = lambda_.CfnFunction(
            self,
            "Resource",
            function_name=name,
            description=description,
            runtime=RUNTIME,
            handler=handler,
            code={"s3Bucket": staged.bucket_name, "s3Key": staged.object_key},
            role=self.role.arn,
            timeout=timeout_seconds,
            memory_size=memory_mb,
            environment=None if environment is None else {"variables": dict(environment)},
            kms_key_arn=key_arn,
            logging_config={"logGroup": log_group.ref},
        )
        accept(
            self.resource,
            {
                "CKV_AWS_50": "one short call chain of the AWS SDK: its log says all that a trace would",
                "CKV_AWS_115": "a reserved share of the account's concurrency would starve other functions for nothing",
                "CKV_AWS_116": failures,
                "CKV_AWS_117": "it calls AWS APIs only; in a VPC it would need endpoints or NAT and protect nothing more",
                "CKV_AWS_272": "its code is an asset of this deployment, which only the deployment role can write",
            },
        )
        self.function_arn: str = self.resource.attr_arn
        """The function's ARN, by reference."""


STEP_TIMEOUT_SECONDS = 300  # SageMaker waits ten minutes for a Lambda step (developer guide, "Lambda step").


def step_function(
    scope: Construct,
    construct_id: str,
    *,
    project: MlProject,
    pipeline_name: str,
    code: Path,
    statements: Sequence[Statement],
    handler: str | None = None,
    libraries: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> RuntimeFunction:
    """The function of a Lambda step that is called as the construct: `code`, with the project's key and log retention.

    `handler` names the function in it that Lambda calls; the file's own `handler` when not given.
    """
    use_key = Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn])
    return RuntimeFunction(
        scope,
        construct_id,
        name=f"{pipeline_name}-{kebab_case(construct_id)}",
        description=f"Step {construct_id} of the pipeline {pipeline_name}",
        code=code,
        handler=f"{code.stem}.handler" if handler is None else handler,
        environment=environment,
        libraries=libraries,
        statements=[*statements, use_key],
        key_arn=project.key_arn,
        log_retention_days=project.log_retention_days,
        failures="a pipeline step calls it and waits: its failure is the step's, with the reason",
        timeout_seconds=STEP_TIMEOUT_SECONDS,
    )


def step_function_problems(pipeline_name: str, *construct_ids: str) -> Iterator[str]:
    """A sentence if the functions of these steps would have names that Lambda does not take."""
    longest = MAX_FUNCTION_NAME_LENGTH - max(len(kebab_case(construct_id)) for construct_id in construct_ids) - 1
    if len(pipeline_name) > longest:
        yield (
            f"the pipeline's name '{pipeline_name}' has {len(pipeline_name)} characters; "
            f"use a shorter construct id, for {longest} at most"
        )
