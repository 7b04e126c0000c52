"""What a script runs as: its command, its commit, its Python. Looked at once, when a run starts."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from mlrecords.git import Checkout, GitError, checkout_of
from mlrecords.masking import masked, masked_arguments
from mlrecords.record import Code, Environment

VARIABLES = (
    *("CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES", "LANG", "LC_ALL", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "TF_DETERMINISTIC_OPS", "TZ"),
)
"""Environment variables that change what comes out and hold nothing private; others are recorded when `track` names them."""


def script() -> Path | None:
    """The file that Python was started with; None in a notebook or at a prompt."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return None if file is None or _is_notebook() else Path(file).resolve()


def command(found: Checkout | None) -> tuple[str, ...]:
    """What follows `python`, its files relative to where it runs, and without secrets. Empty in a notebook, which has none."""
    if _is_notebook():
        return ()
    here = working_directory(found)
    root = here if found is None else found.root.resolve()
    return masked_arguments([_relative(word, here, root) for word in sys.orig_argv[1:]])


def checkout() -> Checkout | None:
    """The repository of the script, or else of the working directory, as for a program of a package."""
    file = script()
    for place in (*(() if file is None else (file.parent,)), Path.cwd()):
        try:
            found = checkout_of(place)
        except GitError as error:
            warnings.warn(f"{error}; the run is recorded without its commit", stacklevel=2)
            return None
        if found is not None:
            return found
    return None


def working_directory(found: Checkout | None) -> Path:
    """Where the command is run again: the working directory, or the script's if its repository is elsewhere."""
    here, file = Path.cwd().resolve(), script()
    if found is None or file is None or here.is_relative_to(found.root.resolve()):
        return here
    return file.parent


def code(found: Checkout | None, keep: Callable[[bytes], str]) -> Code:
    """The command and where it is from; the patch of what is not committed is kept as a blob."""
    if found is None:
        return Code(entry_point=command(None))
    if found.left_out:
        warnings.warn(
            f"{', '.join(found.left_out)} in {found.root} not recorded, being large or named like secrets; commit what the "
            "run needs, and ignore the rest",
            stacklevel=2,
        )
    directory = working_directory(found).relative_to(found.root.resolve())
    return Code(
        entry_point=command(found),
        remote=found.remote,
        commit=found.commit,
        directory=directory.as_posix(),
        dirty=found.dirty,
        diff=keep(found.patch) if found.patch else None,
    )


def environment(variables: Iterable[str] = ()) -> Environment:
    """Python, the platform, every installed distribution, and the variables on the list or named besides."""
    installed = {found.metadata["Name"]: found.version for found in reversed(list(distributions()))}
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        packages=dict(sorted((name, version) for name, version in installed.items() if name)),
        variables=masked(_variables((*VARIABLES, *variables))),
    )


def _variables(names: Iterable[str]) -> Mapping[str, str]:
    return {name: os.environ[name] for name in sorted(names) if name in os.environ} | _python_path()


def _python_path() -> dict[str, str]:
    """PYTHONPATH as far as it lies below the working directory: elsewhere it means something else."""
    entries = [Path(entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    here = Path.cwd()
    below = [os.path.relpath(entry, here) for entry in entries if entry.is_relative_to(here)]
    return {"PYTHONPATH": os.pathsep.join(below)} if below else {}


def _relative(word: str, here: Path, root: Path) -> str:
    """A file of the repository as it is called from where the command runs; other words as they are."""
    path = Path(word)
    if not path.is_file() or not path.resolve().is_relative_to(root):
        return word
    return os.path.relpath(path.resolve(), here)


def _is_notebook() -> bool:
    return "ipykernel" in sys.modules or not sys.orig_argv[1:]
