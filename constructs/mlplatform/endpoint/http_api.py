"""An HTTP API in front of an endpoint: for callers that sign HTTP requests but have no SDK of SageMaker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlplatform.endpoint.prediction_log import PredictionLogStream
from mlplatform.endpoint.versions import component_arns, look_at_components, read_served
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.policy import Statement
from mlplatform.project import MlProject
from mlplatform.project.job_permissions import use_key

_CODE = Path(__file__).parent / "runtime" / "endpoint_api"
_LONGEST_SECONDS = 25.0  # API Gateway gives up after 30.
_PATH = "invocations"
_LOGGED = (
    "requestId",
    "requestTime",
    "routeKey",
    "status",
    "responseLatency",
    "integrationErrorMessage",
    "identity.userArn",
)


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """What callers get while the model fails, with status 200 and the header `x-mlplatform-fallback: true`.

    When to use: where an answer that is always the same is better than none, such as yesterday's mean. A request that the model
    fails on, is throttled for, or does not answer in time gets it at once; after `failures` in a row nobody asks the model for
    `open_seconds`. What a caller did wrong is an error as before.

    Raises `InvalidPropsError` with every number that is none.
    """

    body: str
    content_type: str = "application/json"
    failures: int = 5
    open_seconds: float = 30.0

    def __post_init__(self) -> None:
        numbers = (("failures", self.failures, 1), ("open_seconds", self.open_seconds, 0))
        raise_if_any(
            "Fallback", [f"{name} is {value}; use {least} or more" for name, value, least in numbers if value < least]
        )


@dataclass(frozen=True, kw_only=True)
class HttpApi:
    """An HTTP API with IAM authentication in front of an endpoint: see `EndpointApi`.

    Parameters:
        timeout_seconds: how long the model may take, up to 25.
        fallback: what callers get while it fails; the error when not given.
        logged_percent: of the predictions that are kept in the artifact bucket under `logs/predictions/<endpoint>/`, each as a JSON line
            with request, answer, variant and model version, for as long as the project's logs. None when not given: requests may
            hold what nobody wants kept.

    Raises `InvalidPropsError` with every number that is out of range.
    """

    timeout_seconds: float = _LONGEST_SECONDS
    fallback: Fallback | None = None
    logged_percent: float = 0.0

    def __post_init__(self) -> None:
        raise_if_any("HttpApi", self._problems())

    def _problems(self) -> Iterator[str]:
        if not 0 < self.timeout_seconds <= _LONGEST_SECONDS:
            yield f"timeout_seconds is {self.timeout_seconds}; use more than 0, up to {_LONGEST_SECONDS:g}"
        if not 0 <= self.logged_percent <= 100:
            yield f"logged_percent is {self.logged_percent}; use 0 to 100"

    def settings(
        self, endpoint_name: str, components: Mapping[str, str] | None, logged: PredictionLogStream | None
    ) -> dict[str, Any]:
        """What `endpoint_api` reads."""
        return {
            "endpoint_name": endpoint_name,
            "components": None if components is None else dict(components),
            "log_stream": None if logged is None else logged.stream_name,
            **asdict(self),
        }


class EndpointApi(Construct):
    """`POST <url>/invocations` asks the model: the request's body and `Content-Type` go to it, and its answer comes back.

    Of a `ComponentEndpoint` it is `POST <url>/invocations/<component>`, with the component's own name.

    When to use: for callers outside AWS's SDKs. It costs 1 USD for a million requests (Amazon API Gateway pricing) and the function's
    time, nothing at rest, and adds some ten milliseconds; answers take 25 seconds at most. Callers sign their requests
    (AWS Signature Version 4) and need `execute-api:Invoke` on `invoke_arn`; nobody else is let in.

    Parameters:
        project: whose key and log retention it has.
        endpoint_name, endpoint_arn: what it asks.
        options: how.
        components: whole names of inference components by their own; None for an endpoint without.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        endpoint_name: str,
        endpoint_arn: str,
        options: HttpApi,
        components: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        name = f"{endpoint_name}-api"
        self.prediction_log = logged = (
            PredictionLogStream(self, "Predictions", project=project, endpoint_name=endpoint_name)
            if options.logged_percent
            else None
        )
        """Where predictions are logged; None without `logged_percent`."""
        asked = [endpoint_arn, *component_arns(project.scope, () if components is None else components.values())]
        self.function = RuntimeFunction(
            self,
            "Function",
            name=name,
            description=f"Passes requests of the HTTP API to the endpoint {endpoint_name}",
            code=_CODE,
            handler="endpoint_api.handler.handler",
            environment={"API": json.dumps(options.settings(endpoint_name, components, logged))},
            statements=[
                Statement(sid="Invoke", actions=["sagemaker:InvokeEndpoint"], resources=asked),
                *([] if logged is None else [logged.put_lines(), *_find_versions(project, endpoint_arn, components)]),
                use_key(project.scope),
            ],
            key_arn=project.key_arn,
            log_retention_days=project.log_retention_days,
            failures="the API calls it and waits: its failure is the caller's answer",
            timeout_seconds=30,
        )
        api = apigateway.CfnApi(
            self, "Resource", name=name, protocol_type="HTTP", description=f"In front of the endpoint {endpoint_name}"
        )
        integration = apigateway.CfnIntegration(
            self,
            "Integration",
            api_id=api.ref,
            integration_type="AWS_PROXY",
            integration_uri=self.function.function_arn,
            payload_format_version="2.0",
        )
        apigateway.CfnRoute(
            self,
            "Route",
            api_id=api.ref,
            route_key=f"POST /{_PATH}" if components is None else f"POST /{_PATH}/{{component}}",
            authorization_type="AWS_IAM",
            target=f"integrations/{integration.ref}",
        )
        access_log = logs.CfnLogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/{name}",
            retention_in_days=project.log_retention_days,
            kms_key_id=project.key_arn,
        )
        entry = {field.rpartition(".")[2]: f"$context.{field}" for field in _LOGGED}
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings={"destinationArn": access_log.attr_arn, "format": json.dumps(entry)},
        )
        self.url: str = api.attr_api_endpoint
        """`https://<id>.execute-api.<region>.amazonaws.com`."""
        path = _PATH if components is None else f"{_PATH}/*"
        self.invoke_arn = project.scope.arn("execute-api", f"{api.ref}/$default/POST/{path}")
        """On what callers need `execute-api:Invoke`; for one component of several, with its own name in place of the `*`."""
        lambda_.CfnPermission(
            self,
            "Invoke",
            action="lambda:InvokeFunction",
            function_name=self.function.resource.ref,
            principal="apigateway.amazonaws.com",
            source_arn=self.invoke_arn,
        )


def _find_versions(project: MlProject, endpoint_arn: str, components: Mapping[str, str] | None) -> list[Statement]:
    """Which version answered: the model of the variant, or of the component, says it."""
    if components is not None:
        return [*look_at_components(project.scope, components.values()), *read_served(project.scope, ["Model"])]
    return [
        Statement(sid="LookAtTheEndpoint", actions=["sagemaker:DescribeEndpoint"], resources=[endpoint_arn]),
        *read_served(project.scope),
    ]
