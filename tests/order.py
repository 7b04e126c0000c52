"""A plugin of `make test`: the order in which its processes take the files of tests.

None is to be left with a long one at the end, nor are all to wait at once. Nothing but time hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

WAITING = "tests/local"
"""Its tests mostly wait for jobs, instances and stacks; most others keep a core busy."""
LONGEST = (
    "tests/local/test_platform_end_to_end.py",
    "tests/local/endpoints/test_proved_endpoint.py",
    "tests/local/endpoints/test_scaling.py",
    "tests/local/test_durability.py",
    "tests/local/endpoints/test_component_endpoint.py",
    "tests/local/test_images_functions.py",
    "tests/local/endpoints/test_load_tests.py",
    "tests/local/batch_inference/test_fault_schedules.py",
    "tests/local/batch_inference/test_runs.py",
    "tests/local/test_studio_teardown.py",
    "tests/unit/mlp/test_cli_loadtest.py",
    "tests/unit/mllocal/test_toolkit_monitor.py",
    "tests/unit/tracking/test_track.py",
    "tests/unit/mlscaling/search/test_realtime.py",
    "tests/unit/mlp/runs/test_archive.py",
    "tests/unit/mlp/test_cli_engine.py",
    "tests/unit/mlp/scaling/test_commands.py",
    "tests/access/test_second_opinions.py",
)
"""Files of half a minute and more: half of all the time."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Move whole files; within a file nothing moves."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path.relative_to(config.rootpath).as_posix(), []).append(item)
    items[:] = [item for file in in_order(files) for item in files[file]]


def in_order(files: Iterable[str]) -> list[str]:
    """Files by their paths in the repository: the longest first, and those that wait spread among the others."""
    places = {file: place for place, file in enumerate(LONGEST)}
    ordered = sorted(files, key=lambda file: places.get(file, len(LONGEST)))
    waiting = [file for file in ordered if Path(file).is_relative_to(WAITING)]
    working = [file for file in ordered if not Path(file).is_relative_to(WAITING)]
    return [file for _, file in sorted([*_spread(waiting), *_spread(working)])]


def _spread(files: Sequence[str]) -> list[tuple[float, str]]:
    return [((place + 0.5) / len(files), file) for place, file in enumerate(files)]
