"""Events of a calendar, as `mlp scaling` plays them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlp.scaling.inputs import read_calendar
from mlscaling.policies.planned import TimesUsual
from tests.unit.mlp.scaling.commands import scaling


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
