"""The language of `mlp runs search`, from text to a tree. Pure.

metric.rmse < 40 and (param.loss in ('poisson', 'gamma') or not tag.owner is null) order by metric.rmse desc limit 20
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlp.errors import CliError, ExitCode
from mlp.runs.fields import Kind, Reference, UnknownNameError, reference
from mlp.runs.query import Comparison, Condition, Junction, Not, Query, Sorting, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class QueryError(CliError):
    """A query cannot be read; the cause shows the place."""

    def __init__(self, text: str, start: int, end: int, cause: str, fix: str) -> None:
        pointer = f"{' ' * start}{'^' * max(1, end - start)}"
        shown = text if text.strip() else "(nothing)"
        super().__init__(
            f"{cause}, at character {start + 1} of the query\n  {shown}\n  {pointer}",
            fix=fix,
            exit_code=ExitCode.BAD_INPUT,
        )
        self.position = start


def parse(text: str, known: Mapping[str, Iterable[str]], *, now: datetime) -> Query:
    """Read a query. `known` has the names that runs have in each space, `now` is what `'7 days ago'` is counted from.

    Raises `QueryError`.
    """
    return _Parser(" ".join(text.splitlines()), known, now).query()


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
    |(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<word>[^\W\d]\w*(?:\.(?:"[^"]*"|`[^`]*`|[\w:/@-]+))*)
    |(?P<operator><=|>=|!=|<>|==|[=<>(),])
    |(?P<quoted>"[^"]*")
    )""",
    re.VERBOSE,
)
_PART = re.compile(r'"([^"]*)"|`([^`]*)`|([\w:/@-]+)')
_OPERATORS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_WORDS = {
    "and",
    "or",
    "not",
    "in",
    "is",
    "null",
    "like",
    "ilike",
    "order",
    "by",
    "asc",
    "desc",
    "limit",
    "true",
    "false",
}
_AGO = re.compile(r"(\d+) (minute|hour|day|week)s? ago")
_LANGUAGE = "see docs/runs.md for the language"
_DEEPEST = 100  # levels of parentheses, so that no query exhausts the stack


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The keyword that it is, in lower case, or the operator; empty for anything else."""
        lower = self.text.lower()
        return lower if self.kind == "operator" or (self.kind == "word" and lower in _WORDS) else ""


@dataclass
class _Parser:
    text: str
    known: Mapping[str, Iterable[str]]
    now: datetime
    tokens: list[_Token] = field(init=False)
    depth: int = 0

    def __post_init__(self) -> None:
        self.tokens = list(self._tokens())[::-1]

    def query(self) -> Query:
        first = self.tokens[-1].word
        condition = None if first in ("order", "limit") or self.tokens[-1].kind == "end" else self._any()
        sortings = self._sortings() if self._take("order") else ()
        limit = self._limit() if self._take("limit") else None
        if self.tokens[-1].kind != "end":
            raise self._error("expected `and`, `or`, `order by`, `limit` or the end")
        return Query(condition, sortings, limit)

    def _any(self) -> Condition:
        return self._junction("or", self._all)

    def _all(self) -> Condition:
        return self._junction("and", self._negation)

    def _junction(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _negation(self) -> Condition:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error(f"more than {_DEEPEST} levels of `not` and parentheses")
        condition = Not(self._negation()) if self._take("not") else self._group()
        self.depth -= 1
        return condition

    def _group(self) -> Condition:
        if not self._take("("):
            return self._comparison()
        condition = self._any()
        self._need(")", "expected `)`")
        return condition

    def _comparison(self) -> Condition:
        asked = self._reference()
        if self._take("is"):
            absent = not self._take("not")
            self._need("null", "expected `null` or `not null`")
            there = Comparison(asked, "exists")
            return Not(there) if absent else there
        negated = self._take("not")
        token = self.tokens[-1]
        if self._take("in"):
            comparison = Comparison(asked, "in", self._values(asked))
        elif self._take("like") or self._take("ilike"):
            comparison = Comparison(asked, token.word, (self._pattern(asked),))
        elif token.word in _OPERATORS and not negated:
            self.tokens.pop()
            comparison = Comparison(asked, _OPERATORS[token.word], (self._value(asked),))
        else:
            raise self._error(
                f"expected a comparison after {asked.label}", "use =, !=, <, <=, >, >=, in, like, ilike or is null"
            )
        return Not(comparison) if negated else comparison

    def _values(self, asked: Reference) -> tuple[Value, ...]:
        self._need("(", "expected `(` and values")
        values = [self._value(asked)]
        while self._take(","):
            values.append(self._value(asked))
        self._need(")", "expected `,` or `)`")
        if len({isinstance(value, str) for value in values}) > 1:
            raise self._error("there are numbers and texts in one list", "quote all of them, or none")
        return tuple(values)

    def _pattern(self, asked: Reference) -> str:
        if asked.target.kind is not Kind.TEXT:
            raise self._error(
                f"{asked.label} is {asked.target.kind.value}, which is not like a pattern", "use =, <, <=, > or >="
            )
        value = self._value(asked)
        if not isinstance(value, str):
            raise self._error("a pattern is a text", "quote it, such as '%forecast%'")
        return value

    def _value(self, asked: Reference) -> Value:
        token = self.tokens[-1]
        value = self._literal(asked, token)
        self.tokens.pop()
        return value

    def _literal(self, asked: Reference, token: _Token) -> Value:
        kind, of_space = asked.target.kind, asked.name is not None
        if token.kind == "number" and (kind is Kind.NUMBER or (kind is Kind.TEXT and of_space)):
            return float(token.text)
        if token.kind in ("text", "quoted") and kind is Kind.TEXT:
            return token.text[1:-1].replace("''", "'") if token.kind == "text" else token.text[1:-1]
        if token.kind in ("text", "quoted") and kind is Kind.MOMENT:
            return self._moment(token)
        if token.word in ("true", "false") and kind is Kind.TRUTH:
            return token.word == "true"
        hints = {
            Kind.NUMBER: "write it without quotes, such as 40 or 0.5",
            Kind.TEXT: "put it in quotes, such as 'poisson'",
            Kind.MOMENT: "write '2026-11-24', '2026-11-24T08:00:00+00:00' or '7 days ago'",
            Kind.TRUTH: "write true or false",
        }
        raise self._error(f"{asked.label} is {kind.value}, compared with {self._said(token)}", hints[kind])

    def _moment(self, token: _Token) -> datetime:
        said = token.text[1:-1]
        ago = _AGO.fullmatch(said.strip())
        try:
            if ago:
                return self.now - timedelta(**{f"{ago[2]}s": int(ago[1])})
            moment = datetime.fromisoformat(said)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            fix = "write '2026-11-24', '2026-11-24T08:00:00+00:00' (UTC where no offset is said) or '7 days ago'"
            raise self._error(f"'{said}' is no moment", fix) from error

    def _sortings(self) -> tuple[Sorting, ...]:
        self._need("by", "expected `by`")
        sortings = [self._sorting()]
        while self._take(","):
            sortings.append(self._sorting())
        return tuple(sortings)

    def _sorting(self) -> Sorting:
        asked = self._reference()
        if self._take("desc"):
            return Sorting(asked, descending=True)
        self._take("asc")
        return Sorting(asked)

    def _limit(self) -> int:
        token = self.tokens[-1]
        if token.kind != "number" or not token.text.isdecimal() or not 0 < int(token.text) < 2**31:
            raise self._error("expected how many runs", "write a whole number from 1, such as `limit 20`")
        self.tokens.pop()
        return int(token.text)

    def _reference(self) -> Reference:
        token = self.tokens[-1]
        if token.kind != "word" or token.word:
            fix = "name a field on the left, such as `metric.rmse < 40` or `state = 'Completed'`"
            raise self._error("expected a field of runs", fix)
        parts = tuple(next(filter(None, found.groups()), "") for found in _PART.finditer(token.text))
        try:
            asked = reference(parts, self.known)
        except UnknownNameError as error:
            raise self._error(str(error), error.fix) from error
        self.tokens.pop()
        return asked

    def _take(self, word: str) -> bool:
        if self.tokens[-1].word != word:
            return False
        self.tokens.pop()
        return True

    def _need(self, word: str, cause: str) -> None:
        if not self._take(word):
            raise self._error(cause)

    def _said(self, token: _Token) -> str:
        return "nothing" if token.kind == "end" else token.text

    def _error(self, cause: str, fix: str = _LANGUAGE) -> QueryError:
        token = self.tokens[-1]
        if token.kind == "unreadable":
            quote = token.text in "'\"`"
            cause = "a quote is opened and not closed" if quote else f"cannot read {token.text!r}"
            fix = "close it; a ' in a text is written twice" if quote else _LANGUAGE
        elif cause.startswith("expected"):
            cause = f"{cause}, got {self._said(token)}"
        return QueryError(self.text, token.start, token.end, cause, fix)

    def _tokens(self) -> Iterable[_Token]:
        """All tokens up to the end, or to what is none."""
        position = 0
        while self.text[position:].strip():
            found = _TOKEN.match(self.text, position)
            if found is None:
                start = len(self.text) - len(self.text[position:].lstrip())
                yield _Token("unreadable", self.text[start], start, start + 1)
                return
            kind = str(found.lastgroup)
            yield _Token(kind, found[kind], found.start(kind), found.end(kind))
            position = found.end()
        yield _Token("end", "", len(self.text), len(self.text))
