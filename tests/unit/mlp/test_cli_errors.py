"""Errors are sentences with a cause and a fix."""

from __future__ import annotations

import pytest
from botocore import exceptions as aws

from mlp.errors import CliError, ExitCode, not_found, translate


def answer(code: str, message: str = "said the service.") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": message}}, "DescribePipeline")


@pytest.mark.parametrize(
    ("error", "exit_code", "fix"),
    [
        (aws.NoCredentialsError(), ExitCode.NOT_FOUND, "sign in"),
        (aws.UnauthorizedSSOTokenError(), ExitCode.NOT_FOUND, "sign in"),
        (answer("ExpiredToken"), ExitCode.NOT_FOUND, "sign in"),
        (aws.NoRegionError(), ExitCode.NOT_FOUND, "set AWS_REGION"),
        (aws.ProfileNotFound(profile="x"), ExitCode.BAD_INPUT, "set AWS_PROFILE"),
        (aws.EndpointConnectionError(endpoint_url="http://localhost:1"), ExitCode.NOT_FOUND, "`mlp up`"),
        (aws.ReadTimeoutError(endpoint_url="http://localhost:1"), ExitCode.NOT_FOUND, "`mlp up`"),
        (answer("ResourceNotFound"), ExitCode.NOT_FOUND, "`mlp status`"),
        (answer("AccessDeniedException"), ExitCode.NOT_FOUND, "permission to call DescribePipeline"),
        (answer("ValidationException"), ExitCode.BAD_INPUT, "correct the value"),
        (answer("ThrottlingException"), ExitCode.NOT_FOUND, "try again"),
    ],
)
def test_every_expected_error_of_boto3_has_an_exit_code_and_a_fix(
    error: aws.BotoCoreError | aws.ClientError, exit_code: ExitCode, fix: str
) -> None:
    translated = translate(error, target="AWS (us-east-1)")

    assert translated.exit_code == exit_code
    assert fix in translated.fix
    assert "AWS (us-east-1)" in translated.cause


def test_an_answer_is_quoted_with_its_code_and_operation() -> None:
    translated = translate(answer("Odd", "it broke."), target="AWS (us-east-1)")

    assert translated.cause == "AWS (us-east-1) answered Odd to DescribePipeline: it broke"


def test_an_unknown_name_is_answered_with_the_nearest_and_all_the_others() -> None:
    error = not_found("pipeline", "demand-trainning", known=["demand-training", "demand-weekly"], where="AWS")

    assert isinstance(error, CliError)
    assert error.cause == "there is no pipeline 'demand-trainning'"
    assert error.fix == "did you mean 'demand-training'? AWS has the pipelines demand-training, demand-weekly"


def test_an_unknown_name_where_nothing_is_deployed_says_how_to_deploy() -> None:
    assert "cdk deploy --all" in not_found("pipeline", "x", known=[], where="AWS").fix
