"""The state of a service is copied whole while others change it."""

from __future__ import annotations

import copy
import threading

import pytest

from mllocal.emulator.durability import snapshot


def test_a_state_that_others_add_to_meanwhile_is_copied() -> None:
    """Without this the answer to whoever made a change was lost, although the change was not."""
    state: dict[int, dict[str, int]] = {number: {"n": number} for number in range(2_000)}
    is_over = threading.Event()

    def add() -> None:
        while not is_over.is_set():
            state[len(state)] = {}
            is_over.wait(0.000_1)

    adding = threading.Thread(target=add)
    adding.start()
    try:
        copies = [snapshot(lambda: copy.deepcopy(state)) for _ in range(20)]
    finally:
        is_over.set()
        adding.join()

    assert all(found[1_999] == {"n": 1_999} for found in copies)


def test_any_other_error_of_a_service_is_raised() -> None:
    def fail() -> None:
        raise RuntimeError("the disk is on fire")

    with pytest.raises(RuntimeError, match="the disk is on fire"):
        snapshot(fail)
