"""Many random examples at once: drawn by hypothesis from one seed, run in parallel, and the smallest that fails is reported."""

from __future__ import annotations

import os
import random
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

COUNT = 500
AT_ONCE = 12
SEED_VARIABLE = "RANDOM_DEFINITIONS_SEED"
_QUIET = settings(
    max_examples=COUNT * 3 // 2,  # some are drawn twice
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


class Example(Protocol):
    """What is drawn; its text is all of it, and tells it from others."""

    @property
    def text(self) -> str: ...


Drawn = TypeVar("Drawn", bound=Example)


def check(strategy: SearchStrategy[Drawn], problems_of: Callable[[Drawn], list[str]], test: str) -> None:
    """Run `COUNT` examples. One with problems fails the test, made as small as hypothesis gets it, with what repeats it."""
    chosen = int(os.environ.get(SEED_VARIABLE, random.randrange(2**32)))
    print(f"to repeat: {SEED_VARIABLE}={chosen} pytest {test}")
    examples = draw(strategy, chosen)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip((example.text for example in examples), pool.map(_caught(problems_of), examples), strict=True))
    failed = {text: problems for text, problems in found.items() if problems}
    for text, problems in failed.items():
        print("\n".join([*problems, text, ""]))
    if failed:
        _minimise(strategy, _caught(problems_of), found, chosen)


def draw(strategy: SearchStrategy[Drawn], chosen: int) -> list[Drawn]:
    """The examples of a seed, all different."""
    examples: dict[str, Drawn] = {}

    @seed(chosen)
    @_QUIET
    @given(strategy)
    def collect(example: Drawn) -> None:
        examples.setdefault(example.text, example)

    collect()
    return list(examples.values())[:COUNT]


def _minimise(
    strategy: SearchStrategy[Drawn],
    problems_of: Callable[[Drawn], list[str]],
    found: dict[str, list[str]],
    chosen: int,
) -> None:
    """Draw the same examples again: what is known of them stands, and smaller ones than those that fail run now."""

    @seed(chosen)
    @settings(_QUIET, phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False)
    @given(strategy)
    def has_no_problems(example: Drawn) -> None:
        if example.text not in found:
            found[example.text] = problems_of(example)
        assert not found[example.text], found[example.text]

    has_no_problems()


def _caught(problems_of: Callable[[Drawn], list[str]]) -> Callable[[Drawn], list[str]]:
    def problems(example: Drawn) -> list[str]:
        try:
            return problems_of(example)
        except Exception:  # noqa: BLE001 - the example is reported with it
            return [traceback.format_exc()]

    return problems
