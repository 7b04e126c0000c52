"""Bad props are told all at once: each check adds a sentence, and the construct raises them together."""

from __future__ import annotations

from collections.abc import Iterable


class InvalidPropsError(ValueError):
    """The props of a construct are wrong. `problems` holds one sentence per mistake: what is wrong, then the fix."""

    def __init__(self, subject: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{subject}:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


def raise_if_any(subject: str, problems: Iterable[str]) -> None:
    """Raise `InvalidPropsError` naming `subject` if there is any problem."""
    found = tuple(problems)
    if found:
        raise InvalidPropsError(subject, found)
