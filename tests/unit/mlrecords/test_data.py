"""The same data is the same version; seeds are recognized; states are over or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrecords.data import version_of
from mlrecords.record import DataObject
from mlrecords.seeds import seeds_of

TEXT = st.text(max_size=8)
OBJECTS = st.lists(
    st.builds(
        DataObject,
        key=TEXT,
        size_bytes=st.integers(0, 9),
        version_id=st.none() | TEXT,
        etag=st.none() | TEXT,
        sha256=st.none() | TEXT,
        checksum=st.none() | TEXT,
    ),
    max_size=5,
    unique_by=lambda one: one.key,
)


@given(OBJECTS)
def test_neither_order_nor_the_time_of_writing_makes_another_version(objects: list[DataObject]) -> None:
    hashed = [replace(one, sha256="sha256:0") for one in objects]
    again = [replace(one, version_id="another", etag="another") for one in reversed(hashed)]

    assert version_of(hashed) == version_of(again)


@given(objects=OBJECTS.filter(bool), place=st.integers(0, 4), content=TEXT)
def test_another_name_size_or_content_makes_another_version(
    objects: list[DataObject], place: int, content: str
) -> None:
    hashed = [replace(one, sha256="sha256:0") for one in objects]
    at = place % len(hashed)
    changes = [
        replace(hashed[at], key=f"{hashed[at].key}{content}x" + "y" * 40),
        replace(hashed[at], size_bytes=hashed[at].size_bytes + 1),
        replace(hashed[at], sha256=f"sha256:1{content}"),
    ]
    for change in changes:
        assert version_of([*hashed[:at], change, *hashed[at + 1 :]]) != version_of(hashed)
    assert version_of(hashed[1:]) != version_of(hashed)


@pytest.mark.parametrize(
    "name", ["seed", "SEED", "data_seed", "bagging.seed", "random_state", "RandomState", "np-seed", "rng"]
)
def test_a_seed_is_a_seed(name: str) -> None:
    assert seeds_of({name: "7"}) == {name: "7"}


@pytest.mark.parametrize("name", ["seeded", "reseeding_interval", "strange", "state", "max_iter"])
def test_what_is_no_seed_is_none(name: str) -> None:
    assert seeds_of({name: "7"}) == {}
