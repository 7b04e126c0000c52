"""Checks of a plain pipeline definition, made here or by the `sagemaker` SDK.

Each check is a small registered generator of sentences. The last ones, the gate, hold the arguments of each
step against botocore's own model of the operation that SageMaker will call.
"""

from mlpipelines.lint import (
    conditions,
    gate,
    graph,
    parameters,
    references,
    retries_and_cache,
    structure,
    training_jobs,
)
from mlpipelines.lint.definition import Check, Definition
from mlpipelines.lint.words import kind

CHECKS: tuple[Check, ...] = (
    *structure.CHECKS,
    *parameters.CHECKS,
    *references.CHECKS,
    *conditions.CHECKS,
    *graph.CHECKS,
    *retries_and_cache.CHECKS,
    *training_jobs.CHECKS,
    *gate.CHECKS,
)


def problems_in(definition: object) -> tuple[str, ...]:
    """Everything that is wrong with a definition, one sentence each; empty when it is sound.

    Takes any JSON value and never fails: what is malformed is a problem. Needs no network and no credentials.
    """
    if not isinstance(definition, dict):
        return (f"the definition is {kind(definition)}; use a JSON object with Version and Steps",)
    view = Definition(definition)
    return tuple(dict.fromkeys(problem for check in CHECKS for problem in check(view)))
