"""What is known about a day years ahead: is it a holiday in Washington DC, do people work."""

from __future__ import annotations

import pandas as pd
from pandas.tseries.holiday import Holiday, USFederalHolidayCalendar, nearest_workday

# The federal calendar agrees with the data's `holiday` column in every hour of 2011 but those of April 15,
# the District's own Emancipation Day (April 16 was a Saturday). With it they agree everywhere: a test holds
# this. Both name the day on which a holiday is observed: Christmas 2011, a Sunday, is December 26.
_EMANCIPATION_DAY = Holiday("DC Emancipation Day", month=4, day=16, start_date="2005-01-01", observance=nearest_workday)


def is_holiday(hours: pd.DatetimeIndex) -> pd.Series:
    """Which of these hours lie on an observed holiday of the District of Columbia."""
    days = hours.normalize()
    # A week on either side: an observed day can lie before or after the day of the rule.
    start, end = days.min() - pd.Timedelta(days=7), days.max() + pd.Timedelta(days=7)
    holidays = USFederalHolidayCalendar().holidays(start, end).union(_EMANCIPATION_DAY.dates(start, end))
    return pd.Series(days.isin(holidays), index=hours)


def is_working_day(hours: pd.DatetimeIndex) -> pd.Series:
    """Which of these hours lie on a day that is neither a weekend nor a holiday."""
    return pd.Series(hours.day_of_week < 5, index=hours) & ~is_holiday(hours)
