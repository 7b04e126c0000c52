"""What the demonstration knows before a week, what it compares with afterwards, and the chart of both."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from matplotlib.image import imread

from examples.demand_forecast.chart import draw_forecast
from examples.demand_forecast.history import (
    DATA,
    actual_demand,
    final_origin,
    forecast_errors,
    seasonal_naive,
    write_history,
)

CHRISTMAS = datetime(2011, 12, 25)


def test_final_origin_leaves_exactly_the_last_week_to_forecast() -> None:
    assert final_origin() == CHRISTMAS
    assert max(actual_demand(CHRISTMAS)) == datetime(2011, 12, 31, 23)


def test_history_ends_in_the_hour_before_the_origin(tmp_path: Path) -> None:
    written = write_history(tmp_path / "history.csv", until=CHRISTMAS)

    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert len(lines) == written + 1
    assert lines[-1].split(",")[2:4] == ["358", "23"]  # December 24
    assert written + len(actual_demand(CHRISTMAS)) == len(DATA.read_text().splitlines()) - 1
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_a_history_before_the_data_begins_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no hour before 2011-01-01 00:00:00; choose a later origin"):
        write_history(tmp_path / "history.csv", until=datetime(2011, 1, 1))
    assert not list(tmp_path.iterdir())


def test_seasonal_naive_is_the_same_hour_of_the_week_before() -> None:
    naive, before = seasonal_naive(CHRISTMAS), actual_demand(CHRISTMAS - timedelta(weeks=1))

    assert len(naive) == 168
    assert all(naive[hour + timedelta(weeks=1)] == count for hour, count in before.items())


def test_errors_are_counted_in_the_hours_that_were_recorded() -> None:
    hours = [CHRISTMAS + timedelta(hours=number) for number in range(3)]

    errors = forecast_errors({hours[0]: 13.0, hours[1]: 6.0, hours[2]: 99.0}, {hours[0]: 10.0, hours[1]: 10.0})

    assert errors.hours == 2
    assert errors.rmse == pytest.approx(12.5**0.5)
    assert errors.mae == pytest.approx(3.5)
    assert errors.wape == pytest.approx(0.35)


def test_a_forecast_that_lacks_hours_is_not_compared() -> None:
    with pytest.raises(ValueError, match="the forecast lacks 2 of the 2 hours that were recorded, first 2011-12-25"):
        forecast_errors({}, {CHRISTMAS: 1.0, CHRISTMAS + timedelta(hours=1): 1.0})
    with pytest.raises(ValueError, match="choose an origin inside the data"):
        forecast_errors({CHRISTMAS: 1.0}, {})


@pytest.mark.parametrize("origin", [CHRISTMAS, datetime(2011, 8, 26, 9)], ids=["from midnight", "from the morning"])
def test_chart_is_a_picture_of_the_week(tmp_path: Path, origin: datetime) -> None:
    naive = seasonal_naive(origin)

    draw_forecast(
        {hour: 0.9 * count for hour, count in naive.items()}, actual_demand(origin), naive, tmp_path / "week.png"
    )

    height, width = imread(tmp_path / "week.png").shape[:2]
    assert width > 1.5 * height > 600
    assert [path.name for path in tmp_path.iterdir()] == ["week.png"]


def test_an_empty_forecast_is_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the forecast is empty"):
        draw_forecast({}, {}, {}, tmp_path / "week.png")
    assert not list(tmp_path.iterdir())
