"""The document store under many threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mllocal.sagemaker.store import Document, Scope, Store

SCOPE = Scope("123456789012", "us-east-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "sagemaker.db")
    yield opened
    opened.close()


def test_of_many_inserts_of_one_name_exactly_one_wins(store: Store) -> None:
    arn = SCOPE.arn("model/m")

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda number: store.insert("Model", arn, {"number": number}), range(64)))

    assert won.count(True) == 1
    assert store.get(arn) == {"number": won.index(True)}


def test_no_update_is_lost(store: Store) -> None:
    arn = SCOPE.arn("model/m")
    store.insert("Model", arn, {"count": 0})

    def count_up(document: Document) -> None:
        document["count"] += 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: store.update(arn, count_up), range(200)))

    assert store.get(arn) == {"count": 200}


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    arn = SCOPE.arn("model/m")

    def insert_and_fail() -> None:
        with store.transaction():
            store.insert("Model", arn, {})
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        insert_and_fail()
    assert store.get(arn) is None


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Store(tmp_path / "sagemaker.db")
    first.insert("Model", SCOPE.arn("model/m"), {"kept": True})
    first.close()

    second = Store(tmp_path / "sagemaker.db")

    assert second.find("Model", SCOPE) == [{"kept": True}]
    assert second.find("Model", Scope("999999999999", "us-east-1")) == []
    second.close()


def test_updating_what_is_not_there_is_an_error(store: Store) -> None:
    with pytest.raises(KeyError):
        store.update(SCOPE.arn("model/none"), lambda document: None)
