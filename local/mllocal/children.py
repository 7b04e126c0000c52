"""Child processes that do not outlive the engine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """The command line that the kernel kills when the thread that started it is gone, even by `kill -9` (Linux).

    Elsewhere the command as it is: there a killed engine leaves its children to end by themselves.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)
