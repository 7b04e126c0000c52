"""Where words go: results on stdout (text or one JSON document), progress and errors on stderr."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from mlp.errors import CliError, ExitCode, translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType


_WIDTH_OF_A_FILE = 160  # a table that goes to a file or a pipe has no window to fit


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    return console


@dataclass(kw_only=True)
class Output:
    """The two streams of one command.

    `target` names what the command talks to; an error from boto3 quotes it.
    """

    as_json: bool
    target: str = "AWS"
    console: Console = field(default_factory=lambda: _console(stderr=False))
    progress: Console = field(default_factory=lambda: _console(stderr=True))
    has_result: bool = False

    @property
    def is_live(self) -> bool:
        """Whether progress may redraw itself: stderr is a terminal."""
        return self.progress.is_terminal

    def say(self, line: str) -> None:
        """One line of progress."""
        self.progress.print(line, markup=False, soft_wrap=True)

    def result(self, document: Mapping[str, object], *text: RenderableType) -> None:
        """The result of the command: `document` for machines, `text` for people."""
        self.has_result = True
        if self.as_json:
            sys.stdout.write(to_json(document) + "\n")
            return
        for part in text:
            self.console.print(part, soft_wrap=isinstance(part, str))

    def lines(self, document: Mapping[str, object], lines: Sequence[str]) -> None:
        """A result whose text is plain lines, printed as they are (a log is not markup)."""
        if self.as_json:
            self.result(document)
        else:
            sys.stdout.writelines(f"{line}\n" for line in lines)

    def error(self, error: CliError) -> None:
        """The error as a sentence on stderr and, with `--json`, as the document on stdout, unless the result is there already."""
        if self.as_json and not self.has_result:
            sys.stdout.write(
                to_json({"error": error.cause, "fix": error.fix, "exit_code": int(error.exit_code)}) + "\n"
            )
        self.progress.print(f"[bold red]error:[/] {escape(error.cause)}", soft_wrap=True)
        self.progress.print(f"[bold]  fix:[/] {escape(error.fix)}", soft_wrap=True)


def to_json(document: object) -> str:
    """`document` as indented JSON; times are ISO 8601."""
    return json.dumps(document, indent=2, default=_encode)


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


@contextmanager
def reporting(*, as_json: bool) -> Iterator[Output]:
    """The frame of a command: expected errors become sentences and exit codes; others are bugs."""
    out = Output(as_json=as_json)
    try:
        yield out
    except CliError as error:
        out.error(error)
        raise typer.Exit(error.exit_code) from error
    except (BotoCoreError, ClientError) as error:
        sentence = translate(error, target=out.target)
        out.error(sentence)
        raise typer.Exit(sentence.exit_code) from error
    except KeyboardInterrupt as error:
        out.say("interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from error
