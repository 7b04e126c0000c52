"""Read YAML and remember where each value stood, so that an error can name the line.

Catches what YAML itself lets pass: duplicate keys (the last one silently wins) and unquoted account numbers
(`012345670123` is an octal integer in YAML 1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

KeyPath = tuple[str | int, ...]
_STRING = "tag:yaml.org,2002:str"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a file: where it stands, and a sentence with the value and the fix."""

    path: KeyPath
    message: str


@dataclass(frozen=True, kw_only=True)
class YamlSource:
    """A parsed file: plain data, the line of each path, and the problems that parsing alone reveals."""

    file: Path
    data: object
    problems: tuple[Problem, ...]
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def describe(self, problems: Iterable[Problem]) -> tuple[str, ...]:
        """`platform.yaml:7: environments.dev.account: '12' is not ...`, in the order of the lines, each once."""
        described: dict[str, None] = {}
        for problem in sorted(problems, key=lambda problem: self._line(problem.path)):
            place = f"{self.file.name}:{self._line(problem.path)}"
            dotted = dotted_path(problem.path)
            described[f"{place}: {dotted}: {problem.message}" if dotted else f"{place}: {problem.message}"] = None
        return tuple(described)

    def _line(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest parent when the file does not hold it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class YamlError(ValueError):
    """A file that cannot be read as YAML at all; the message names file, line and fix."""


def dotted_path(path: KeyPath) -> str:
    """`("projects", 0, "owner")` as `projects[0].owner`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_yaml(file: Path, *, must_be_quoted: Callable[[KeyPath], bool]) -> YamlSource:
    """Parse `file`; values at paths for which `must_be_quoted` holds are kept as the text that stands there.

    Raises:
        YamlError: the file is missing, not UTF-8, empty or not YAML.
    """
    reader = _Reader(must_be_quoted)
    try:
        loader = yaml.SafeLoader(_read_text(file))
        root = loader.get_single_node()
        if root is None:
            raise YamlError(f"{file} is empty; it needs at least the keys organization, environments and projects")
        reader.walk(root, ())
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        raise YamlError(_syntax_error(file, error)) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(f"{file} holds a character that YAML forbids ({error.reason}); remove it") from None
    return YamlSource(file=file, data=data, problems=tuple(reader.problems), lines=reader.lines)


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise YamlError(f"{file} does not exist; create it, or name another file with -c config=<path>") from None
    except IsADirectoryError:
        raise YamlError(f"{file} is a directory; name the file in it with -c config=<path>") from None
    except UnicodeDecodeError as error:
        raise YamlError(f"{file} is not UTF-8 (byte {error.start}); save it as UTF-8") from None


class _Reader:
    def __init__(self, must_be_quoted: Callable[[KeyPath], bool]) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._must_be_quoted = must_be_quoted

    def walk(self, node: yaml.Node, path: KeyPath) -> None:
        """Note the line of each value below `node`; a node that an alias repeats is walked once per place."""
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in self._entries(node, path):
                self.walk(value, (*path, key))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.walk(item, (*path, index))
        elif isinstance(node, yaml.ScalarNode) and self._must_be_quoted(path) and node.style is None:
            if node.value:
                self.problems.append(
                    Problem(
                        path=path,
                        message=f'{node.value} is not quoted; write "{node.value}", since YAML reads digits as a number '
                        "and digits after a zero as an octal number",
                    )
                )
            node.tag = _STRING

    def _entries(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, yaml.Node]]:
        first: dict[str, int] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in first and key != "<<":
                self.problems.append(
                    Problem(
                        path=(*path, key),
                        message=f"appears twice, on lines {first[key]} and {line}, and YAML would drop the first; "
                        "merge or rename them",
                    )
                )
            first.setdefault(key, line)
            self.lines[(*path, key)] = line
            yield key, value


def _syntax_error(file: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{file.name}:{mark.line + 1}" if mark is not None else file.name
    what = ", ".join(part for part in (error.context, error.problem) if part)
    return f"{place}: not YAML: {what}; check the indentation, colons and quotes there and on the line before"
