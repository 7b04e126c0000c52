"""The teardown: a custom resource that empties what it stands for before CloudFormation deletes it, and sets idle limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import CfnCustomResource
from constructs import Construct

from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.policy import Statement

_RUNTIME = Path(__file__).parent / "runtime"
_LAMBDA_SECONDS = 900  # The longest that a function may run; it hands over to another invocation before.
_SERVICE_SECONDS = 3600  # The longest that CloudFormation waits for a custom resource.


def teardown_function(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    key_arn: str,
    log_retention_days: int,
    statements: Sequence[Statement],
) -> RuntimeFunction:
    """The function behind every teardown of a domain."""
    return RuntimeFunction(
        scope,
        construct_id,
        name=name,
        description="Limits user profiles of Studio, and empties domain, profiles and spaces before they are deleted",
        code=_RUNTIME / "studio_teardown",
        handler="studio_teardown.handler.handler",
        statements=statements,
        key_arn=key_arn,
        log_retention_days=log_retention_days,
        failures="CloudFormation waits for its answer and shows the reason of a failure",
        timeout_seconds=_LAMBDA_SECONDS,
    )


def teardown(
    scope: Construct, construct_id: str, *, function_arn: str, properties: Mapping[str, object]
) -> CfnCustomResource:
    """A teardown of what `properties` name; it must depend on that, by reference or by rule, so that it goes first.

    Properties that are None are left out.
    """
    resource = CfnCustomResource(scope, construct_id, service_token=function_arn, service_timeout=_SERVICE_SECONDS)
    for name, value in properties.items():
        if value is not None:
            resource.add_property_override(name, value)
    return resource
