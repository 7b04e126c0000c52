"""The journal of changes to a state: what it gives back, and to which state it belongs."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mllocal.emulator.journal import HttpRequest, Journal


def change(number: int) -> HttpRequest:
    return HttpRequest("POST", "/", b"", ((b"x-amz-target", b"Logs.Put"),), f"change {number}: ü\n".encode())


@given(
    st.builds(
        HttpRequest, st.text(), st.text(), st.binary(), st.tuples(st.tuples(st.binary(), st.binary())), st.binary()
    )
)
def test_a_request_is_one_line_and_comes_back_as_it_was(request: HttpRequest) -> None:
    line = request.to_line()

    assert line.count("\n") == 1
    assert HttpRequest.from_line(line) == request


def test_changes_come_back_in_order_to_another_engine(tmp_path: Path) -> None:
    for number in range(3):
        Journal(tmp_path / "journal", tmp_path / "state").append(change(number))

    again = Journal(tmp_path / "journal", tmp_path / "state")

    assert list(again.requests()) == [change(0), change(1), change(2)]


def test_a_state_written_since_has_the_changes_already(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", tmp_path / "state")
    journal.append(change(0))
    (tmp_path / "state").write_text("with change 0")

    before = list(journal.requests())
    journal.append(change(1))

    assert before == []
    assert list(journal.requests()) == [change(1)]


def test_a_line_that_a_kill_cut_off_was_never_acknowledged(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", tmp_path / "state")
    journal.append(change(0))
    with (tmp_path / "journal").open("a") as file:
        file.write(change(1).to_line()[:-5])

    before = list(journal.requests())
    journal.append(change(2))

    assert before == [change(0)]
    assert list(journal.requests()) == [change(0), change(2)]


def test_there_is_nothing_before_the_first_change(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "journal", tmp_path / "state").requests()) == []
