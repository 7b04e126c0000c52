"""Calendars, instance types and forecasts as people write them: all that is wrong, with its line and column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlp.errors import CliError
from mlp.scaling.inputs import read_calendar, read_instance_types
from mlscaling.forecasts.published import InvalidForecastError, read_forecasts
from mlscaling.policies.planned import ForecastFloor, PublishedForecast
from mlscaling.policies.scaling import Scaling

CALENDAR = "name,at,capacity,minutes"
TYPES = "instance_type,load_test,usd_per_hour"
FORECASTS = "published_at,time,requests"
POLICY = Scaling(
    maximum=9,
    floor=ForecastFloor(
        requests_per_second=8, quantile=1, published=PublishedForecast(pipeline="demand", interval_minutes=60)
    ),
)


def written(directory: Path, header: str, *rows: str, encoding: str = "utf-8") -> Path:
    """With the load test of an instance beside it."""
    knee = {"requests_per_second": 10, "concurrency": 2, "confirmed": True}
    (directory / "knee.json").write_text(json.dumps(knee))
    path = directory / "rows.csv"
    path.write_text("\n".join([header, *rows]), encoding=encoding)
    return path


def test_files_that_excel_has_saved_are_read(tmp_path: Path) -> None:
    def saved(header: str, row: str) -> Path:
        return written(tmp_path, header, row, encoding="utf-8-sig")

    (event,) = read_calendar(saved(f"{CALENDAR},,", "Frühling,2026-03-01T20:15:00+01:00, 40 ,45,,"))
    (kind,) = read_instance_types(saved(TYPES, "ml.m5.large,knee.json,0.115"), [300])
    (forecast,) = read_forecasts(saved(FORECASTS, "2026-03-01,2026-03-02,3"), POLICY)

    assert (event.name, event.capacity, kind.name, forecast.requests) == ("Frühling", 40, "ml.m5.large", (3,))


@pytest.mark.parametrize(
    ("header", "rows", "problem"),
    [
        (
            "name,at",
            ("spot,2026-03-01",),
            "there is no column 'capacity'; there is no column 'minutes'; the first row is",
        ),
        ("", (), "there is no column 'name'; .*; the first row is ''"),
        (CALENDAR, ("spot,2026-03-01T20:15:00+01:00,40",), "line 2: minutes is ''; give a number"),
        (
            CALENDAR,
            ("spot,tomorrow,40,45", "", "spot,2026-03-01T20:15:00+01:00,4.5,45"),
            "line 2: at is 'tomorrow'; give a time with its zone, .*; line 4: capacity is '4.5'; give a whole number",
        ),
        (CALENDAR, ("spot,2026-03-01T20:15:00,40,45",), "line 2: event 'spot' is at .*; give a time with its zone"),
        (CALENDAR, (",2026-03-01T20:15:00+01:00,40,45",), "line 2: name is empty"),
        (CALENDAR, ("spot,2026-03-01T20:15:00+01:00,40,45,0",), "line 2 has 5 cells, and there are 4 columns"),
        (
            f"{CALENDAR},times",
            ("spot,2026-03-01T20:15:00+01:00,40,45,3",),
            "line 2: requests_per_second is ''; give a number",
        ),
        (
            f"{CALENDAR},requests_per_second",
            ("spot,2026-03-01T20:15:00+01:00,40,45,3",),
            "line 2: times is ''; give a number",
        ),
    ],
)
def test_what_is_wrong_with_a_calendar_has_a_line_and_a_column(
    tmp_path: Path, header: str, rows: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(CliError, match=f"the calendar .*rows.csv: {problem}.*; give the columns name,at,"):
        read_calendar(written(tmp_path, header, *rows))


def test_all_that_is_wrong_with_instance_types_is_said_at_once(tmp_path: Path) -> None:
    rows = ("ml.a,knee.json,-1", "ml.b,knee.json,nan", "ml.a,knee.json,1", "ml.c,absent.json,1", "ml.d,knee.json")

    with pytest.raises(CliError) as refused:
        read_instance_types(written(tmp_path, TYPES, *rows), [300])
    with pytest.raises(CliError, match=r"line 2: .*absent.json.*; line 3: load_test is empty"):
        read_instance_types(written(tmp_path, TYPES, "ml.c,absent.json,1", "ml.d,,1"), [300])

    assert refused.value.cause.endswith(
        "rows.csv: line 2: usd_per_hour is '-1'; give a price of 0 or more; "
        "line 3: usd_per_hour is 'nan'; give a price of 0 or more; "
        "line 4: instance_type is ml.a again; and 2 more like these"
    )


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ((), "there are no rows"),
        (("2026-03-01,then,3", "2026-03-01,2026-03-02"), "line 2 is '2026-03-01,then,3'; line 3 is '2026-03-01,2026-"),
        (("2026-03-01,2026-03-02,3,5",), "line 2 has 4 cells, and there are 3 columns"),
        (("2026-03-01,0001-01-01T00:00:00+05:00,3",), "line 2 is '2026-03-01,0001-01-01"),
    ],
)
def test_what_is_wrong_with_forecasts_has_a_line(tmp_path: Path, rows: tuple[str, ...], problem: str) -> None:
    with pytest.raises(InvalidForecastError, match=f"rows.csv: {problem}.*; give the columns published_at,time,req"):
        read_forecasts(written(tmp_path, FORECASTS, *rows), POLICY)
