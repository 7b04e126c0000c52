"""The access matrix: what the six roles may do in their own project, and in others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from tests.access.intended import is_intended
from tests.access.world import ROLES, Answer

_LETTERS = {"read": "r", "write": "w", "delete": "d", "start": "s", "stop": "x", "pass": "p"}


def deviations(answers: Iterable[Answer]) -> list[str]:
    """A sentence for each answer that is not as intended. Roles besides the six are only held to their own project."""
    return [
        f"role '{it.role}' of {it.project} {'may' if it.allowed else 'may not'} {it.ask.verb} {it.ask.kind} of {it.owner}: "
        + "; ".join(dict.fromkeys(decision.reason for decision in it.decisions))
        for it in answers
        if _deviates(it)
    ]


def _deviates(answer: Answer) -> bool:
    if answer.project != answer.owner:
        return answer.allowed
    if answer.role not in ROLES:
        return False
    intended = is_intended(answer.role, answer.ask.kind, answer.ask.verb)
    return not answer.reaches_all if intended else answer.allowed


def table(answers: Sequence[Answer]) -> Table:
    """Kinds by roles; a cell has the verbs that are allowed in the own project, then in others."""
    shown = Table(title="Access: own project / other projects", title_justify="left")
    shown.add_column("resource")
    for role in ROLES:
        shown.add_column(role, justify="center", no_wrap=True)
    for kind in dict.fromkeys(it.ask.kind for it in answers):
        of_kind = [it for it in answers if it.ask.kind == kind]
        shown.add_row(kind, *(_cell([it for it in of_kind if it.role == role]) for role in ROLES))
    shown.caption = ", ".join(f"{letter} {verb}" for verb, letter in _LETTERS.items()) + ", · denied"
    shown.caption_justify = "left"
    return shown


def _cell(answers: Sequence[Answer]) -> str:
    own, others = (
        "".join(
            _LETTERS[verb]
            for verb in _LETTERS
            if any(it.allowed and it.ask.verb == verb for it in answers if (it.project == it.owner) is is_own)
        )
        for is_own in (True, False)
    )
    text = f"{own or '·'} / {others or '·'}"
    return f"[red]{text}[/red]" if any(map(_deviates, answers)) else text
