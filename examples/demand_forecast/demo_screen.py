"""How the demonstration shows its work: a line per step, what happens meanwhile, and a table at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

STEPS = 5
WIDTH = 140  # of a table that goes to a file


@dataclass
class Step:
    """A step while it runs.

    Attributes:
        say: shows what it does now; a line of its own where the output is a file.
        tick: shows how far it is; nothing where the output is a file.
        result: what stays on the screen.
        detail: what stays below it, in a line of its own; none when empty.
    """

    say: Callable[[str], None]
    tick: Callable[[str], None]
    result: str = ""
    detail: str = ""


@dataclass
class Screen:
    """A line per step, what happens meanwhile, and the table at the end."""

    console: Console = field(
        default_factory=lambda: Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    )
    rows: list[tuple[str, str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time a step; print its line when it is done."""
        began = time.monotonic()
        number = f"{len(self.rows) + 1}/{STEPS}"
        with self.console.status(f"{number} {title}") as spinner:

            def tick(text: str) -> None:
                spinner.update(f"{number} {title}: {escape(text)}")

            def say(text: str) -> None:
                tick(text)
                if not self.console.is_terminal:
                    self.console.print(f"    {escape(text)}", soft_wrap=True)

            step = Step(say, tick)
            yield step
        seconds = time.monotonic() - began
        self.rows.append((title, step.result, seconds))
        line = f"[bold green]{number}[/] [bold]{title:<11}[/] {escape(step.result)} [dim]({seconds:.1f} s)[/]"
        self.console.print(line, soft_wrap=True)
        if step.detail:
            self.console.print(f"    {escape(step.detail)}", soft_wrap=True)

    def summary(self) -> None:
        """All steps in a table."""
        table = Table(title="Summary", title_justify="left")
        table.add_column("step", no_wrap=True)
        table.add_column("result", overflow="fold")
        table.add_column("seconds", justify="right")
        for title, result, seconds in self.rows:
            table.add_row(title, escape(result), f"{seconds:.1f}")
        table.add_section()
        table.add_row("total", "", f"{sum(seconds for _, _, seconds in self.rows):.1f}")
        self.console.print(table)
