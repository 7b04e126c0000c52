"""Runs first in a script that is being reproduced: notes every whole number that random generators are seeded with.

Only the standard library, and nothing of the run changes: each function is called as it was. `MLP_SEEDS` names the file; a line of it
is a number, or `?` once a library is loaded whose seeds are not seen.
"""

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import sys
from collections.abc import Callable, Iterable
from typing import Any

_ATTRIBUTES = {
    "numpy.random": ("seed", "default_rng"),
    "sklearn.utils.validation": ("check_random_state",),
    "lightgbm.basic": ("_param_dict_to_str",),
}
_UNSEEN = ("torch", "tensorflow", "jax", "xgboost", "catboost")
_NAMES_OF_SEEDS = ("seed", "random_seed", "random_state")
_seen: set[str] = set()


def _note(value: Any) -> None:
    if isinstance(value, dict):
        value = [value.get(name) for name in _NAMES_OF_SEEDS]
    if isinstance(value, (list, tuple)):
        for item in value:
            _note(item)
        return
    if hasattr(value, "__index__") and not isinstance(value, bool) and getattr(value, "shape", ()) == ():
        _write(str(int(value)))


def _write(line: str) -> None:
    if line not in _seen:
        _seen.add(line)
        with open(os.environ["MLP_SEEDS"], "a") as file:
            file.write(f"{line}\n")


def _noting(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def noted(*arguments: Any, **named: Any) -> Any:
        for value in (*arguments[:2], *(named.get(name) for name in ("seed", "a", "data"))):
            _note(value)
        return function(*arguments, **named)

    return noted


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the other finders find, and has what they loaded note its seeds."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name in _UNSEEN:
            _write("?")
        if name not in _ATTRIBUTES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            _note_in(spec.loader, _ATTRIBUTES[name])
        return spec


def _note_in(loader: Any, attributes: Iterable[str]) -> None:
    load = loader.exec_module

    def exec_module(module: Any) -> None:
        load(module)
        for attribute in attributes:
            function = getattr(module, attribute, None)
            if function is not None:
                setattr(module, attribute, _noting(function))

    loader.exec_module = exec_module


if "MLP_SEEDS" in os.environ:
    random.seed, random.Random.seed = _noting(random.seed), _noting(random.Random.seed)  # type: ignore[method-assign]
    sys.meta_path.insert(0, _Finder())
