"""How many environments of sources' requirements are kept, and which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mllocal.images.inside.mlp_toolkit import derived


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Four environments, `used-0` used longest ago."""
    for number in range(4):
        directory = tmp_path / f"used-{number}"
        (directory / "bin").mkdir(parents=True)
        os.utime(directory, (number, number))
    return tmp_path


def names(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.is_dir())


def test_those_used_last_are_kept(home: Path) -> None:
    derived.remove_least_recently_used(home, kept=2)

    assert names(home) == ["used-2", "used-3"]


def test_few_enough_are_all_kept(home: Path) -> None:
    derived.remove_least_recently_used(home)

    assert len(names(home)) == 4


def test_one_that_a_process_uses_is_kept_as_long_as_the_process_lives(home: Path) -> None:
    """The process becomes another program, as a model server does that moves to its code's environment."""
    script = (
        "import os, pathlib, sys; from mllocal.images.inside.mlp_toolkit.derived import use; "
        "use(pathlib.Path(sys.argv[1])); os.execvp('sh', ['sh', '-c', 'echo in use; read _'])"
    )
    command = [sys.executable, "-c", script, str(home / "used-0")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in use\n"
        derived.remove_least_recently_used(home, kept=1)
        while_used = names(home)
        process.communicate("\n")

    derived.remove_least_recently_used(home, kept=1)

    assert while_used == ["used-0", "used-3"]
    assert names(home) == ["used-3"]
