"""Features know nothing of the week they describe, and are the same in training and forecasting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from demand_calendar import is_holiday, is_working_day
from demand_data import History, read_history
from demand_features import BASELINE, FEATURES, HORIZON_HOURS, LOOKBACK_WEEKS, build_features
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from examples.demand_forecast.backtest import run_job
from examples.demand_forecast.history import DATA, seasonal_naive, write_history


@pytest.fixture(scope="module")
def history(data_directory: Path) -> History:
    return read_history(data_directory, minimum_weeks=LOOKBACK_WEEKS)


def week_from(origin: pd.Timestamp) -> pd.DatetimeIndex:
    return pd.date_range(origin, periods=HORIZON_HOURS, freq="h")


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), print_blob=True)
@given(
    hours_after_lookback=st.integers(0, 8760 - LOOKBACK_WEEKS * 168 - HORIZON_HOURS),
    future=st.sampled_from(["random", "zero", "not recorded", "huge"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_feature_of_the_week_changes_when_demand_from_the_origin_on_changes(
    history: History, hours_after_lookback: int, future: str, seed: int
) -> None:
    origin = history.demand.index[0] + pd.Timedelta(hours=LOOKBACK_WEEKS * 168 + hours_after_lookback)
    changed = history.demand.copy()
    after = changed.index >= origin
    values = {"zero": 0.0, "not recorded": np.nan, "huge": 1e12}
    changed[after] = np.random.default_rng(seed).uniform(0, 1000, after.sum()) if future == "random" else values[future]

    as_it_was = build_features(history.demand, week_from(origin))
    as_changed = build_features(changed, week_from(origin))

    pd.testing.assert_frame_equal(as_changed, as_it_was, check_exact=True)


def test_features_of_a_week_can_be_made_when_nothing_after_the_origin_exists(history: History) -> None:
    origin = pd.Timestamp("2011-07-01 05:00")
    known = history.demand[history.demand.index < origin]

    pd.testing.assert_frame_equal(
        build_features(known, week_from(origin)),
        build_features(history.demand, week_from(origin)),
        check_exact=True,
        check_freq=False,
    )


def test_changed_weather_and_changed_split_of_customers_change_no_feature(data_directory: Path, tmp_path: Path) -> None:
    seed = int(np.random.default_rng().integers(2**32))
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    rows = pd.read_csv(DATA)
    for column in ("season", "weathersit", "temp", "atemp", "hum", "windspeed", "holiday", "workingday", "mnth"):
        rows[column] = random.permutation(rows[column])
    rows["casual"] = random.integers(0, rows["bikers"] + 1)
    rows["registered"] = rows["bikers"] - rows["casual"]
    rows.to_csv(tmp_path / "changed.csv", index=False)

    changed = read_history(tmp_path, minimum_weeks=LOOKBACK_WEEKS).demand
    original = read_history(data_directory, minimum_weeks=LOOKBACK_WEEKS).demand

    hours = original.index[LOOKBACK_WEEKS * 168 :]
    pd.testing.assert_frame_equal(build_features(changed, hours), build_features(original, hours), check_exact=True)


@pytest.fixture(scope="module")
def training_rows(data_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Features by hour as features.py writes them, run as a process on all the data."""
    directory = tmp_path_factory.mktemp("features")
    run_job("features.py", "--input", data_directory, "--output-train", directory, "--output-test", directory)
    lines = [line for name in ("train", "test") for line in (directory / f"{name}.csv").read_text().splitlines()[1:]]
    return {hour: features for hour, _demand, features in (line.split(",", 2) for line in lines)}


@pytest.mark.parametrize("origin", ["2011-08-29 00:00", "2011-11-24 13:00"])
def test_training_and_forecasting_see_the_same_features_to_the_last_digit(
    training_rows: dict[str, str], tmp_path: Path, origin: str
) -> None:
    """prepare.py, as a process on what was known at the origin, against features.py on all the data."""
    week = week_from(pd.Timestamp(origin))
    write_history(tmp_path / "history.csv", until=week[0].to_pydatetime())

    run_job("prepare.py", "--input", tmp_path, "--output", tmp_path / "prepared")

    lines = (tmp_path / "prepared" / "week.csv").read_text().splitlines()
    forecasting = dict(line.split(",", 1) for line in lines)
    assert list(forecasting) == [f"{hour:%Y-%m-%dT%H:%M:%S}" for hour in week]
    recorded = forecasting.keys() & training_rows.keys()
    assert len(recorded) > 160
    assert {hour: forecasting[hour] for hour in recorded} == {hour: training_rows[hour] for hour in recorded}


def test_no_feature_is_missing_even_where_hours_were_not_recorded(history: History) -> None:
    features = build_features(history.demand, history.demand.index[LOOKBACK_WEEKS * 168 :])

    assert list(features.columns) == list(FEATURES)
    assert np.isfinite(features.to_numpy(float)).all()


def test_no_feature_is_missing_after_the_longest_gap_that_is_accepted(history: History) -> None:
    demand = history.demand.copy()
    gap = pd.date_range("2011-06-17 18:00", periods=72, freq="h")
    demand[gap] = np.nan

    features = build_features(demand, pd.date_range(gap[-1], periods=6 * 168, freq="h"))

    assert np.isfinite(features.to_numpy(float)).all()


def test_baseline_is_the_same_in_the_jobs_and_in_the_demonstration(history: History) -> None:
    """August 27 and 28 were not recorded in full: the week after them needs the week before them."""
    origin = pd.Timestamp("2011-08-29 00:00")

    of_jobs = build_features(history.demand, week_from(origin))[BASELINE]

    assert of_jobs.to_dict() == seasonal_naive(origin.to_pydatetime())


def test_hours_too_early_or_too_late_for_the_history_are_refused(history: History) -> None:
    with pytest.raises(ValueError, match=r"features can be made from 2011-02-05 .* got 2011-01-10"):
        build_features(history.demand, week_from(pd.Timestamp("2011-01-10")))
    with pytest.raises(ValueError, match=r"to 2012-01-07 23:00:00; got .* to 2012-01-08"):
        build_features(history.demand, week_from(pd.Timestamp("2012-01-02")))


def test_holidays_and_working_days_agree_with_the_data_in_every_hour() -> None:
    rows = pd.read_csv(DATA)
    hours = pd.Timestamp(2011, 1, 1) + pd.to_timedelta((rows["day"] - 1) * 24 + rows["hr"], unit="h")

    assert is_holiday(pd.DatetimeIndex(hours)).astype(int).tolist() == rows["holiday"].tolist()
    assert is_working_day(pd.DatetimeIndex(hours)).astype(int).tolist() == rows["workingday"].tolist()


@pytest.mark.parametrize(("day", "name"), [("2012-01-02", "New Year, observed"), ("2012-04-16", "Emancipation Day")])
def test_holidays_after_the_data_are_known(day: str, name: str) -> None:
    assert is_holiday(pd.date_range(day, periods=24, freq="h")).all(), name
