"""What a load test says of the unit that scales."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlscaling.measurements.load_test import InvalidLoadTestError, LoadTest


def written(directory: Path, **members: object) -> Path:
    path = directory / "load-test.json"
    document = {"requests_per_second": 0.4, "concurrency": 0.8, "confirmed": True, **members}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_file_that_does_not_say_its_unit_is_of_instances(tmp_path: Path) -> None:
    assert LoadTest.given(written(tmp_path), None) == LoadTest(requests_per_second=0.4, concurrency=0.8)


def test_a_container_answers_without_a_pause_what_it_answers_at_the_knee_with_some(tmp_path: Path) -> None:
    """Little's law: 0.8 at work at 0.4 a second is two seconds each."""
    found = LoadTest.given(written(tmp_path, unit="container"), None, is_serverless=True)

    assert (found.requests_per_second, found.concurrency) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("unit", "is_serverless", "problem"),
    [
        ("container", False, "is of a serverless endpoint, and this is not one; test an endpoint of the same kind"),
        ("instance", True, "is of an instance, and this is a serverless endpoint; test an endpoint of the same kind"),
        ("copy", True, "is of a copy, and this is a serverless endpoint; test an endpoint of the same kind"),
        ("pod", False, "unit is 'pod', and not one of instance, copy, container"),
    ],
)
def test_a_test_of_another_kind_of_endpoint_is_refused(
    tmp_path: Path, unit: str, is_serverless: bool, problem: str
) -> None:
    with pytest.raises(InvalidLoadTestError, match=problem):
        LoadTest.given(written(tmp_path, unit=unit), None, is_serverless=is_serverless)


@pytest.mark.parametrize("value", [[], {}, True, "3", None, -1, float("nan"), float("inf"), 10**400])
def test_members_of_another_kind_are_named(tmp_path: Path, value: object) -> None:
    path = written(tmp_path, requests_per_second=value, concurrency=value, unit=value, confirmed=value == 1)

    with pytest.raises(InvalidLoadTestError) as refused:
        LoadTest.read(path)

    for member in ("requests_per_second", "concurrency"):
        assert f"{member} is {value!r}, and no number above 0; " in str(refused.value)
    assert f"unit is {value!r}, and not one of instance, copy, container; " in str(refused.value)
