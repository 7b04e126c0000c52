"""500 definitions with something wrong in them on the embedded AWS: refused with a reason, or run to an end."""

from __future__ import annotations

from collections import Counter

import pytest
from botocore.exceptions import ClientError

from tests.local.random_definitions.examples import check
from tests.local.random_definitions.laboratory import Laboratory
from tests.local.random_definitions.mutations import Mutant, mutants

DEFECTS = ("see .mlp/engine.log", "InternalServerError: ")
ASKED_FOR = "InternalServerError: We encountered an internal error. Please try again."


def test_mutated_definitions_are_refused_or_run(laboratory: Laboratory, request: pytest.FixtureRequest) -> None:
    ends: Counter[str] = Counter()
    logged = len(laboratory.log())

    def problems_of(mutant: Mutant) -> list[str]:
        try:
            name = laboratory.create(mutant.definition_text)
        except ClientError as refused:
            ends["refused when created"] += 1
            return _problems(refused)
        try:
            arn = laboratory.start(name, mutant.parameters, mutant.most_parallel_steps)
        except ClientError as refused:
            ends["refused when started"] += 1
            return _problems(refused)
        seen = laboratory.wait(arn)
        ends[seen.execution["PipelineExecutionStatus"]] += 1
        reasons = [step.get("FailureReason", "") for step in (*seen.steps.values(), seen.execution)]
        return [reason for reason in reasons if reason != ASKED_FOR and any(part in reason for part in DEFECTS)]

    check(mutants(), problems_of, request.node.nodeid)

    print(dict(ends))
    assert "Traceback" not in laboratory.log()[logged:], laboratory.log()[logged:]


def _problems(refused: ClientError) -> list[str]:
    """What is wrong with a refusal: it is not a ValidationException, or it gives no reason."""
    answer = refused.response
    is_sound = answer["Error"]["Code"] == "ValidationException" and len(answer["Error"]["Message"]) > len("refused")
    return [] if is_sound and answer["ResponseMetadata"]["HTTPStatusCode"] == 400 else [str(answer)]
