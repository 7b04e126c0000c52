"""Seeds of a record against those of its command, and other seeds in their place."""

from __future__ import annotations

from pathlib import Path

from mlp.reproduce.seeds import contradictions, moved_values, unused, with_other_seeds


def test_a_command_with_another_seed_contradicts_the_record() -> None:
    command = ("train.py", "--random-state=4", "--depth", "3")
    assert list(contradictions({"random_state": "4"}, command)) == []
    (found,) = contradictions({"random_state": "5"}, command)
    assert found.sentence == "the record's seeds say random_state=5, but the run was given random-state=4"


def test_other_seeds_take_the_place_of_the_recorded_ones_only() -> None:
    command = ("train.py", "--seed", "4", "--depth", "4", "--data-seed=4")
    assert with_other_seeds(command, {"seed": "4"}, 2) == ["train.py", "--seed", "6", "--depth", "4", "--data-seed=4"]
    assert moved_values({"seed": "1", "trees": "1"}, {"seed": "1"}, 1) == {"seed": "2", "trees": "1"}


def test_a_seed_that_nothing_used_is_told_unless_the_code_has_it(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("generator = default_rng(8)\n")
    (found,) = unused({"seed": "7"}, frozenset({"8"}), ("train.py",), tmp_path)
    assert found.sentence == "the record's seeds say seed=7, but the code seeds its generators with 8"
    assert list(unused({"seed": "7"}, frozenset({"7", "8"}), ("train.py",), tmp_path)) == []
    assert list(unused({"seed": "7"}, None, ("train.py",), tmp_path)) == []
    script.write_text("parameters = {'random_state': 7}\n")
    assert list(unused({"seed": "7"}, frozenset({"8"}), ("train.py",), tmp_path)) == []
