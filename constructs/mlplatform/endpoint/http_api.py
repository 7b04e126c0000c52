"""An HTTP API in front of an endpoint: for callers that sign HTTP requests but have no SDK of SageMaker."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.policy import Statement
from mlplatform.project import MlProject
from mlplatform.project.job_permissions import use_key

_CODE = Path(__file__).parent / "runtime" / "invoke_endpoint.py"
_ROUTE = "POST /invocations"
_LOGGED = (
    "requestId",
    "requestTime",
    "routeKey",
    "status",
    "responseLatency",
    "integrationErrorMessage",
    "identity.userArn",
)


class EndpointApi(Construct):
    """`POST <url>/invocations` asks the model: the request's body and `Content-Type` go to it, and its answer comes back.

    When to use: for callers outside AWS's SDKs. It costs 1 USD for a million requests (Amazon API Gateway pricing) and the function's
    time, nothing at rest, and adds some ten milliseconds; answers take 25 seconds at most. Callers sign their requests
    (AWS Signature Version 4) and need `execute-api:Invoke` on `invoke_arn`; nobody else is let in.

    Parameters:
        project: whose key and log retention it has.
        endpoint_name, endpoint_arn: what it asks.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, project: MlProject, endpoint_name: str, endpoint_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        name = f"{endpoint_name}-api"
        self.function = RuntimeFunction(
            self,
            "Function",
            name=name,
            description=f"Passes requests of the HTTP API to the endpoint {endpoint_name}",
            code=_CODE,
            handler=f"{_CODE.stem}.handler",
            environment={"ENDPOINT_NAME": endpoint_name},
            statements=[
                Statement(sid="Invoke", actions=["sagemaker:InvokeEndpoint"], resources=[endpoint_arn]),
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
            route_key=_ROUTE,
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
        self.invoke_arn = project.scope.arn("execute-api", f"{api.ref}/$default/POST/invocations")
        """On what callers need `execute-api:Invoke`."""
        lambda_.CfnPermission(
            self,
            "Invoke",
            action="lambda:InvokeFunction",
            function_name=self.function.resource.ref,
            principal="apigateway.amazonaws.com",
            source_arn=self.invoke_arn,
        )
