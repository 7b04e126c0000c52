"""What a run record needs so that somebody else can run it again, and what one lacks. Pure.

Required is what no one can find out later. What helps to understand a run, but is not needed to repeat it, is advice.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlrecords.record import RunRecord
from mlrecords.states import LATE, has_succeeded, is_over

_JOBS = ("training-job", "processing-job", "transform-job")
_IN_IMAGES = (*_JOBS, "tuning-job", "model-package", "endpoint")
_WITH_CODE = ("training-job", "processing-job", "tuning-job", "script")
_MADE_BY_OTHERS = ("model-package", "endpoint", "pipeline-step")
_REQUESTED = (*_JOBS, "tuning-job", "pipeline-execution")
# A version with `==`, or a place: a URL, a file, a commit of a repository.
_PINNED_LINE = re.compile(
    r"[^=<>~!]+={2,3}\s*[^\s*;,]+(?=\s|;|\\|$)|\S+\s*@\s|.*\.(whl|zip|tar\.gz)\b|git\+.*@[0-9a-f]{40}"
)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing that a record has, or lacks; `sentence` says what is lacking and what to do."""

    is_met: bool
    sentence: str


def missing(record: RunRecord) -> tuple[str, ...]:
    """What the run lacks to be reproducible, as sentences with what to do; nothing for a run that has everything."""
    return tuple(one.sentence for one in requirements(record) if not one.is_met)


def share(record: RunRecord) -> float:
    """The share of the required fields that the record has, from 0 to 1."""
    all_of_them = requirements(record)
    return sum(one.is_met for one in all_of_them) / len(all_of_them)


def advice(record: RunRecord) -> tuple[str, ...]:
    """What would make the run easier to understand, or to repeat exactly; no reason to distrust it."""
    environment, kind = record.environment, record.identity.kind
    said = {
        "no seed is known; if the script draws at random, make the seed a hyperparameter called `seed` or `random_state`": (
            kind in ("training-job", "script") and not record.algorithm.seeds
        ),
        "no metric is known, so that a repetition can only be compared by its outputs; log one with MLflow": (
            kind in ("training-job", "script") and has_succeeded(record.status.state) and not record.metrics
        ),
        "the packages in the image are not known by name; `mlp record probe` looks into it": (
            kind in _JOBS and environment.image is not None and not environment.packages
        ),
        "the commit of the code is not known, only its archive; synthesize from a git checkout": (
            kind in _WITH_CODE and record.code.archive_sha256 is not None and record.code.commit is None
        ),
        "nobody wrote what it was for; say it with `mlp runs note`": (
            kind in ("training-job", "script") and not record.notes
        ),
    }
    return tuple(sentence for sentence, applies in said.items() if applies)


def requirements(record: RunRecord) -> tuple[Requirement, ...]:
    """Everything that a run of its kind needs; inputs and outputs count one by one."""
    kind = record.identity.kind
    return tuple(one for kinds, rule in _RULES if kind in kinds or not kinds for one in rule(record))


def _who_and_when(record: RunRecord) -> Iterator[Requirement]:
    yield Requirement(
        is_met=record.identity.created_at is not None or record.status.started_at is not None,
        sentence="nothing says when it was started; let the nightly reconciliation ask SageMaker again",
    )
    yield Requirement(
        is_met=record.identity.created_by is not None,
        sentence="nothing says who started it; let the nightly reconciliation ask SageMaker again",
    )


def _image(record: RunRecord) -> Iterator[Requirement]:
    image = record.environment.image
    named = "its image" if image is None else f"image {image.uri}"
    yield Requirement(
        is_met=image is not None and image.digest is not None,
        sentence=(
            f"{named} has no digest, and its tag may mean another image by now; let the capture function call ecr:BatchGetImage "
            "on its repository, or name the image by digest"
        ),
    )


def _machines(record: RunRecord) -> Iterator[Requirement]:
    machines = record.environment.machines
    yield Requirement(
        is_met=machines is not None and machines.instance_type is not None,
        sentence="the instance type is not known; let the nightly reconciliation ask SageMaker again",
    )


def _python(record: RunRecord) -> Iterator[Requirement]:
    yield Requirement(
        is_met=record.environment.python is not None and bool(record.environment.packages),
        sentence="its Python and packages are not known; run it within `mlplatform.track`",
    )


def _requirements_file(record: RunRecord) -> Iterator[Requirement]:
    lines = (line.split("#", 1)[0].strip() for line in (record.environment.requirements or "").splitlines())
    loose = [line for line in lines if line and not line.startswith("-") and not _PINNED_LINE.match(line)]
    yield Requirement(
        is_met=not loose,
        sentence=(
            f"its requirements.txt installs whatever is newest of {', '.join(loose)}; write exact versions, "
            "with `uv pip compile requirements.in -o requirements.txt`"
        ),
    )


def _code(record: RunRecord) -> Iterator[Requirement]:
    code = record.code
    is_by_image = record.identity.kind != "script" and code.archive_uri is None
    yield Requirement(
        is_met=is_by_image or code.archive_sha256 is not None or code.commit is not None,
        sentence=(
            "its code is in no commit and no archive; run it from a git checkout"
            if code.archive_uri is None
            else f"its code {code.archive_uri} could not be read when it started; let the capture function read that bucket"
        ),
    )
    yield Requirement(
        is_met=not code.dirty or code.diff is not None or code.archive_sha256 is not None,
        sentence="its code had changes that no commit and no diff holds; commit before it is run again",
    )


def _inputs(record: RunRecord) -> Iterator[Requirement]:
    for name, data in record.inputs.items():
        yield Requirement(
            is_met=data.version is not None,
            sentence=(
                f"input {name} ({data.uri}) has no version: it could not be listed as it was when the run started; let the capture "
                "function list and read that bucket, and switch on its versions"
            ),
        )


def _outputs(record: RunRecord) -> Iterator[Requirement]:
    if not has_succeeded(record.status.state):
        return
    for name, data in record.outputs.items():
        yield Requirement(
            is_met=data.version is not None,
            sentence=(
                f"output {name} ({data.uri}) has no version, so that a repetition cannot be compared with it; let the capture "
                "function list and read that bucket"
            ),
        )


def _request(record: RunRecord) -> Iterator[Requirement]:
    yield Requirement(
        is_met=bool(record.request),
        sentence="nothing says what SageMaker was asked for; let the nightly reconciliation ask SageMaker again",
    )


def _parents(record: RunRecord) -> Iterator[Requirement]:
    yield Requirement(
        is_met=bool(record.parents),
        sentence="nothing says which job or execution it came from; register models in a pipeline, or with MetadataProperties",
    )


def _timely(record: RunRecord) -> Iterator[Requirement]:
    pinned, ended = record.pinned, record.status.ended_at
    is_late = pinned is not None and ended is not None and is_over(pinned.state) and pinned.at > ended + LATE
    yield Requirement(
        is_met=pinned is not None and not is_late,
        sentence=(
            f"it was pinned at {pinned.at:%Y-%m-%d %H:%M}, long after its end, and its image may have been replaced before; "
            "see the alarms of the capture's queue"
            if pinned
            else "nothing of it was pinned; see the alarms of the capture's queue"
        ),
    )


_RULES: tuple[tuple[tuple[str, ...], Callable[[RunRecord], Iterator[Requirement]]], ...] = (
    ((), _who_and_when),
    (_IN_IMAGES, _image),
    (_JOBS, _machines),
    (("script",), _python),
    (_WITH_CODE, _requirements_file),
    (_WITH_CODE, _code),
    ((), _inputs),
    ((), _outputs),
    (_REQUESTED, _request),
    (_MADE_BY_OTHERS, _parents),
    ((*_JOBS, "tuning-job", "script"), _timely),
)
