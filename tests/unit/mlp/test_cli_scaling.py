"""`mlp scaling` from outside: files in; a table, a policy, a chart or a sentence out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from matplotlib.image import imread
from typer.testing import CliRunner, Result

from mlp.main import app
from mlp.scaling.inputs import read_calendar, read_policy, write_policy
from mlscaling.policies.planned import Event, ForecastFloor, PublishedForecast, TimesUsual
from mlscaling.policies.reactive import Step, StepScaling, TargetTracking
from mlscaling.policies.scaling import Scaling, by_use

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def demand(no_aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four days by five minutes: 5 requests per second, and 60 for an hour at noon."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    lines = ["time,requests"]
    for place in range(4 * 288):
        moment = START + timedelta(minutes=5 * place)
        lines.append(f"{moment:%Y-%m-%dT%H:%M:%S},{300 * (60 if moment.hour == 12 else 5)}")
    path = tmp_path / "noon.csv"
    path.write_text("\n".join(lines))
    return path


def scaling(*arguments: str | float | Path) -> Result:
    return CliRunner().invoke(app, ["scaling", *map(str, arguments)])


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


def test_instance_types_without_their_columns_are_a_sentence(demand: Path) -> None:
    (demand.parent / "types.csv").write_text("type\nml.m5.large\n")

    result = scaling("pool", demand, "types.csv")

    assert result.exit_code == 2
    assert "give the columns instance_type,load_test,usd_per_hour" in " ".join(result.stderr.split())


def test_a_plot_is_a_chart(demand: Path, tmp_path: Path) -> None:
    assert scaling("plot", demand, "--rps", 10, "--days", 1, "--out", "chart.png").exit_code == 0

    assert imread(tmp_path / "chart.png").shape[:2] == (975, 1560)


def test_an_event_of_the_calendar_serves_what_it_announces(demand: Path, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("name,at,capacity,minutes\nnoon,2026-03-05T12:55:00+01:00,9,70\n")

    result = scaling("replay", demand, "--rps", 10, "--days", 1, "--served", 0.99, "--calendar", "events.csv")

    assert result.exit_code == 0


def test_an_event_of_the_calendar_may_be_times_the_usual(demand: Path, tmp_path: Path) -> None:
    """Twelve times the five requests per second that it would have been."""
    row = "noon,2026-03-05T12:00:00+00:00,1,60,11,12,9"
    (tmp_path / "events.csv").write_text(f"name,at,capacity,minutes,lead_minutes,times,requests_per_second\n{row}\n")

    (event,) = read_calendar(tmp_path / "events.csv")
    result = scaling("replay", demand, "--rps", 10, "--days", 1, "--served", 0.99, "--calendar", "events.csv")

    assert event.demand == TimesUsual(times=12, requests_per_second=9)
    assert result.exit_code == 0


def test_an_event_to_come_is_rehearsed(demand: Path, tmp_path: Path) -> None:
    row = "spot,2026-03-20T20:00:00+00:00,1,60,10,9"
    (tmp_path / "events.csv").write_text(f"name,at,capacity,minutes,times,requests_per_second\n{row}\n")
    given = ("replay", demand, "--rps", 10, "--served", 0.5, "--calendar", "events.csv", "--json")

    served, capped, lenient = (
        scaling(*given, *more) for more in ((), ("--maximum", 4), ("--maximum", 4, "--served-in-events", 0))
    )

    assert (served.exit_code, capped.exit_code, lenient.exit_code) == (0, 1, 0)
    (event,) = json.loads(served.stdout)["events"]
    assert event.pop("instances") >= 10 * 5 / 9
    assert event == {"name": "spot", "violation_share": 0, "days": 3}
    assert json.loads(capped.stdout)["events"][0]["violation_share"] > 0.3


def test_tune_rehearses_events_too(demand: Path, tmp_path: Path) -> None:
    header = "name,at,capacity,minutes,times,requests_per_second"
    (tmp_path / "spot.csv").write_text(f"{header}\nspot,2026-03-20T20:00:00+00:00,1,60,10,20\n")

    result = scaling("tune", demand, "--rps", 10, "--days", 1, "--served", 0.9, "--calendar", "spot.csv", "--json")

    found = json.loads(result.stdout)
    assert (result.exit_code, found["meets"]) == (1, False)
    assert found["reasons"][-2].startswith(
        "'spot', 10 times the usual at the 0.9 quantile, had it been at 20:00 UTC on"
    )
    assert found["reasons"][-1].startswith(
        "for 'spot': lower requests_per_second of its demand from 20 to less than 10"
    )
    assert [event["name"] for event in found["events"]] == ["spot"]


@pytest.mark.parametrize("command", ["tune", "replay"])
def test_events_that_cannot_be_are_refused(demand: Path, tmp_path: Path, command: str) -> None:
    header = "name,at,capacity,minutes,times,requests_per_second"
    (tmp_path / "spot.csv").write_text(f"{header}\nspot,2026-03-20T20:00:00+00:00,50,60,10,9\n")
    given = (command, demand, "--rps", 10, "--calendar", "spot.csv")

    large = scaling(*given, "--maximum", 4)
    warm = scaling(*given, "--cold-start-seconds", 5)

    assert (large.exit_code, warm.exit_code) == (2, 2)
    assert "event 'spot' has 50 instances" in large.stderr
    assert "event 'spot' is of times the usual" in warm.stderr
    assert "give its capacity: warm containers follow no forecast" in warm.stderr


@pytest.mark.parametrize("kind", [(), ("--asynchronous",), ("--cold-start-seconds", 5)])
def test_a_minimum_over_the_maximum_is_refused(demand: Path, kind: tuple[str | int, ...]) -> None:
    result = scaling("tune", demand, "--rps", 10, "--minimum", 5, "--maximum", 3, *kind)

    assert result.exit_code == 2
    assert "the minimum is 5, and the maximum 3" in result.stderr


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
