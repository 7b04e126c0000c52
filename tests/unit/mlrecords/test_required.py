"""What a record lacks is said, and what it has is not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlrecords.record import Code, Data, Environment, Identity, Image, Machines, Parent, Pinned, RunRecord, Status
from mlrecords.required import advice, missing, share

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = f"sha256:{'0' * 64}"
KINDS = (
    *("training-job", "processing-job", "transform-job", "tuning-job", "pipeline-execution", "pipeline-step"),
    *("model-package", "endpoint", "script", "reproduction"),
)


def complete(kind: str = "training-job", **parts: Any) -> RunRecord:
    return RunRecord(
        schema_version="1.0",
        run_id="0" * 32,
        observations=(),
        identity=Identity(kind=kind, name="run", created_at=NOON, created_by="arn:aws:iam::123456789012:role/me"),
        status=Status(state="Completed", started_at=NOON, ended_at=NOON + timedelta(minutes=5)),
        pinned=Pinned(at=NOON, state="InProgress"),
        **{
            "environment": Environment(
                image=Image(uri="repository:tag", digest=DIGEST),
                machines=Machines(instance_type="ml.m5.large", instance_count=1),
                python="3.12.7",
                packages={"numpy": "2.1.0"},
            ),
            "code": Code(archive_uri="s3://bucket/code.gz", archive_sha256=DIGEST),
            "inputs": {"train": Data(uri="s3://bucket/train/", version=DIGEST)},
            "outputs": {"model": Data(uri="s3://bucket/model", version=DIGEST)},
            "parents": {"1" * 32: Parent(relation="execution")},
            "request": {"TrainingJobName": "run"},
            **parts,
        },
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_complete_record_lacks_nothing(kind: str) -> None:
    assert missing(complete(kind)) == ()
    assert share(complete(kind)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_nothing_but_its_name_lacks_something(kind: str) -> None:
    bare = RunRecord(
        schema_version="1.0",
        run_id="0" * 32,
        observations=(),
        identity=Identity(kind=kind, name="run"),
        status=Status(state="InProgress"),
    )

    assert missing(bare)
    assert share(bare) < 0.5


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"environment": Environment(image=Image(uri="team:latest"), machines=Machines(instance_type="x"))},
            "image team:latest has no",
        ),
        ({"inputs": {"train": Data(uri="s3://b/train/")}}, r"input train \(s3://b/train/\) has no version"),
        ({"outputs": {"model": Data(uri="s3://b/model")}}, r"output model \(s3://b/model\) has no version"),
        ({"code": Code(archive_uri="s3://b/code.gz")}, "its code s3://b/code.gz could not be read"),
        ({"code": Code(commit="c0ffee", dirty=True)}, "changes that no commit and no diff holds"),
        ({"request": {}}, "what SageMaker was asked for"),
        ({"pinned": None}, "nothing of it was pinned"),
        (
            {"pinned": Pinned(at=NOON + timedelta(days=1), state="Completed")},
            "pinned at 2026-11-25 12:00, long after its end",
        ),
    ],
)
def test_what_is_lacking_is_one_sentence_with_what_to_do(parts: dict[str, Any], sentence: str) -> None:
    pinned = {name: parts.pop(name) for name in list(parts) if name == "pinned"}
    found = missing(replace(complete(**parts), **pinned))

    assert len(found) == 1
    assert re.search(sentence, found[0])
    assert re.search("; (let|see|commit)", found[0])


def test_a_run_pinned_soon_after_a_short_job_is_in_time() -> None:
    assert missing(replace(complete(), pinned=Pinned(at=NOON + timedelta(minutes=6), state="Completed"))) == ()


@pytest.mark.parametrize(
    ("requirements", "loose"),
    [
        ("numpy==2.1.0\n# a comment\nscikit_learn[extra]==1.9.0 ; python_version > '3'\n", None),
        ("--index-url https://host/\nnumpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n", None),
        ("tool @ https://host/tool-1.whl\ngit+https://host/x@" + "a" * 40, None),
        ("numpy\npandas>=2\nsix==1.*\n", "numpy, pandas>=2, six==1.*"),
    ],
)
def test_requirements_without_exact_versions_are_named(requirements: str, loose: str | None) -> None:
    environment = replace(complete().environment, requirements=requirements)

    found = missing(complete(environment=environment))

    assert bool(found) == (loose is not None)
    assert loose is None or f"whatever is newest of {loose};" in found[0]


def test_a_run_that_failed_needs_no_outputs() -> None:
    run = complete(outputs={"model": Data(uri="s3://bucket/model")})

    assert missing(replace(run, status=replace(run.status, state="Failed"))) == ()


def test_advice_is_no_reason_to_distrust() -> None:
    assert any("no seed is known" in sentence for sentence in advice(complete()))
    assert missing(complete()) == ()
