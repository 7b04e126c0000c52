"""A forecast that a pipeline has published: what becomes of it, when it does not count, and what is not a forecast at all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlscaling import Event, ForecastFloor, History, InvalidForecastError, Published, PublishedForecast, Scaling
from mlscaling.forecasts.floors import minimums, published_problem
from mlscaling.forecasts.published import MOST_BYTES, newest, read_forecasts, read_published
from mlscaling.policies.problems import InvalidScalingError
from tests.unit.servers import s3_server

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WANTED = PublishedForecast(pipeline="demo-demand", interval_minutes=60, oldest_hours=26)
FLOOR = ForecastFloor(requests_per_second=10, quantile=0.5, periods=2, lead_minutes=10, published=WANTED)
POLICY = Scaling(minimum=1, maximum=20, floor=FLOOR)
USUAL = History(start=NOON - timedelta(days=7), interval_seconds=3600, counts=(3600 * 50.0,) * 7 * 24)
"""Of 50 requests per second, so that the quantile asks for 5 instances."""


def published(*rates: float, first: datetime = NOON, published_at: datetime = NOON - HOUR) -> Published:
    """Requests per second in each hour from `first` on."""
    rows = [(first + place * HOUR, 3600 * rate) for place, rate in enumerate(rates)]
    return Published.of(published_at, rows, WANTED)


def test_what_is_published_counts_for_its_time_and_the_quantile_for_all_others() -> None:
    found = minimums(POLICY, USUAL, NOON, 180, published(120, 30))

    assert [found[minute] for minute in (0, 59, 60, 100, 109, 110, 120, 179)] == [12, 12, 3, 3, 3, 5, 5, 5]


def test_it_rises_before_the_forecast_does_and_stays_under_the_maximum() -> None:
    found = minimums(POLICY, USUAL, NOON, 120, published(30, 1e300, 30))

    assert (found[49], found[50], found[119]) == (3, 20, 20)


def test_it_needs_no_demand_of_the_past() -> None:
    assert set(minimums(POLICY, None, NOON, 100, published(30, 30))) == {3}
    assert set(minimums(POLICY, None, NOON, 100)) == {1}


def test_the_calendar_raises_it() -> None:
    spot = Event(name="TV spot", at=NOON, capacity=7, lead_minutes=0)
    policy = Scaling(maximum=20, floor=FLOOR, calendar=(spot,))

    found = minimums(policy, USUAL, NOON, 120, published(30, 30, 30))

    assert (found[59], found[60]) == (7, 3)


@pytest.mark.parametrize(
    ("published_at", "instances"),
    [
        (NOON - timedelta(hours=26), 3),
        (NOON - timedelta(hours=26, seconds=1), 5),
        (NOON, 3),
        (NOON + timedelta(seconds=1), 5),
    ],
)
def test_one_that_is_too_old_or_was_not_known_yet_does_not_count(published_at: datetime, instances: int) -> None:
    forecast = published(30, 30, published_at=published_at)

    assert minimums(POLICY, USUAL, NOON, 1, forecast) == [instances]
    assert (published_problem(FLOOR, forecast, NOON, 60) is None) == (instances == 3)


def test_what_the_quantile_is_used_for_is_said() -> None:
    old = published(30, published_at=NOON - 27 * HOUR)
    short = published(30, 30, 30)

    assert published_problem(FLOOR, old, NOON, 60) == (
        "the newest forecast was published at 2026-03-08T09:00:00+00:00, which is not within 26 hours before "
        "2026-03-09T12:00:00+00:00; see why none came after it"
    )
    assert published_problem(FLOOR, short, NOON, 170) is None
    assert "has no row for 2026-03-09T15:00:00+00:00; publish one for each 60 minutes" in str(
        published_problem(FLOOR, short, NOON, 171)
    )


def test_times_are_utc_or_have_an_offset_and_come_in_any_order() -> None:
    tokyo = timezone(timedelta(hours=9))
    rows = [(NOON.replace(tzinfo=None) + HOUR, 7200.0), (NOON.astimezone(tokyo), 3600.0)]

    forecast = Published.of(NOON, rows, WANTED)

    assert forecast.times == (NOON, NOON + HOUR)
    assert forecast.rates(WANTED, NOON, 61)[::60] == [1, 2]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "there are no rows"),
        ([(NOON, -1.0)], "are -1.0; publish a number that is 0 or more"),
        ([(NOON, math.nan)], "are nan; publish"),
        ([(NOON, math.inf)], "are inf; publish"),
        ([(NOON, 1.0), (NOON, 2.0)], "are not 60 minutes apart"),
        (
            [(NOON, 1.0), (NOON + timedelta(minutes=5), 2.0)],
            "publish one row for each interval, or correct interval_minutes",
        ),
    ],
)
def test_with_one_bad_row_none_counts(rows: Sequence[tuple[datetime, float]], problem: str) -> None:
    with pytest.raises(InvalidForecastError, match=problem):
        Published.of(NOON, rows, WANTED)


def test_what_cannot_be_asked_for_is_said_all_at_once() -> None:
    with pytest.raises(InvalidScalingError) as raised:
        PublishedForecast(pipeline="", interval_minutes=0.5, time="", oldest_hours=0)

    assert str(raised.value) == (
        "oldest_hours is 0; use more than 0; interval_minutes is 0.5; use 1 to 1440; pipeline is empty; give the name of the "
        "pipeline; time is empty; give the name of the column"
    )


def test_a_replay_knows_the_newest_that_had_been_published(tmp_path: Path) -> None:
    path = tmp_path / "forecasts.csv"
    path.write_text(
        "published_at,time,requests\n"
        "2026-03-09T11:00:00,2026-03-09T12:00:00,108000\n"
        "2026-03-09T12:30:00+00:00,2026-03-09T13:00:00,72000\n"
        "2026-03-09T11:00:00,2026-03-09T13:00:00,108000\n"
    )

    forecasts = read_forecasts(path, POLICY)

    assert newest(forecasts, NOON - HOUR - timedelta(seconds=1)) is None
    assert minimums(POLICY, USUAL, NOON, 1, newest(forecasts, NOON)) == [3]
    assert minimums(POLICY, USUAL, NOON + HOUR, 1, newest(forecasts, NOON + HOUR)) == [2]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("time,requests\n2026-03-09T12:00:00,1\n", "no column 'published_at'.* give the columns published_at,"),
        ("published_at,time,requests\n2026-03-09,2026-03-09,many\n", "line 2 is '2026-03-09,2026-03-09,many'"),
        ("published_at,time,requests\n", "there are no rows"),
    ],
)
def test_a_file_that_is_no_record_of_forecasts_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "forecasts.csv"
    path.write_text(text)

    with pytest.raises(InvalidForecastError, match=problem):
        read_forecasts(path, POLICY)


def test_a_record_of_forecasts_is_for_policies_that_use_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidForecastError, match=r"the policy uses no published forecast; leave .* out, or give"):
        read_forecasts(tmp_path / "forecasts.csv", Scaling(maximum=2))


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with s3_server(tmp_path_factory.mktemp("aws")) as client:
        client.create_bucket(Bucket="output")
        yield client


ROOT = "s3://output/demo-demand"
RUN = f"{ROOT}/runs/run_id=2026-03-09T110000Z/1"


def output() -> dict[str, Any]:
    """What batch inference leaves, by key below its root; docs/batch-inference.md and docs/batch-inference-files.md."""
    rows = [{"time": f"2026-03-09 {hour}:00:00", "store": "x", "requests": 3600.0 * hour} for hour in (12, 13, 14)]
    lines = ["".join(f"{json.dumps(row)}\n" for row in part) for part in (rows[:2], rows[2:])]
    files = [
        {"path": f"part-0000{part}.parquet", "rows": count, "bytes": 9, "sha256": "x"}
        | {"json_lines": {"path": f"part-0000{part}.jsonl", "bytes": len(lines[part])}}
        for part, count in enumerate((2, 1))
    ]
    manifest = {"published_at": "2026-03-09T11:04:00+00:00", "output": {"uri": f"{RUN}/", "rows": 3, "files": files}}
    run = RUN.removeprefix(f"{ROOT}/")
    return {
        "latest.json": {"run_id": "2026-03-09T110000Z", "manifest_uri": f"{RUN}/manifest.json"},
        f"{run}/manifest.json": manifest,
        f"{run}/part-00000.jsonl": lines[0],
        f"{run}/part-00001.jsonl": lines[1],
    }


def put(s3: Any, objects: dict[str, Any]) -> None:
    for key, content in objects.items():
        body = content if isinstance(content, str | bytes) else json.dumps(content)
        s3.put_object(Bucket="output", Key=f"demo-demand/{key}", Body=body)


def test_the_newest_output_of_a_batch_inference_is_read(s3: Any) -> None:
    put(s3, output())

    found = read_published(s3, ROOT, WANTED)

    assert found.published_at == NOON - timedelta(minutes=56)
    assert found.rates(WANTED, NOON, 180)[::60] == [12, 13, 14]


def test_an_output_that_is_no_forecast_says_what_to_do(s3: Any) -> None:
    whole = output()
    latest, manifest, first, second = whole
    without, large = output()[manifest], output()[manifest]
    del without["output"]["files"][0]["json_lines"]
    large["output"]["files"][0]["json_lines"]["bytes"] = MOST_BYTES + 1
    cases: list[tuple[dict[str, Any], str]] = [
        ({latest: {"manifest_uri": f"{RUN}/other.json"}}, "other.json is not there; see whether its pipeline has"),
        ({latest: "{"}, "is not a forecast"),
        ({latest: []}, "is not a forecast"),
        ({manifest: {"output": whole[manifest]["output"]}}, "is not a forecast .KeyError.'published_at'"),
        ({manifest: without}, r"part-00000.parquet has no JSON lines beside it; give the pipeline scoring=Scoring\("),
        ({manifest: large}, "and 16777216 are read; publish fewer rows"),
        ({second: whole[second] * 2}, "part-00001.jsonl has 2 rows, not 1"),
        ({second: whole[first]}, "part-00001.jsonl has 2 rows, not 1"),
        ({second: '{"time": "2026-03-09T14:00:00"}\n'}, "KeyError.'requests'"),
        ({second: '{"time": "2026-03-09T14:00:00", "requests": "3"}\n'}, "is '3'; publish a number"),
        ({second: '{"time": "2026-03-09T14:00:00", "requests": true}\n'}, "is True; publish a number"),
        ({second: '{"time": "2026-03-09T12:00:00", "requests": 3}\n'}, "are not 60 minutes apart"),
        ({second: f'{{"time": "2026-03-09T14:00:00", "requests": 1{"0" * 400}}}\n'}, "OverflowError"),
    ]
    for changed, problem in cases:
        put(s3, {**whole, **changed})
        with pytest.raises(InvalidForecastError, match=problem):
            read_published(s3, ROOT, WANTED)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_lies_there_is_a_forecast_or_refused(s3: Any, data: st.DataObject) -> None:
    """Bytes of one object are replaced at random: either it is read, and all rates are numbers, or it is said what is wrong."""
    objects = {
        key: (content if isinstance(content, str) else json.dumps(content)).encode()
        for key, content in output().items()
    }
    key = data.draw(st.sampled_from([key for key in objects if not key.endswith("latest.json")]))
    content = bytearray(objects[key])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    put(s3, {**objects, key: bytes(content)})

    try:
        found = read_published(s3, ROOT, WANTED)
    except (InvalidForecastError, BotoCoreError, ClientError):
        return
    assert all(rate is None or 0 <= rate < math.inf for rate in found.rates(WANTED, NOON, 300))
