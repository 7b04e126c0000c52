"""Days to play, out of a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from mlscaling.measurements.history import History
from mlscaling.replay.cases import MOST_DAYS, Case
from mlscaling.replay.demand import Demand
from tests.unit.mlscaling.demand_days import START


def test_of_a_long_file_the_last_days_are_those_that_would_be_there_if_all_were_interpolated(tmp_path: Path) -> None:
    """A rate for each second of some years does not fit into memory; of 70 days it does."""
    random = np.random.default_rng(4)
    moments = (START + timedelta(hours=hour) for hour in range(70 * 24 + 5))
    rows = [f"{moment.isoformat()},{random.integers(1000)}" for moment in moments]
    (tmp_path / "long.csv").write_text("\n".join(rows))

    case = Case.of_file(tmp_path / "long.csv", days=3)

    whole = Demand.interpolated(History.read_csv(tmp_path / "long.csv")).last(MOST_DAYS)
    assert case.demand.start == whole.start
    assert np.array_equal(case.demand.requests_per_second, whole.requests_per_second)
    assert (case.days, case.ends) == (3, START + timedelta(days=70))
