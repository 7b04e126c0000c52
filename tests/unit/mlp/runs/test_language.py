"""What a query means, and what is said about one that means nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlp.runs.cache import Cache
from mlp.runs.fields import label
from mlp.runs.language import QueryError, parse
from tests.unit.mlp.runs.made_up import NOW, is_so, names_of, read, row

ROWS = [
    row(
        "a1",
        metrics={"rmse": 39.5, "val:mae": 3, "kappa": 1},
        params={"max_iter": "200", "loss": "poisson"},
        tags={"owner": "ada"},
    ),
    row(
        "b2",
        metrics={"rmse": 64.6, "kappa": 1},
        params={"max_iter": "1000", "loss": "squared_error"},
        kind="script",
        code_dirty=True,
    ),
    row("c3", created_at="2026-11-23T12:00:00.000+00:00", data_versions={"train": "sha256:1", "test": "sha256:2"}),
    row(
        "d4", created_at="2026-11-01T00:00:00.000+00:00", parents={"a1": "model", "b2": "execution", "c3": "execution"}
    ),
    row(
        "e5",
        metrics={"rmse": 12.0, "kappa": 2},
        params={"max_iter": "auto"},
        state="Failed",
        notes={"decision": "it's over"},
    ),
]

MEANINGS = {
    "": ["c3", "d4", "e5", "b2", "a1"],
    "metric.rmse < 40 order by metric.rmse": ["e5", "a1"],
    "metric.rmse < 40 and tag.owner = 'ada'": ["a1"],
    "not metric.rmse < 40": ["c3", "d4", "b2"],
    "metric.rmse != 64.6": ["e5", "a1"],
    "metric.rmse is null": ["c3", "d4"],
    "metrics.rmse is not null": ["e5", "b2", "a1"],
    'metric."val:mae" = 3 or metric.val:mae > 10': ["a1"],
    "param.max_iter >= 200 order by param.max_iter desc": ["b2", "a1"],
    "param.max_iter = '200'": ["a1"],
    "param.max_iter = 200.0": ["a1"],
    "param.max_iter in (200, 1000)": ["b2", "a1"],
    "param.loss not in ('poisson')": ["c3", "d4", "e5", "b2"],
    "order by param.max_iter": ["a1", "b2", "e5", "c3", "d4"],
    "order by metric.rmse desc limit 2": ["b2", "a1"],
    "metric.rmse < 60 order by metric.rmse limit 1": ["e5"],
    "order by metric.rmse limit 4": ["e5", "a1", "b2", "c3"],
    "order by metric.kappa, metric.rmse limit 2": ["a1", "b2"],
    "order by metric.kappa desc, param.max_iter desc limit 2": ["e5", "b2"],
    "code.dirty = true": ["b2"],
    "kind = 'script' or state != 'Completed'": ["e5", "b2"],
    "(kind = 'script' OR state = 'Failed') AND NOT metric.rmse > 40": ["e5"],
    "data.version = 'sha256:2'": ["c3"],
    "data.version.train = 'sha256:2'": [],
    "created_at >= '2026-11-23'": ["c3"],
    "created_at > '2 days ago'": ["c3"],
    "created_at < '4 weeks ago' or created_at = '2026-11-23T13:00:00+01:00'": ["c3"],
    "created_at < '3 weeks ago'": ["d4"],
    "parent = 'c3'": ["d4"],
    "parent.model = 'a1' and parent.execution in ('b2', 'x')": ["d4"],
    "note = 'it''s over'": ["e5"],
    "note.decision like 'it%'": ["e5"],
    "name ilike 'JOB-%' limit 1": ["c3"],
}


@pytest.mark.parametrize("query", MEANINGS)
def test_a_query_finds(query: str, copied: Callable[..., Cache]) -> None:
    copy = copied(*ROWS)

    found = copy.search(parse(query, copy.names(), now=NOW))

    assert [one["run_id"] for one in found] == MEANINGS[query]


@pytest.mark.parametrize(
    ("query", "cause", "place", "fix"),
    [
        ("metrc.rmse < 40", "a run has no field 'metrc.rmse'", 0, "did you mean"),
        ("metric.rsme < 40", "no run has a metric 'rsme'", 0, "did you mean metric.rmse?"),
        ("metric < 40", "'metric' does not say which metric", 0, "name it, such as metric.kappa"),
        ("stat = 'Failed'", "a run has no field 'stat'", 0, "did you mean state?"),
        ("metric.rmse < 'low'", "metric.rmse is a number, compared with 'low'", 14, "write it without quotes"),
        ("kind = training-job", "kind is text, compared with training", 7, "put it in quotes"),
        ("kind = 7", "kind is text, compared with 7", 7, "put it in quotes"),
        ("created_at > 'soon'", "'soon' is no moment", 13, "7 days ago"),
        ("created_at > '999999999 weeks ago'", "is no moment", 13, "7 days ago"),
        ("code.dirty = 1", "code.dirty is true or false", 13, "write true or false"),
        ("metric.rmse", "expected a comparison after metric.rmse, got nothing", 11, "use =, !="),
        ("40 > metric.rmse", "expected a field of runs, got 40", 0, "on the left"),
        ("(kind = 'x'", "expected `)`, got nothing", 11, "docs/runs.md"),
        ("kind = 'x' kind = 'y'", "expected `and`, `or`, `order by`, `limit` or the end, got kind", 11, "docs/runs.md"),
        ("kind = 'x", "a quote is opened and not closed", 7, "close it"),
        ("kind = 'x' ; drop table runs", "cannot read ';'", 11, "docs/runs.md"),
        ("limit 0", "expected how many runs, got 0", 6, "limit 20"),
        ("order metric.rmse", "expected `by`, got metric.rmse", 6, "docs/runs.md"),
        ("metric.rmse like '1%'", "metric.rmse is a number, which is not like a pattern", 17, "use ="),
        ("param.loss in ('a', 3)", "there are numbers and texts in one list", 22, "quote all"),
        ("not " * 200 + "kind = 'x'", "more than 100 levels", 400, "docs/runs.md"),
        ("and", "expected a field of runs, got and", 0, "on the left"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(query: str, cause: str, place: int, fix: str) -> None:
    with pytest.raises(QueryError) as caught:
        read(query, ROWS)

    first, shown, pointer = caught.value.cause.splitlines()
    assert cause in first
    assert shown == f"  {query}"
    assert pointer.index("^") - 2 == place
    assert f"at character {place + 1} " in first
    assert fix in caught.value.fix


def place_of_error(text: str) -> int:
    try:
        parse(text, names_of(ROWS), now=NOW)
    except QueryError as error:
        return error.position
    return 0


def test_moments_without_an_offset_are_in_utc() -> None:
    assert read("created_at > '2026-11-24T08:00'", ROWS) == read("created_at > '2026-11-24T09:00+01:00'", ROWS)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_an_error_with_its_place(text: str) -> None:
    assert 0 <= place_of_error(text) <= len(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "metric.rmse",
                "kind",
                "<",
                "=",
                "40",
                "'x'",
                "and",
                "or",
                "not",
                "(",
                ")",
                "in",
                "is",
                "null",
                "order",
                "by",
                "limit",
                "3",
                ",",
                "like",
            ]
        ),
        max_size=12,
    ).map(" ".join)
)
def test_any_words_of_the_language_are_a_query_or_an_error(text: str) -> None:
    assert 0 <= place_of_error(text) <= len(text)


@given(
    st.text(
        st.characters(exclude_characters='"`\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029', exclude_categories=["Cs"]),
        min_size=1,
    )
)
def test_any_name_can_be_asked_for(name: str) -> None:
    query = parse(f"{label('metric', name)} < 40", {"metric": [name]}, now=NOW)

    assert query == parse(f'metric."{name}" < 40', {"metric": [name]}, now=NOW)


_VALUES = st.sampled_from(["1", "2", "10", "x", "x'y", "ä%"])
_MAPS = st.dictionaries(st.sampled_from(["a", "b c", "d-e", "f.g"]), _VALUES, max_size=3)
_METRICS = st.dictionaries(st.sampled_from(["m", "n o"]), st.sampled_from([0.0, -1.5, 2.0, 10.0]), max_size=2)
_DAYS = st.sampled_from([f"2026-11-0{day}T00:00:00.000+00:00" for day in range(1, 5)])
_SAID = st.fixed_dictionaries(
    {},
    optional={
        "params": _MAPS,
        "tags": _MAPS,
        "data_versions": _MAPS,
        "metrics": _METRICS,
        "parents": st.dictionaries(_VALUES, st.sampled_from(["model", "execution"]), max_size=3),
        "created_at": _DAYS,
        "seconds": st.sampled_from([1.0, 60.5]),
        "code_dirty": st.booleans(),
        "code_commit": _VALUES,
        "state": st.sampled_from(["Completed", "Failed"]),
    },
)
_RUNS = st.lists(_SAID, min_size=1, max_size=8)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@st.composite
def _comparisons(draw: st.DrawFn, names: dict[str, set[str]]) -> str:
    spaces = [
        label(space, name) for space in ("param", "tag", "data.version", "parent") for name in sorted(names[space])
    ]
    texts = st.sampled_from([*spaces, "data.version", "parent", "code.commit", "state"])
    numbers = st.sampled_from([label("metric", name) for name in sorted(names["metric"])] + ["seconds"])
    order = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    number = st.sampled_from(["0", "-1.5", "2", "1e1", "60.5"])
    text = _VALUES.map(_quoted)
    shapes = [
        st.tuples(texts, order, text).map(" ".join),
        st.tuples(numbers, order, number).map(" ".join),
        st.tuples(texts, st.just("like"), st.sampled_from(["'x%'", "'1'"])).map(" ".join),
        st.tuples(st.one_of(texts, numbers), st.sampled_from(["is null", "is not null"])).map(" ".join),
        st.tuples(
            texts,
            st.sampled_from(["in", "not in"]),
            st.lists(text, min_size=1, max_size=3).map(lambda found: f"({', '.join(found)})"),
        ).map(" ".join),
        st.tuples(st.just("created_at"), order, _DAYS.map(_quoted)).map(" ".join),
        st.sampled_from(["code.dirty = true", "code.dirty != true"]),
    ]
    if spaces:
        shapes.append(st.tuples(st.sampled_from(spaces), order, number).map(" ".join))
    return draw(st.one_of(shapes))


def _conditions(names: dict[str, set[str]]) -> st.SearchStrategy[str]:
    return st.recursive(
        _comparisons(names),
        lambda part: st.one_of(
            part.map(lambda one: f"not ({one})"),
            st.tuples(part, st.sampled_from(["and", "or"]), part).map(lambda found: f"({' '.join(found)})"),
        ),
        max_leaves=5,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(_RUNS, st.data())
def test_the_copy_finds_what_a_condition_means(
    copied: Callable[..., Cache], said: list[dict[str, Any]], data: st.DataObject
) -> None:
    copy = copied()
    copy._forget_all()
    rows = [row(f"{number:02}", **one) for number, one in enumerate(said)]
    copied(*rows)
    query = read(data.draw(_conditions(names_of(rows)), label="query"), rows)
    assert query.condition is not None

    found = copy.search(query)

    assert sorted(one["run_id"] for one in found) == [one["run_id"] for one in rows if is_so(query.condition, one)]


_ORDERS = st.sampled_from(
    ["metric.m", "metric.m desc", 'metric.m, metric."n o" desc', "metric.m desc, seconds", "param.a, metric.m"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(_RUNS, st.data())
def test_with_a_limit_the_first_of_all_that_are_found_are_found(
    copied: Callable[..., Cache], said: list[dict[str, Any]], data: st.DataObject
) -> None:
    copy = copied()
    copy._forget_all()
    named = row("zz", metrics={"m": 3.0, "n o": 0.0}, params={"a": "2"})
    rows = [*(row(f"{number:02}", **one) for number, one in enumerate(said)), named]
    copied(*rows)
    condition = data.draw(st.one_of(st.just(""), _conditions(names_of(rows))), label="condition")
    order = f"order by {data.draw(_ORDERS, label='order')}"
    limit = data.draw(st.integers(1, 6), label="limit")

    found = copy.search(read(f"{condition} {order}", rows))

    assert copy.search(read(f"{condition} {order} limit {limit}", rows)) == found[:limit]


def test_what_was_put_in_comes_out(copied: Callable[..., Cache]) -> None:
    copy = copied(
        row("a1", created_at="2026-11-23T12:00:00.500+00:00", metrics={"x": 1.5}, tags={"ü": "ä'"}, instance_count=2)
    )

    (found,) = copy.search(parse("", copy.names(), now=NOW))

    assert found["created_at"] == datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)
    assert (found["metrics"], found["tags"], found["instance_count"]) == ({"x": 1.5}, {"ü": "ä'"}, 2)
    assert "project" not in found
