"""`mlp loadtest`: against a computed queue in simulated time, and against a real HTTP server whose service time is known."""

from __future__ import annotations

import json
import math
import shutil
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mlp.loadtest.generator import OpenLoop
from mlp.loadtest.knee import LimitedBy, Limits, Search, find_knee
from mlp.loadtest.steps import Answer, Goal, Step, quantile
from mlp.main import app
from mlscaling.measurements.load_test import InvalidLoadTestError, LoadTest
from tests.unit.mlp.queueing import Endpoint, computed_step, served

GOAL = Goal(latency_seconds=0.2, quantile=0.99)
LIMITS = Limits(first_rps=1, most_rps=1000, step_seconds=60, most_seconds=36_000)


def searched(limits: Limits = LIMITS, *, service_seconds: float = 0.02, workers: int = 1) -> Search:
    seeds = count()

    def measure(rate: float, seconds: float, confirming: bool) -> Step:
        endpoint = {"service_seconds": service_seconds, "workers": workers}
        return computed_step(GOAL, rate, seconds, seed=next(seeds), confirming=confirming, **endpoint)  # type: ignore[arg-type]

    return find_knee(measure, limits, latency_seconds=GOAL.latency_seconds)


@pytest.mark.parametrize(("service_seconds", "workers"), [(0.02, 1), (0.02, 4), (0.05, 2), (0.004, 1)])
def test_the_knee_is_that_of_the_queue(service_seconds: float, workers: int) -> None:
    """It is where a long look at the same queue meets the objective, and a tenth more does not."""
    found = searched(service_seconds=service_seconds, workers=workers)

    assert found.knee is not None
    assert found.limited_by is LimitedBy.LATENCY
    rate = found.knee.requests_per_second
    assert rate < workers / service_seconds
    below, above = (
        computed_step(GOAL, factor * rate, 1800, service_seconds=service_seconds, workers=workers, seed=1)
        for factor in (0.9, 1.15)
    )
    assert below.meets
    assert not above.meets


def test_the_knee_is_confirmed_by_a_longer_step() -> None:
    found = searched()

    assert found.knee == found.steps[-1]
    assert found.knee.confirming
    assert found.knee.seconds == 3 * LIMITS.step_seconds


def test_at_the_highest_rate_allowed_it_goes_no_higher() -> None:
    found = searched(Limits(first_rps=1, most_rps=20, step_seconds=60, most_seconds=36_000))

    assert found.limited_by is LimitedBy.MOST_RPS
    assert found.knee is not None
    assert found.knee.requests_per_second == 20
    assert max(step.requests_per_second for step in found.steps) == 20


def test_it_never_sends_for_longer_than_allowed() -> None:
    found = searched(Limits(first_rps=1, most_rps=1000, step_seconds=60, most_seconds=300))

    assert (found.limited_by, found.knee) == (LimitedBy.MOST_SECONDS, None)
    assert sum(step.seconds for step in found.steps) <= 300


def test_an_endpoint_that_is_too_slow_for_one_request_has_no_knee() -> None:
    found = searched(service_seconds=0.3)

    assert found.knee is None
    assert len(found.steps) == 2


def test_a_request_that_failed_is_later_than_any_other() -> None:
    answers = [Answer(due_seconds=place, late_seconds=0, latency_seconds=0.1) for place in range(98)]
    failed = [Answer(due_seconds=99, late_seconds=0, latency_seconds=0.1, error="refused")] * 2
    options = {"requests_per_second": 1.0, "seconds": 100.0, "confirming": False}

    served_most = Step.of([*answers, *failed], GOAL, cut_short=False, **options)  # type: ignore[arg-type]

    assert (served_most.errors, served_most.first_error) == (2, "refused")
    assert served_most.p90_seconds == 0.1
    assert served_most.p99_seconds is None
    assert not served_most.meets


def test_a_machine_that_sends_late_says_that_it_was_the_limit() -> None:
    def measure(rate: float, seconds: float, confirming: bool) -> Step:
        late = 0.15 if rate > 10 else 0.0
        answers = [
            Answer(due_seconds=place / rate, late_seconds=late, latency_seconds=0.1 + late)
            for place in range(round(rate * seconds))
        ]
        return Step.of(answers, GOAL, requests_per_second=rate, seconds=seconds, cut_short=False, confirming=confirming)

    found = find_knee(measure, LIMITS, latency_seconds=GOAL.latency_seconds)

    assert found.limited_by is LimitedBy.GENERATOR
    assert found.knee is not None
    assert found.knee.requests_per_second <= 10


def test_quantiles_are_values_that_were_measured() -> None:
    assert [quantile([1, 2, 3, 4], share) for share in (0, 0.25, 0.5, 0.51, 1)] == [1, 1, 2, 3, 4]
    assert quantile([], 0.5) == math.inf


def test_a_pause_makes_all_requests_slow_that_came_meanwhile() -> None:
    """A generator that waits for answers would have found one slow request, since it would not have sent the others."""
    endpoint = Endpoint(service_seconds=0.001, pauses=lambda number: 1.5 if number == 30 else 0.0)
    with served(endpoint):
        open_loop = OpenLoop(
            lambda _: None if endpoint.invoke(b"") == 200 else "failed", GOAL, stop_at_errors=1, seed=0
        )
        step = open_loop.step(50, 3)

    assert not step.meets
    assert step.goal_seconds is not None
    assert step.goal_seconds > 1
    assert step.p90_seconds is not None
    assert step.p90_seconds > 0.2


def test_a_step_whose_requests_fail_is_cut_short() -> None:
    sent: list[int] = []

    def refuse(number: int) -> str:
        sent.append(number)
        return "refused"

    step = OpenLoop(refuse, GOAL, stop_at_errors=0.05, seed=0).step(200, 600)

    assert step.cut_short
    assert len(sent) < 1000
    assert (step.meets, step.first_error) == (False, "refused")


def test_a_bug_of_the_sender_is_not_taken_for_an_answer() -> None:
    def broken(number: int) -> str | None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        OpenLoop(broken, GOAL, stop_at_errors=1, seed=0).step(50, 0.2)


def loadtest(endpoint: Endpoint, directory: Path, *arguments: str | float | Path) -> Result:
    payload = directory / "payload.csv"
    payload.write_text("1,2,3\n", encoding="utf-8")
    fixed = (
        "loadtest",
        "quotes",
        "--endpoint-url",
        endpoint.url,
        "--payload",
        payload,
        "--out",
        directory / "test.json",
    )
    return CliRunner().invoke(app, [str(one) for one in (*fixed, *arguments)])


@pytest.fixture
def embedded(no_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell whose endpoint is the server of a test, which is no engine."""


def test_the_knee_of_a_real_server_is_found_written_and_read(embedded: None, tmp_path: Path) -> None:
    """A worker that takes 10 ms serves 100 requests per second and no more, however slow this machine is."""
    with served(Endpoint(service_seconds=0.01)) as endpoint:
        options = ("--latency-ms", 300, "--quantile", 0.9, "--first-rps", 20, "--step-seconds", 1, "--most-minutes", 3)
        result = loadtest(endpoint, tmp_path, *options)

    assert result.exit_code == 0, result.stderr
    assert "testing 1 instance of ml.m5.large for 3 minutes or less, at 0.01 USD or less" in result.stderr
    assert "one instance serves " in result.stdout
    document = json.loads((tmp_path / "test.json").read_text(encoding="utf-8"))
    assert document["limited_by"] in ("latency", "generator")
    assert (document["instances"], document["instance_type"], document["confirmed"]) == (1, "ml.m5.large", True)
    assert document["steps"][-1]["confirming"]
    found = LoadTest.read(tmp_path / "test.json")
    assert 10 <= found.requests_per_second <= 1.3 * 100
    assert found.concurrency > 0
    assert set(endpoint.asked) == {b"1,2,3\n"}


def test_two_instances_serve_half_each(embedded: None, tmp_path: Path) -> None:
    with served(Endpoint(service_seconds=0, workers=100, instances=lambda _: 2)) as endpoint:
        options = ("--latency-ms", 5000, "--first-rps", 25, "--most-rps", 25, "--step-seconds", 1)
        result = loadtest(endpoint, tmp_path, *options)

    assert result.exit_code == 0, result.stderr
    assert "it may be more: --most-rps allowed no higher rate" in result.stdout
    assert LoadTest.read(tmp_path / "test.json").requests_per_second == 12.5


def test_an_endpoint_that_fails_has_no_knee_and_its_file_is_refused(embedded: None, tmp_path: Path) -> None:
    with served(Endpoint(service_seconds=0, fails=lambda _: True)) as endpoint:
        result = loadtest(endpoint, tmp_path, "--latency-ms", 500, "--first-rps", 50)

    assert result.exit_code == 1
    assert "no knee was found" in result.stdout
    assert "above it, requests fail; the first error was: " in result.stdout
    assert "out of memory" in result.stdout
    assert len(endpoint.asked) < 200
    with pytest.raises(InvalidLoadTestError, match=r"requests_per_second is None.*no knee was confirmed; give a file"):
        LoadTest.read(tmp_path / "test.json")


def test_a_test_during_which_the_endpoint_scales_stops(embedded: None, tmp_path: Path) -> None:
    with served(Endpoint(service_seconds=0, instances=lambda described: described)) as endpoint:
        result = loadtest(
            endpoint, tmp_path, "--latency-ms", 500, "--first-rps", 50, "--step-seconds", 1, "--variant", "AllTraffic"
        )

    assert result.exit_code == 1
    assert "the instances of quotes changed during the test: there were 1 instance of ml.m5.large" in result.stderr
    assert not (tmp_path / "test.json").exists()


def test_what_cannot_be_tested_is_a_sentence(embedded: None, tmp_path: Path) -> None:
    with served(Endpoint(service_seconds=0, status="Updating")) as endpoint:
        updating = loadtest(endpoint, tmp_path, "--latency-ms", 500)
    with served(Endpoint(service_seconds=0)) as endpoint:
        unknown = loadtest(endpoint, tmp_path, "--latency-ms", 500, "--variant", "Canary")
        backwards = loadtest(endpoint, tmp_path, "--latency-ms", 500, "--first-rps", 9, "--most-rps", 3)
        absent = loadtest(endpoint, tmp_path, "--latency-ms", 500, "--payload", tmp_path / "absent.csv")

    assert "the endpoint quotes is Updating" in updating.stderr
    assert "Canary" in unknown.stderr
    assert "AllTraffic" in unknown.stderr
    assert "--most-rps 3 is below --first-rps 9" in backwards.stderr
    assert "absent.csv: No such file" in absent.stderr


def test_a_file_that_cannot_be_is_said_before_the_test(embedded: None, tmp_path: Path) -> None:
    absent = tmp_path / "absent" / "out"
    with served(Endpoint(service_seconds=0)) as endpoint:
        tested = loadtest(endpoint, tmp_path, "--latency-ms", 500, "--out", absent)
        url = ("--endpoint-url", endpoint.url)
        history = CliRunner().invoke(app, ["scaling", "history", "quotes", *url, "--out", str(absent)])

    assert (tested.exit_code, history.exit_code) == (2, 2)
    assert "there is no directory" in tested.stderr
    assert "there is no directory" in history.stderr
    assert endpoint.asked == []


def test_a_result_that_can_no_longer_be_written_is_printed(embedded: None, tmp_path: Path) -> None:
    """The directory goes while the requests are sent. What is printed is one document, all the same."""
    directory = tmp_path / "results"

    def removes(_: int) -> bool:
        shutil.rmtree(directory, ignore_errors=True)
        return True

    directory.mkdir()
    with served(Endpoint(service_seconds=0, fails=removes)) as endpoint:
        options = ("--latency-ms", 500, "--first-rps", 50, "--out", directory / "test.json", "--json")
        result = loadtest(endpoint, tmp_path, *options)

    assert result.exit_code == 2
    assert "there is no directory" in result.stderr
    assert json.loads(result.stdout)["limited_by"] == "errors"
