"""The one function that makes features, for training, evaluation and forecasting alike.

A forecast is made once a week for the next 168 hours. So a row may use what a calendar says about its own
hour, and demand that is at least 168 hours older: then every row of the week needs only what was known when
the forecast was made. All demand below comes from `known`, which is the demand moved by those 168 hours. The
weather of the week is not used, as it is not known, nor `casual` and `registered`, which add up to the target.
"""

from __future__ import annotations

import pandas as pd

from demand_calendar import is_holiday, is_working_day

TARGET = "bikers"
TIMESTAMP = "timestamp"
TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%S"
HORIZON_HOURS = 168
LOOKBACK_WEEKS = 5  # the oldest demand a row uses is 28 days older than the week before it
BASELINE = "same_hour_last_week"

# In the order in which the model expects them. Month and day of the year are known ahead as well, and are left out
# on purpose: one year of data shows each of them once, and they did not help on the weeks used for tuning.
FEATURES = (
    "hour",
    "day_of_week",
    "holiday",
    "working_day",
    BASELINE,  # the seasonal naive forecast; an hour that was not recorded is taken from the week before
    "same_hour_4_weeks",  # mean over the last four weeks, same weekday and hour
    "same_kind_of_day_14_days",  # mean over the last 14 days, same hour, working day or day off like this one
    "same_kind_of_day_28_days",
    "all_hours_7_days",  # mean over the last 7 days, every hour: the level
    "all_hours_28_days",
    "level_trend",  # the level of 7 days as a multiple of that of 28 days
)


def build_features(demand: pd.Series, hours: pd.DatetimeIndex) -> pd.DataFrame:
    """Features of the given hours, from the calendar and from demand at least 168 hours older.

    Args:
        demand: rentals per hour on an hourly index without holes; NaN where an hour was not recorded.
        hours: which hours, from LOOKBACK_WEEKS after the first hour of `demand` to 168 hours after its last.

    Returns:
        One row for each hour, the columns FEATURES, no NaN.

    Raises:
        ValueError: hours for which the demand does not reach far enough.
    """
    first = demand.index[0] + pd.Timedelta(weeks=LOOKBACK_WEEKS)
    last = demand.index[-1] + pd.Timedelta(hours=HORIZON_HOURS)
    if hours.min() < first or hours.max() > last:
        raise ValueError(f"features can be made from {first} to {last}; got {hours.min()} to {hours.max()}")
    grid = pd.date_range(demand.index[0], last, freq="h")
    known = demand.reindex(grid).shift(HORIZON_HOURS)
    features = pd.DataFrame(
        {
            "hour": grid.hour,
            "day_of_week": grid.day_of_week,
            "holiday": is_holiday(grid).astype(int),
            "working_day": is_working_day(grid).astype(int),
            "all_hours_7_days": known.rolling(7 * 24, min_periods=1).mean(),
            "all_hours_28_days": known.rolling(28 * 24, min_periods=1).mean(),
        },
        index=grid,
    )
    trend = features["all_hours_7_days"] / features["all_hours_28_days"]
    features["level_trend"] = trend.where(features["all_hours_28_days"] > 0, 1.0)
    weeks = pd.DataFrame({week: known.shift(HORIZON_HOURS * week) for week in range(4)})
    features["same_hour_4_weeks"] = weeks.mean(axis="columns").fillna(features["all_hours_28_days"])
    features[BASELINE] = weeks.bfill(axis="columns").iloc[:, 0].fillna(features["all_hours_28_days"])
    by_kind = {days: _same_kind_of_day(known, features["working_day"], days) for days in (14, 28)}
    features["same_kind_of_day_28_days"] = by_kind[28].fillna(features["same_hour_4_weeks"])
    features["same_kind_of_day_14_days"] = by_kind[14].fillna(features["same_kind_of_day_28_days"])
    return features.loc[hours, list(FEATURES)]


def _same_kind_of_day(known: pd.Series, working_day: pd.Series, days: int) -> pd.Series:
    """Mean demand of the same hour over the last days that were of the same kind (working day or day off)."""
    kind_when_known = working_day.shift(HORIZON_HOURS)
    means = {}
    for kind in (0, 1):
        of_kind = known.where(kind_when_known == kind)
        means[kind] = of_kind.groupby(of_kind.index.hour).transform(lambda one: one.rolling(days, min_periods=1).mean())
    return means[1].where(working_day == 1, means[0])


def to_csv(table: pd.DataFrame, *, header: bool) -> str:
    """A table whose index is hours, as CSV text: ISO timestamp first, numbers that read back exactly."""
    stamped = table.set_axis(table.index.strftime(TIMESTAMP_FORMAT), axis="index")
    return str(stamped.to_csv(header=header, index_label=TIMESTAMP, lineterminator="\n"))
