from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrecords import provenance
from mlrecords.git import Checkout
from mlrecords.store import RecordStore

NAME = "ab" * 32


def checkout(patch: bytes = b"") -> Checkout:
    return Checkout(
        commit="c" * 40, remote="https://example.com/a.git", directory="jobs", root=Path("/elsewhere"), patch=patch
    )


@pytest.mark.parametrize(
    ("archive", "uri"),
    [
        (f"s3://assets/{NAME}.gz", f"s3://assets/provenance/{NAME}.json"),
        (f"s3://assets/{NAME}.tar.gz", f"s3://assets/provenance/{NAME}.json"),
        (f"s3://assets/team/a/{NAME}.gz", f"s3://assets/team/a/provenance/{NAME}.json"),
        ("s3://assets/sourcedir.tar.gz", None),
        (f"s3://assets/{NAME}.zip", None),
        ("s3://assets", None),
    ],
)
def test_where_it_is_follows_from_the_archive(archive: str, uri: str | None) -> None:
    assert provenance.uri_of(archive) == uri


def test_an_archive_without_it_has_no_facts(s3: Any, bucket: str) -> None:
    store = RecordStore(s3, bucket)
    assert provenance.facts(s3, store, f"s3://{bucket}/{NAME}.gz") is None
    assert provenance.facts(s3, store, f"s3://{bucket}/sourcedir.tar.gz") is None


def test_the_facts_are_those_of_the_checkout_and_the_patch_is_a_blob(s3: Any, bucket: str) -> None:
    store, patch = RecordStore(s3, bucket), b"+\xff\0 no text\n"
    archive = f"s3://{bucket}/{NAME}.gz"
    s3.put_object(Bucket=bucket, Key=f"provenance/{NAME}.json", Body=provenance.document(checkout(patch)))

    facts = provenance.facts(s3, store, archive)

    assert facts is not None
    assert store.blob(facts["diff"]) == patch
    assert {**facts, "diff": None} == {
        "archive_uri": archive,
        "commit": "c" * 40,
        "remote": "https://example.com/a.git",
        "directory": "jobs",
        "dirty": True,
        "diff": None,
    }


def test_a_clean_tree_has_no_patch(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key=f"provenance/{NAME}.json", Body=provenance.document(checkout()))

    facts = provenance.facts(s3, RecordStore(s3, bucket), f"s3://{bucket}/{NAME}.gz")

    assert facts is not None
    assert facts["dirty"] is False
    assert "diff" not in facts
