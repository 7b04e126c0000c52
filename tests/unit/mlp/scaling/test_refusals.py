"""What `mlp scaling` cannot use is a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlp.scaling.inputs import write_policy
from mlscaling.policies.reactive import TargetTracking
from mlscaling.policies.scaling import Scaling, by_use
from tests.unit.mlp.scaling.commands import scaling


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("replay", "--policy", "warm.json"), "warm.json is a policy of a serverless endpoint"),
        (
            ("replay", "--cold-start-seconds", 20, "--policy", "requests.json"),
            "requests.json is no policy of a serverless endpoint",
        ),
        (("replay", "--cold-start-seconds", 20, "--asynchronous"), "--asynchronous and --cold-start-seconds are given"),
        (
            ("tune", "--cold-start-seconds", 20, "--cost-of-default"),
            "--cost-of-default is given with --cold-start-seconds",
        ),
    ],
)
def test_what_a_serverless_endpoint_does_not_have_is_refused(
    demand: Path, arguments: tuple[str | int, ...], problem: str
) -> None:
    write_policy(by_use(maximum=9, target=0.7), demand.parent / "warm.json")
    write_policy(Scaling(maximum=9, target=TargetTracking(target=420)), demand.parent / "requests.json")

    result = scaling(arguments[0], demand, "--rps", 10, "--days", 1, *arguments[1:])

    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("replay", "--policy", "requests.json"), "requests.json is no policy of an asynchronous endpoint"),
        (("replay", "--longest-wait-seconds", "30000"), "longest_wait_seconds is 30000; use 21600 at most"),
        (("tune", "--cost-of-default"), "--cost-of-default is given with --asynchronous"),
        (
            ("replay", "--max-queued-requests", "8"),
            "max_queued_requests is 8, and requests of an asynchronous endpoint do not",
        ),
    ],
)
def test_what_an_asynchronous_endpoint_does_not_have_is_a_sentence(
    demand: Path, arguments: tuple[str, ...], problem: str
) -> None:
    write_policy(Scaling(maximum=9, target=TargetTracking(target=420)), demand.parent / "requests.json")

    result = scaling(arguments[0], demand, "--rps", 10, "--days", 1, "--asynchronous", *arguments[1:])

    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--rps", "inf"), "requests_per_second is inf; use more than 0"),
        (("--rps", "10", "--provisioning-seconds", "inf"), "provisioning takes inf, inf, inf seconds; use 0 or more"),
        (("--rps", "10", "--cold-start-seconds", "inf"), "cold_start_seconds is inf; use more than 0"),
        (("--rps", "10", "--longest-wait-seconds", "inf"), "longest_wait_seconds is inf; use more than 0"),
    ],
)
def test_what_no_instance_does_is_a_sentence(demand: Path, arguments: tuple[str, ...], problem: str) -> None:
    result = scaling("replay", demand, *arguments)

    assert result.exit_code == 2
    assert problem in result.stderr


def test_instance_types_without_their_columns_are_a_sentence(demand: Path) -> None:
    (demand.parent / "types.csv").write_text("type\nml.m5.large\n")

    result = scaling("pool", demand, "types.csv")

    assert result.exit_code == 2
    assert "give the columns instance_type,load_test,usd_per_hour" in " ".join(result.stderr.split())


@pytest.mark.parametrize("kind", [(), ("--asynchronous",), ("--cold-start-seconds", 5)])
def test_a_minimum_over_the_maximum_is_refused(demand: Path, kind: tuple[str | int, ...]) -> None:
    result = scaling("tune", demand, "--rps", 10, "--minimum", 5, "--maximum", 3, *kind)

    assert result.exit_code == 2
    assert "the minimum is 5, and the maximum 3" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("no.csv",), "No such file or directory"),
        (("noon.csv", "--policy", "bad.json"), "bad.json has no maximum"),
        (("noon.csv", "--calendar", "bad.csv"), "give the columns name,at,capacity,minutes"),
        (("noon.csv", "--calendar", "never.csv"), "times is 0.0; use more than 0"),
        (("noon.csv", "--calendar", "large.csv"), "event 'spot' has 900 instances; use 1 to the maximum, 100"),
        (("short.csv",), "short.csv has 0 whole days"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(demand: Path, arguments: tuple[str, ...], problem: str) -> None:
    (demand.parent / "bad.json").write_text("{}")
    (demand.parent / "bad.csv").write_text("name,at\nspot,tomorrow\n")
    (demand.parent / "large.csv").write_text("name,at,capacity,minutes\nspot,2026-03-05T12:00:00+00:00,900,60\n")
    (demand.parent / "never.csv").write_text(
        "name,at,capacity,minutes,times,requests_per_second\nspot,2026-03-05T12:00:00+00:00,9,60,0,8\n"
    )
    (demand.parent / "short.csv").write_text("time,requests\n2026-03-02T00:00:00,1\n2026-03-02T00:05:00,1\n")

    result = scaling("replay", *arguments, "--rps", "10")

    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "what one instance serves has to be said once"),
        (("--rps", "10", "--load-test", "knee.json"), "what one instance serves has to be said once"),
        (("--load-test", "absent.json"), "No such file or directory"),
        (("--load-test", "text.json"), "text.json is no JSON"),
        (("--load-test", "list.json"), "list.json: it is no object"),
        (("--load-test", "none.json"), "requests_per_second is None, and no number above 0; concurrency is None"),
    ],
)
def test_an_instance_that_nobody_tested_is_a_sentence(demand: Path, arguments: tuple[str, ...], problem: str) -> None:
    for name, text in (("knee", "{}"), ("text", "knee"), ("list", "[]"), ("none", '{"confirmed": false}')):
        (demand.parent / f"{name}.json").write_text(text)

    result = scaling("replay", demand, *arguments)

    assert result.exit_code == 2
    assert problem in result.stderr
