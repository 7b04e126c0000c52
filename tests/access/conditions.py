"""Condition blocks of IAM policies, operator by operator.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Set operators for multi-valued context keys".
An operator or a policy variable that is not known here raises, so that nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from re import Pattern, compile, escape

Context = Mapping[str, str | Sequence[str]]
Match = Callable[[str, str], bool]


@cache
def _pattern(text: str) -> Pattern[str]:
    return compile("".join({"*": ".*", "?": "."}.get(letter, escape(letter)) for letter in text))


def matches(pattern: str, value: str) -> bool:
    """Whether a value matches a pattern with `*` and `?`."""
    return _pattern(pattern).fullmatch(value) is not None


def _arn_matches(pattern: str, value: str) -> bool:
    parts, given = pattern.split(":", 5), value.split(":", 5)
    return len(parts) == len(given) and all(matches(part, it) for part, it in zip(parts, given, strict=True))


def _compare(compare: Callable[[float, float], bool]) -> Match:
    return lambda policy, value: compare(float(value), float(policy))


_POSITIVE: dict[str, Match] = {
    "StringEquals": lambda policy, value: policy == value,
    "StringEqualsIgnoreCase": lambda policy, value: policy.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": _arn_matches,
    "ArnLike": _arn_matches,
    "Bool": lambda policy, value: policy.lower() == value.lower(),
    "NumericEquals": _compare(lambda value, bound: value == bound),
    "NumericLessThan": _compare(lambda value, bound: value < bound),
    "NumericLessThanEquals": _compare(lambda value, bound: value <= bound),
    "NumericGreaterThan": _compare(lambda value, bound: value > bound),
    "NumericGreaterThanEquals": _compare(lambda value, bound: value >= bound),
}
_NEGATIVE = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def hold(block: Mapping[str, Mapping[str, str | Sequence[str]]], context: Context) -> bool:
    """Whether every operator and every key of a condition block holds. Keys of `context` are lower-case."""
    return all(
        _holds(operator, context.get(key.lower()), _texts(values))
        for operator, keys in block.items()
        for key, values in keys.items()
    )


def _holds(operator: str, given: str | Sequence[str] | None, values: Sequence[str]) -> bool:
    if any("${" in value for value in values):
        raise NotImplementedError(f"policy variables are not evaluated: {values}")
    if operator == "Null":
        return any((given is None) == (value.lower() == "true") for value in values)
    quantifier, _, name = operator.rpartition(":")
    base = name.removesuffix("IfExists")
    negative = base in _NEGATIVE
    match = _POSITIVE.get(_NEGATIVE.get(base, base))
    if match is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise NotImplementedError(f"condition operator {operator!r} is not evaluated")

    def one(value: str) -> bool:
        return any(match(policy, value) for policy in values) != negative

    if quantifier:
        each = [one(value) for value in ([] if given is None else _texts(given))]
        return (not each or all(each)) if quantifier == "ForAllValues" else any(each)
    if given is None:
        return negative or name != base
    return one(given) if isinstance(given, str) else any(one(value) for value in given)


def _texts(values: str | Sequence[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)
