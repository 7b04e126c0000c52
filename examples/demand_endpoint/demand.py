"""Writes the demand on the endpoint that its policy is proved on: `python -m examples.demand_endpoint.demand`.

Whoever looks for a bike asks how many are wanted there, and the shares of such requests over the hours are taken from the rentals of the
last five weeks of 2011. How many there are is made up: `REQUESTS_PER_RENTAL`. A measured demand, from `mlp scaling history`, takes the
place of this file as soon as there is one.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from examples.demand_forecast.history import all_demand

DEMAND = Path(__file__).with_name("bikeshare_requests.csv")
REQUESTS_PER_RENTAL = 3000
FIRST, DAYS = datetime(2011, 11, 26), 35
_HOUR = timedelta(hours=1)


def text() -> str:
    """The file: an hour, and the requests in it. Hours that were not recorded are left out."""
    rentals = all_demand()
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["time", "requests"])
    for hour in (FIRST + place * _HOUR for place in range(DAYS * 24)):
        if hour in rentals:
            writer.writerow([hour.replace(tzinfo=UTC).isoformat(), round(REQUESTS_PER_RENTAL * rentals[hour])])
    return lines.getvalue()


if __name__ == "__main__":
    DEMAND.write_text(text(), encoding="utf-8")
