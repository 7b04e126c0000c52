"""Files that commands write: whole, or a sentence that comes before the work."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlp.errors import CliError
from mlp.files import refuse_unwritable, write_whole
from mlp.main import app


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text("old")

    write_whole(tmp_path / "policy.json", "new")
    write_whole(tmp_path / "chart.png", b"\x89PNG")

    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {
        "policy.json": b"new",
        "chart.png": b"\x89PNG",
    }


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("absent/policy.json", "there is no directory .*absent; name a file in a directory that is there"),
        ("file/policy.json", "there is no directory .*file"),
        (".", "it is a directory"),
        ("p" * 256, "File name too long"),
        ("/dev/null", "/dev/null cannot be written: it is no file"),
    ],
)
def test_what_cannot_be_a_file_is_a_sentence_and_left_alone(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").write_text("")

    for refuses in (refuse_unwritable, lambda path: write_whole(path, "")):
        with pytest.raises(CliError, match=problem):
            refuses(tmp_path / name)

    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_goes_wrong_while_writing_is_a_sentence_too(tmp_path: Path) -> None:
    """File systems have names of 255 bytes, and while it is written it has a longer one."""
    with pytest.raises(CliError, match="cannot be written: File name too long; make room, or name another file"):
        write_whole(tmp_path / ("p" * 255), "")


@pytest.mark.parametrize(
    "command",
    [
        ("scaling", "tune", "absent.csv", "--rps", "10"),
        ("scaling", "pool", "absent.csv", "types.csv"),
        ("scaling", "plot", "absent.csv", "--rps", "10"),
    ],
)
def test_commands_say_so_before_they_begin(no_aws: None, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Nothing else that they are given is there."""
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "absent" / "out")])

    assert result.exit_code == 2
    assert "there is no directory" in result.stderr
