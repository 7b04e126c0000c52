"""`mlp run --param`: every mistake is found before anything is started."""

from __future__ import annotations

import pytest

from mlp.errors import CliError, ExitCode
from mlp.model import Definition
from mlp.parameters import describe_parameters, parse_parameters


def test_values_are_sent_as_the_strings_that_sagemaker_takes(definition: Definition) -> None:
    given = ["InputUri=s3://bucket/a=b", "MaxIter=10", "EarlyStop=false", "Loss=poisson"]

    values = parse_parameters(given, definition)

    assert values == {"InputUri": "s3://bucket/a=b", "MaxIter": "10", "EarlyStop": "false", "Loss": "poisson"}


def test_all_problems_are_named_at_once(definition: Definition) -> None:
    given = [
        "MaxIter=many",
        "LearningRate=fast",
        "EarlyStop=yes",
        "Loss=absolute",
        "LearningRte=1",
        "odd",
    ]

    with pytest.raises(CliError) as caught:
        parse_parameters(given, definition)

    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert caught.value.cause.split("; ") == [
        "parameter 'MaxIter' is an Integer (for example 3), got 'many'",
        "parameter 'LearningRate' is a Float (for example 0.5), got 'fast'",
        "parameter 'EarlyStop' is a Boolean (true or false), got 'yes'",
        "parameter 'Loss' is one of squared_error, poisson, got 'absolute'",
        "there is no parameter 'LearningRte' (did you mean 'LearningRate'?)",
        "'odd' is not NAME=VALUE",
        "parameter 'InputUri' has no default and was not given",
    ]


def test_a_parameter_given_twice_is_refused(definition: Definition) -> None:
    with pytest.raises(CliError, match="'InputUri' is given twice"):
        parse_parameters(["InputUri=s3://a", "InputUri=s3://b"], definition)


def test_the_fix_lists_the_parameters_with_type_default_and_values(definition: Definition) -> None:
    assert describe_parameters(definition) == (
        "pipeline 'demand-forecast-training' takes InputUri (String, required); "
        "Loss (String, default 'squared_error', one of squared_error, poisson); "
        "MaxIter (Integer, default 300); LearningRate (Float, default 0.06); "
        "EarlyStop (Boolean, default True)"
    )


def test_a_pipeline_without_parameters_says_so() -> None:
    empty = Definition(pipeline_name="plain", parameters=(), graph=())

    with pytest.raises(CliError) as caught:
        parse_parameters(["A=1"], empty)

    assert caught.value.fix == "pipeline 'plain' takes no parameters"
