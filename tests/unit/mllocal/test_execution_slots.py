"""The queue of executions: who is let in, when, and in what order."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mllocal.execution.slots import Slots


def test_who_comes_first_is_let_in_first() -> None:
    slots = Slots(2)
    let_in: list[int] = []
    for number in range(5):
        slots.ask(number, partial(let_in.append, number))

    at_first = list(let_in)
    slots.release()
    slots.release()

    assert at_first == [0, 1]
    assert let_in == [0, 1, 2, 3]


def test_one_that_waits_can_leave_and_one_that_was_let_in_cannot() -> None:
    slots = Slots(1)
    let_in: list[str] = []
    for name in ("first", "second", "third"):
        slots.ask(name, partial(let_in.append, name))

    left = [slots.withdraw(name) for name in ("first", "second", "second")]
    slots.release()

    assert left == [False, True, False]
    assert let_in == ["first", "third"]


def test_a_slot_given_back_is_another_ones_until_that_one_is_done() -> None:
    slots = Slots(1)
    events: list[str] = []
    slots.ask("mine", lambda: None)

    def end_other() -> None:
        events.append("other ends")
        slots.release()

    with slots.given_back():
        slots.ask("other", partial(events.append, "other runs"))
        threading.Timer(0.05, end_other).start()
    events.append("mine again")

    assert events == ["other runs", "other ends", "mine again"]


def test_nobody_is_let_in_any_more_after_the_end() -> None:
    slots = Slots(1)
    let_in: list[str] = []
    slots.ask("first", partial(let_in.append, "first"))
    slots.ask("second", partial(let_in.append, "second"))

    slots.close()
    slots.release()
    slots.ask("third", partial(let_in.append, "third"))

    assert let_in == ["first"]


def test_never_more_than_the_bound_hold_a_slot_whatever_the_threads_do() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    slots, lock = Slots(3), threading.Lock()
    pauses = [moments.uniform(0, 0.003) for _ in range(60)]
    held, most, done = 0, 0, 0

    def change(by: int) -> None:
        nonlocal held, most
        with lock:
            held += by
            most = max(most, held)

    def hold(pause: float) -> None:
        nonlocal done
        change(+1)
        time.sleep(pause)
        change(-1)
        with slots.given_back():
            time.sleep(pause)
        change(+1)
        time.sleep(pause)
        change(-1)
        slots.release()
        with lock:
            done += 1

    with ThreadPoolExecutor(len(pauses)) as pool:
        for number, pause in enumerate(pauses):
            slots.ask(number, partial(pool.submit, hold, pause))
        while done < len(pauses):
            time.sleep(0.01)

    assert (held, most) == (0, 3)
