"""The sentences for conditions, circles, branches, retries and caches."""

from __future__ import annotations

import pytest

from mlpipelines import problems_in
from tests.unit.mlpipelines.samples import call, definition, fork, out

STOP = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}


def test_steps_do_not_wait_for_each_other_in_a_circle() -> None:
    steps = call("A", reads=[out("C")]), call("B", reads=[out("A")]), call("C", DependsOn=["B"])

    assert problems_in(definition(*steps)) == (
        "steps wait for each other in a circle: 'A' -> 'C' -> 'B' -> 'A'; remove one of these references",
    )


def test_each_circle_is_reported_but_not_the_steps_after_it() -> None:
    steps = (
        call("A", reads=[out("B")]),
        call("B", reads=[out("A")]),
        call("After", reads=[out("A")]),
        call("C", reads=[out("D")]),
        call("D", reads=[out("C")]),
    )

    assert problems_in(definition(*steps)) == (
        "steps wait for each other in a circle: 'A' -> 'B' -> 'A'; remove one of these references",
        "steps wait for each other in a circle: 'C' -> 'D' -> 'C'; remove one of these references",
    )


def test_a_condition_does_not_read_from_its_own_branches() -> None:
    conditions = [{"Type": "Equals", "LeftValue": {"Get": out("A")}, "RightValue": 1}]

    assert problems_in(definition(fork("Check", if_steps=[call("A")], conditions=conditions))) == (
        "steps wait for each other in a circle: 'Check' -> 'A' -> 'Check'; remove one of these references",
    )


def test_a_step_does_not_wait_for_the_other_branch() -> None:
    check = fork("Check", if_steps=[call("A")], else_steps=[call("B", reads=[out("A")])])

    assert problems_in(definition(check)) == (
        "step 'B' in the else-branch of 'Check' waits for step 'A' in its if-branch, and only one of them "
        "runs; move one of the two",
    )


def test_a_nested_step_does_not_wait_for_the_other_branch_further_out() -> None:
    inner = fork("Inner", if_steps=[call("A")])
    check = fork("Outer", if_steps=[inner], else_steps=[call("B", DependsOn=["A"])])

    assert problems_in(definition(check)) == (
        "step 'B' in the else-branch of 'Outer' waits for step 'A' in its if-branch, and only one of them "
        "runs; move one of the two",
    )


def test_a_step_does_not_wait_for_both_branches() -> None:
    check = fork("Check", if_steps=[call("A")], else_steps=[call("B")])

    assert problems_in(definition(check, call("Publish", reads=[out("A"), out("B")]))) == (
        "step 'Publish' needs both branches of 'Check', through 'A' and 'B', and only one of them runs; wait "
        "for one of them, or for 'Check'",
    )


def test_a_step_that_needs_both_branches_is_reported_but_not_those_after_it() -> None:
    check = fork("Check", if_steps=[call("A")], else_steps=[call("B")])
    after_a, after_b = call("C", DependsOn=["A"]), call("D", DependsOn=["B"])
    both, last = call("E", DependsOn=["C", "D"]), call("F", DependsOn=["E"])

    assert problems_in(definition(check, after_a, after_b, both, last)) == (
        "step 'E' needs both branches of 'Check', through 'C' and 'D', and only one of them runs; wait for "
        "one of them, or for 'Check'",
    )


def test_a_step_in_a_branch_does_not_wait_for_the_other_over_a_third_step() -> None:
    check = fork("Check", if_steps=[call("A")], else_steps=[call("B", DependsOn=["Between"])])

    assert problems_in(definition(check, call("Between", DependsOn=["A"]))) == (
        "step 'B' needs both branches of 'Check', through its own place and 'Between', and only one of them "
        "runs; wait for one of them, or for 'Check'",
    )


def test_a_step_after_one_branch_or_after_the_condition_is_sound() -> None:
    check = fork("Check", if_steps=[call("A"), call("A2", reads=[out("A")])], else_steps=[STOP])

    assert problems_in(definition(check, call("B", reads=[out("A2")]), call("C", DependsOn=["Check"]))) == ()


def test_a_step_does_not_depend_on_a_fail_step() -> None:
    assert problems_in(definition(STOP, call("A", DependsOn=["Stop"]))) == (
        "step 'A' depends on step 'Stop' of type Fail, which ends the execution, so it can never run; "
        "depend on another step",
    )


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (5, "has 5 for a condition; use an object with Type"),
        (
            {"Type": "GreaterThen"},
            "has a condition of the unknown type 'GreaterThen'; did you mean 'GreaterThan'?",
        ),
        (
            {"Type": "Equals", "LeftValue": 1},
            "has a condition of type Equals without RightValue; add it",
        ),
        (
            {"Type": "Equals", "LeftValue": 1, "RightValue": [1]},
            "has [1] as RightValue of Equals; use a value or an expression",
        ),
        (
            {"Type": "LessThan", "LeftValue": "x", "RightValue": 1},
            "has 'x', which is text, as LeftValue of LessThan; use a number",
        ),
        (
            {"Type": "LessThan", "LeftValue": 1, "RightValue": True},
            "has true, which is a boolean, as RightValue of LessThan; use a number",
        ),
        ({"Type": "In", "Values": [1]}, "has a condition of type In without QueryValue; add it"),
        ({"Type": "In", "QueryValue": 1}, "has a condition of type In without a list of Values; add it"),
        ({"Type": "Not"}, "has a condition of type Not without Condition; add it"),
        ({"Type": "Or"}, "has a condition of type Or without a list of Conditions; add it"),
        (
            {"Type": "Or", "Conditions": [{"Type": "Not", "Condition": {"Type": "In", "QueryValue": 1}}]},
            "has a condition of type In without a list of Values; add it",
        ),
    ],
)
def test_a_condition_has_a_known_type_and_its_operands(condition: object, sentence: str) -> None:
    assert problems_in(definition(fork("Check", conditions=[condition]))) == (f"step 'Check' {sentence}",)


def test_a_condition_of_an_unknown_type_like_no_other_gets_the_list() -> None:
    assert problems_in(definition(fork("Check", conditions=[{"Type": "xyz"}]))) == (
        "step 'Check' has a condition of the unknown type 'xyz'; use one of 'Equals', 'GreaterThan', "
        "'GreaterThanOrEqualTo', 'LessThan', 'LessThanOrEqualTo', 'In', 'Not', 'Or'",
    )


def test_a_condition_step_has_conditions() -> None:
    assert problems_in(definition(fork("Check", conditions=[]))) == (
        "step 'Check' has no Conditions; give it at least one",
    )


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (
            {},
            "no ExceptionType; use one of 'SageMaker.CAPACITY_ERROR', 'SageMaker.JOB_INTERNAL_ERROR', "
            "'SageMaker.RESOURCE_LIMIT', 'Step.SERVICE_FAULT', 'Step.THROTTLING'",
        ),
        (
            {"ExceptionType": ["Step.THROTLING"]},
            "the unknown exception type 'Step.THROTLING'; did you mean 'Step.THROTTLING'?",
        ),
        ({"ExceptionType": "Step.THROTTLING", "MaxAttempts": 21}, "MaxAttempts 21; use 1 to 20"),
        ({"ExceptionType": "Step.THROTTLING", "ExpireAfterMin": -1}, "ExpireAfterMin -1; use 0 to 14400"),
        (
            {"ExceptionType": "Step.THROTTLING", "ExpireAfterMin": 5, "MaxAttempts": 5},
            "both MaxAttempts and ExpireAfterMin; use one of them",
        ),
        (
            {"ExceptionType": "Step.THROTTLING", "BackoffRate": "2"},
            "BackoffRate '2'; use a number that is not negative",
        ),
    ],
)
def test_a_retry_policy_stays_within_the_limits_of_the_service(policy: object, sentence: str) -> None:
    assert problems_in(definition(call("A", RetryPolicies=[policy]))) == (
        f"step 'A' has a retry policy with {sentence}",
    )


def test_retry_policies_are_a_list() -> None:
    assert problems_in(definition(call("A", RetryPolicies={}))) == ("step 'A' has RetryPolicies {}; use a list",)


def test_each_retry_policy_is_an_object() -> None:
    assert problems_in(definition(call("A", RetryPolicies=[5]))) == (
        "step 'A' has RetryPolicies [5]; each one is an object with ExceptionType",
    )


def test_a_cache_is_on_or_off() -> None:
    assert problems_in(definition(call("A", CacheConfig={"Enabled": "yes"}))) == (
        'step \'A\' has CacheConfig {"Enabled": "yes"}; use an object whose Enabled is true or false',
    )


def test_a_cache_expires_after_a_duration() -> None:
    assert problems_in(definition(call("A", CacheConfig={"Enabled": True, "ExpireAfter": "30 days"}))) == (
        "step 'A' has ExpireAfter '30 days'; use an ISO 8601 duration such as 'P30D' or 'PT12H'",
    )


@pytest.mark.parametrize("duration", ["P30D", "p30d", "P4DT12H", "T12H", "PT0.5S", "P1Y2M3W"])
def test_a_cache_takes_the_durations_of_the_sdk(duration: str) -> None:
    assert problems_in(definition(call("A", CacheConfig={"Enabled": True, "ExpireAfter": duration}))) == ()
