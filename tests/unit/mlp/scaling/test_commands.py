"""`mlp scaling` from outside: files in; a table, a policy or a chart out."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.image import imread

from mlp.scaling.inputs import read_policy, write_policy
from mlscaling.policies.planned import Event, ForecastFloor, PublishedForecast, TimesUsual
from mlscaling.policies.reactive import Step, StepScaling, TargetTracking
from mlscaling.policies.scaling import Scaling, by_use
from tests.unit.mlp.scaling.commands import START, scaling


def test_a_replay_says_what_the_default_would_have_lost_and_when(demand: Path) -> None:
    result = scaling("replay", demand, "--rps", 10, "--days", 1, "--usd-per-hour", 0.23)

    assert result.exit_code == 1
    assert "of the requests of trace 'noon' wait too long or are rejected, and 0.100% may" in result.stdout
    assert "in its worst minute, 2026-03-05 1" in result.stdout


def test_new_instances_may_be_slow_for_a_while(demand: Path) -> None:
    quick, slow = (
        json.loads(scaling("replay", demand, "--rps", 10, "--days", 1, "--warm-up-seconds", seconds, "--json").stdout)
        for seconds in (0, 600)
    )

    assert slow["violation_share"] > 1.1 * quick["violation_share"]


def test_the_policy_that_tune_writes_serves_the_day(demand: Path) -> None:
    tuned = scaling("tune", demand, "--rps", 10, "--days", 2, "--served", 0.99, "--out", "policy.json", "--json")
    replayed = scaling(
        "replay", demand, "--rps", 10, "--days", 2, "--served", 0.99, "--policy", "policy.json", "--json"
    )

    assert (tuned.exit_code, replayed.exit_code) == (0, 0)
    found, again = json.loads(tuned.stdout), json.loads(replayed.stdout)
    assert found["policy"]["floor"] is not None
    assert again["violation_share"] == found["violation_share"] < found["default"]["violation_share"]
    assert any("the floor rises 11 minutes early" in reason for reason in found["reasons"])


def test_a_published_forecast_is_played_as_it_was_known(demand: Path) -> None:
    """In the morning it says that there is a noon. When it comes in the afternoon, or not at all, the quantile of 0 holds."""
    wanted = PublishedForecast(pipeline="demo-demand", interval_minutes=60)
    policy = Scaling(maximum=20, floor=ForecastFloor(requests_per_second=8, quantile=0, published=wanted))
    write_policy(policy, Path("policy.json"))
    for name, hour in (("early.csv", 6), ("late.csv", 14)):
        rows = [
            f"2026-03-0{day}T{hour:02}:00:00,2026-03-0{day}T{at:02}:00:00,{3600 * (60 if at == 12 else 5)}"
            for day in (2, 3, 4, 5)
            for at in range(24)
        ]
        Path(name).write_text("\n".join(["published_at,time,requests", *rows]))
    played = (demand, "--rps", 10, "--days", 2, "--policy", "policy.json", "--json")

    early, late, without = (
        json.loads(scaling("replay", *played, *files).stdout)["violation_share"]
        for files in (["--forecasts", "early.csv"], ["--forecasts", "late.csv"], [])
    )
    refused = scaling("replay", demand, "--rps", 10, "--forecasts", "early.csv")

    drawn = [
        scaling("plot", *played[:-1], "--out", name, *files).stderr
        for name, files in (("early.png", ["--forecasts", "early.csv"]), ("quantile.png", []))
    ]

    assert early < 0.001 < late == without
    assert drawn[0] == ""
    assert "the published forecast of the policy is not known, and its quantile is played" in drawn[1]
    assert Path("early.png").read_bytes() != Path("quantile.png").read_bytes()
    assert "the policy uses no published forecast" in refused.output


def test_instances_that_let_fewer_requests_wait_lose_fewer(demand: Path) -> None:
    played = ("--rps", 10, "--days", 2, "--maximum", 1, "--json")
    results = [scaling("replay", demand, *played, *more) for more in ((), ("--max-queued-requests", 8))]
    late, refused = (json.loads(result.stdout)["violation_share"] for result in results)

    assert refused < 0.9 * late


def test_an_asynchronous_endpoint_is_played_by_its_backlog(demand: Path) -> None:
    """The policy says what it is of; without one, the option does."""
    played = ("--rps", 10, "--days", 2, "--longest-wait-seconds", 1800)
    default = scaling("replay", demand, *played, "--asynchronous", "--maximum", 1, "--json")
    tuned = scaling("tune", demand, *played, "--asynchronous", "--maximum", 16, "--out", "policy.json", "--json")
    replayed = scaling("replay", demand, *played, "--policy", "policy.json", "--json")

    assert (default.exit_code, tuned.exit_code, replayed.exit_code) == (1, 0, 0), tuned.output
    found, again = json.loads(tuned.stdout), json.loads(replayed.stdout)
    assert found["policy"]["target"]["signal"] == "ApproximateBacklogSizePerInstance"
    assert found["policy"]["minimum"] == 0
    assert again["violation_share"] == found["violation_share"] < json.loads(default.stdout)["violation_share"]
    assert any("backlog_per_instance" in reason for reason in found["reasons"])
    assert scaling("plot", demand, *played, "--policy", "policy.json", "--out", "chart.png").exit_code == 0


def test_a_serverless_endpoint_is_played_by_its_containers(demand: Path) -> None:
    played = ("--rps", 10, "--days", 2, "--served", 0.99999, "--cold-start-seconds", 20, "--maximum", 40)
    default = scaling("replay", demand, *played, "--json")
    tuned = scaling("tune", demand, *played, "--out", "policy.json", "--json")
    replayed = scaling("replay", demand, *played, "--policy", "policy.json", "--json")

    assert (default.exit_code, tuned.exit_code, replayed.exit_code) == (1, 0, 0), tuned.output
    found, again = json.loads(tuned.stdout), json.loads(replayed.stdout)
    assert found["policy"]["target"]["signal"] == "SageMakerVariantProvisionedConcurrencyUtilization"
    assert again["violation_share"] == found["violation_share"] < json.loads(default.stdout)["violation_share"]
    assert any("warm container hours a day" in reason for reason in found["reasons"])
    assert scaling("plot", demand, *played[:4], *played[6:], "--out", "chart.png").exit_code == 0


def test_a_load_test_says_what_an_instance_serves(demand: Path) -> None:
    (demand.parent / "knee.json").write_text('{"requests_per_second": 10, "concurrency": 2.5, "confirmed": true}')

    said, tested = (
        scaling("replay", demand, *source, "--days", 1, "--json").stdout
        for source in (("--rps", 10), ("--load-test", "knee.json"))
    )

    assert json.loads(said) == json.loads(tested)


def test_a_pool_says_which_type_to_ask_for_and_which_may_stand_in(demand: Path) -> None:
    rows = ["instance_type,load_test,usd_per_hour"]
    for name, knee, usd in (("small", 10, 0.1), ("large", 40, 0.6)):
        document = {"requests_per_second": knee, "concurrency": 2.5, "confirmed": True}
        (demand.parent / f"{name}.json").write_text(json.dumps(document))
        rows.append(f"ml.{name},{name}.json,{usd}")
    (demand.parent / "types.csv").write_text("\n".join(rows))

    result = scaling("pool", demand, "types.csv", "--days", 2, "--served", 0.99, "--out", "policy.json")

    assert result.exit_code == 0
    assert "instance_type=\"ml.small\", fallback_instance_types=['ml.large']" in result.stdout
    assert read_policy(demand.parent / "policy.json").target is not None


def test_a_plot_is_a_chart(demand: Path, tmp_path: Path) -> None:
    assert scaling("plot", demand, "--rps", 10, "--days", 1, "--out", "chart.png").exit_code == 0

    assert imread(tmp_path / "chart.png").shape[:2] == (975, 1560)


def test_a_policy_is_played_with_another_maximum_and_keeps_its_own_without_one(demand: Path) -> None:
    write_policy(Scaling(minimum=2, maximum=7, target=TargetTracking(target=480)), Path("policy.json"))
    played = ("replay", demand, "--rps", 10, "--days", 1, "--policy", "policy.json")

    own, same, fewer, none = (
        scaling(*played, *more, "--json") for more in ((), ("--maximum", 7), ("--maximum", 2), ("--maximum", 1))
    )

    assert json.loads(own.stdout) == json.loads(same.stdout)
    assert json.loads(fewer.stdout)["instance_hours_per_day"] == 48 < json.loads(own.stdout)["instance_hours_per_day"]
    assert none.exit_code == 2
    assert "the minimum is 2, and the maximum 1" in none.stderr


def test_the_maximum_of_a_serverless_endpoint_is_its_concurrency(demand: Path) -> None:
    """Which may be more than what its policy keeps warm."""
    write_policy(by_use(maximum=3, target=0.7), Path("policy.json"))
    played = ("replay", demand, "--rps", 1, "--days", 1, "--cold-start-seconds", 5, "--policy", "policy.json", "--json")

    usual, throttled = (json.loads(scaling(*played, *more).stdout) for more in ((), ("--maximum", 5)))

    assert throttled["violation_share"] > usual["violation_share"]
    assert max(usual["instance_hours_per_day"], throttled["instance_hours_per_day"]) <= 72


def test_a_policy_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    policy = Scaling(
        maximum=9,
        target=TargetTracking(target=420),
        steps=(StepScaling(steps=(Step(at_least=100, add=50),)),),
        floor=ForecastFloor(requests_per_second=8, quantile=0.9),
        calendar=(Event(name="TV spot", at=START, capacity=9, demand=TimesUsual(times=10, requests_per_second=8)),),
    )

    write_policy(policy, tmp_path / "policy.json")

    assert read_policy(tmp_path / "policy.json") == policy
