"""Hyperparameters: each one is a parameter of the pipeline, and text to the script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from mlpipelines import Parameter, Value
from mlplatform.pipeline.source import StagedSource

Hyperparameter = str | int | float | bool

_MAX_HYPERPARAMETERS = 100  # API reference, CreateTrainingJob, HyperParameters.
_TAKEN = {"InputUri": "with the input's S3 prefix", "SkipChecks": "that skips the checks"}
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")  # API reference, Parameter (pipelines).


def hyperparameter_parameters(hyperparameters: Mapping[str, Hyperparameter]) -> list[Parameter]:
    """A pipeline parameter for each, with its value as default."""
    return [
        Parameter(name=name, default=value if isinstance(value, str) else json.dumps(value))
        for name, value in hyperparameters.items()
    ]


def script_mode_hyperparameters(
    script: str, source: StagedSource, region: str, parameters: Sequence[Parameter]
) -> dict[str, Value]:
    """The hyperparameters that make AWS's framework images run a script, and the user's own.

    As the SDK does, the platform's own are JSON-encoded text. Source: aws/sagemaker-training-toolkit, params.py.
    """
    return {
        "sagemaker_program": json.dumps(script),
        "sagemaker_submit_directory": json.dumps(source.s3_uri),
        "sagemaker_container_log_level": "20",
        "sagemaker_region": json.dumps(region),
        **{parameter.name: parameter for parameter in parameters},
    }


def hyperparameter_problems(hyperparameters: Mapping[str, Hyperparameter]) -> Iterator[str]:
    """A sentence for each one that cannot be passed on."""
    if len(hyperparameters) > _MAX_HYPERPARAMETERS - 4:
        yield f"there are {len(hyperparameters)} hyperparameters; SageMaker takes 100, four of them are the platform's"
    for name in hyperparameters:
        if not _PARAMETER_NAME.fullmatch(name):
            yield f"hyperparameter '{name}' cannot be a pipeline parameter; use letters, digits, _ and -"
        elif name.startswith(("sagemaker_", "_")):
            yield f"hyperparameter '{name}' starts as SageMaker's own do; use a name without 'sagemaker_' or '_' in front"
        elif name in _TAKEN:
            yield f"hyperparameter '{name}' is the parameter {_TAKEN[name]}; use another name"
