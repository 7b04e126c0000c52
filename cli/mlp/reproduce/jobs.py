"""Recorded SageMaker jobs, run again in order from their requests: on pinned data, and on what the jobs before them wrote."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlp.reproduce import images, seeds
from mlp.reproduce.content import fingerprint
from mlp.reproduce.documents import numbers_of, without_numbers
from mlp.reproduce.failures import failed
from mlp.reproduce.pinned import PinnedObject, Pins, split
from mlp.reproduce.places import Place
from mlp.reproduce.requirements import moved_requirements
from mlp.reproduce.verdict import Cause, Finding, NotReproducibleError, Result
from mlrecords.canonical import digest
from mlrecords.record import DataObject, RunRecord

POLL_SECONDS = 0.2
_STEP = "sagemaker:pipeline-step-name"
_KINDS = {"training-job": "Training", "processing-job": "Processing", "transform-job": "Transform"}
_LARGEST_DOCUMENT_BYTES = 1_000_000


@dataclass(kw_only=True)
class Jobs:
    """A `judge.Subject`. `place` makes the place of each run, by its number; `ecr` is a client of the account of the records."""

    records: Sequence[RunRecord]
    pins: Pins
    place: Callable[[int], Place]
    ecr: Any
    say: Callable[[str], None] = lambda line: None
    _count: int = 0
    _unpinnable: list[Finding] = field(default_factory=list)

    @cached_property
    def recorded(self) -> Result:
        metrics = {
            self._name(record, name): metric.value for record in self.records for name, metric in record.metrics.items()
        }
        outputs = {}
        for name, pinned in self._outputs.items():
            content = self.pins.content(pinned) if self.pins.is_kept(pinned) else None
            metrics |= _numbers(name, content)
            outputs[name] = _content(name, content) if content is not None else _hash(pinned)
        return Result(metrics=metrics, outputs=outputs)

    def moved(self) -> tuple[Sequence[Finding], Sequence[str]]:
        findings: list[Finding] = []
        checked: list[str] = []
        for record in self.records:
            request = record.request
            settings = (record.algorithm.hyperparameters, request.get("Environment", {}))
            findings += seeds.contradictions(record.algorithm.seeds, record.code.entry_point, *settings)
            if record.environment.image is not None:
                found, sentence = images.moved(self.ecr, record.environment.image)
                self._unpinnable += [found] if found else []
                checked.append(sentence)
            packages, sentences = moved_requirements(record.environment)
            findings += packages
            checked += sentences
        external = list(self._external())
        places = {pinned.place for pinned, _ in external}
        for record in self.records:
            for name, data in record.inputs.items():
                objects = self.pins.objects(name, data)
                if all(pinned.place in places for pinned in objects):
                    found = self.pins.added(data, objects)
                    findings += [_as_role(found, data.role)] if found else []
        for pinned, role in external:
            found = self.pins.moved(pinned)
            findings += [_as_role(found, role)] if found else []
        checked.append(f"{len(external)} objects that the jobs read and none of them wrote: what their names mean now")
        return [*dict.fromkeys([*findings, *self._unpinnable])], [*dict.fromkeys(checked)]

    def prepare(self) -> None:
        """Nothing is kept between runs: each has a place of its own."""

    def run(self, *, seed_offset: int = 0) -> Result:
        self._count += 1
        metrics: dict[str, float] = {}
        outputs: dict[str, str] = {}
        chosen = self.place(self._count)
        if self._unpinnable and not chosen.can_pin_images:
            raise NotReproducibleError(*self._unpinnable)
        with chosen as place:
            for pinned, _ in self._external():
                place.put(pinned, self.pins)
            for record in self.records:
                self.say(f"{record.identity.kind} {record.identity.name}")
                found = _run_job(record, place, seed_offset)
                metrics |= {self._name(record, name): value for name, value in found.items()}
            for name, pinned in self._outputs.items():
                content = _read(place, place.uri(pinned.place))
                if content is not None:
                    metrics |= _numbers(name, content)
                    outputs[name] = _content(name, content) if self.pins.is_kept(pinned) else _hash(pinned, content)
        return Result(metrics=metrics, outputs=outputs)

    def seed_findings(self, result: Result) -> Sequence[Finding]:
        return ()

    def differences(self) -> Sequence[Finding]:
        return tuple(finding for record in self.records for finding in moved_requirements(record.environment)[0])

    @property
    def can_vary_seed(self) -> bool:
        return any(_seeded(record, 1) != _seeded(record, 0) for record in self.records)

    @cached_property
    def _outputs(self) -> Mapping[str, PinnedObject]:
        """Objects that the jobs wrote, by names that a report can show."""
        return {
            self._name(record, "/".join(filter(None, [name, pinned.item.key]))): pinned
            for record in self.records
            for name, data in record.outputs.items()
            for pinned in self.pins.objects(name, data)
        }

    def _name(self, record: RunRecord, name: str) -> str:
        step = record.tags.get(_STEP, record.identity.name)
        return name if len(self.records) == 1 else f"{step}/{name}"

    def _external(self) -> Iterator[tuple[PinnedObject, str]]:
        """What the jobs read that no job before wrote, each object once, with its role."""
        written: list[str] = []
        seen: set[str] = set()
        for record in self.records:
            for pinned, role in self._inputs(record):
                is_own = any(pinned.place == uri or pinned.place.startswith(f"{uri.rstrip('/')}/") for uri in written)
                if not is_own and pinned.place not in seen:
                    seen.add(pinned.place)
                    yield pinned, role
            written += [data.uri for data in record.outputs.values()]

    def _inputs(self, record: RunRecord) -> Iterator[tuple[PinnedObject, str]]:
        for name, data in record.inputs.items():
            for pinned in self.pins.objects(name, data):
                yield pinned, data.role
        archive = record.code.archive_uri
        if archive is not None and all(data.uri != archive for data in record.inputs.values()):
            yield self._archive(record, archive), "code"

    def _archive(self, record: RunRecord, uri: str) -> PinnedObject:
        """The packed code of a training job: its record has only a hash of it, so its size is that of what is there."""
        content = _object(self.pins.s3, uri) or b""
        item = DataObject(key="", size_bytes=len(content), sha256=record.code.archive_sha256)
        return PinnedObject(name="code", uri=uri, item=item)


def _run_job(record: RunRecord, place: Place, seed_offset: int) -> dict[str, float]:
    """Run one job to its end; its metrics. Raises `NotReproducibleError` when it fails."""
    kind = _KINDS[record.identity.kind]
    sagemaker = place.client("sagemaker")
    request = place.request(_seeded(record, seed_offset), record.environment.image)
    if kind == "Transform":
        _create_model(record, place, sagemaker)
    getattr(sagemaker, f"create_{kind.lower()}_job")(**request)
    name = {f"{kind}JobName": request[f"{kind}JobName"]}
    while (job := getattr(sagemaker, f"describe_{kind.lower()}_job")(**name))[f"{kind}JobStatus"] in (
        "InProgress",
        "Stopping",
    ):
        time.sleep(POLL_SECONDS)
    if job[f"{kind}JobStatus"] != "Completed":
        raise failed(
            f"{record.identity.kind} {record.identity.name}", job.get("FailureReason", job[f"{kind}JobStatus"])
        )
    return {metric["MetricName"]: float(metric["Value"]) for metric in job.get("FinalMetricDataList", ())}


def _create_model(record: RunRecord, place: Place, sagemaker: Any) -> None:
    model = next((data.uri for data in record.inputs.values() if data.role == "model"), None)
    if model is None or record.environment.image is None:
        raise NotReproducibleError(
            Finding(
                cause=Cause.MISSING_FILE,
                sentence=f"the record of {record.identity.name} does not say which model it used",
            )
        )
    container = {
        "Image": record.environment.image.uri,
        "ModelDataUrl": model,
        "Environment": dict(record.environment.variables),
    }
    role = f"arn:aws:iam::{record.identity.account or '123456789012'}:role/reproduction"
    request = {"ModelName": record.request["ModelName"], "ExecutionRoleArn": role, "PrimaryContainer": container}
    sagemaker.create_model(**place.request(request, record.environment.image))


def _seeded(record: RunRecord, offset: int) -> dict[str, Any]:
    """The recorded request, with its seeds moved by an offset."""
    request, named = dict(record.request), record.algorithm.seeds
    for part in ("HyperParameters", "Environment"):
        if part in request:
            request[part] = seeds.moved_values(request[part], named, offset)
    specification = request.get("AppSpecification", {})
    if "ContainerArguments" in specification:
        arguments = seeds.with_other_seeds(specification["ContainerArguments"], named, offset)
        request["AppSpecification"] = {**specification, "ContainerArguments": arguments}
    return request


def _as_role(finding: Finding, role: str) -> Finding:
    return Finding(cause=Cause.CODE, sentence=finding.sentence) if role == "code" else finding


def _numbers(name: str, content: bytes | None) -> dict[str, float]:
    if content is None or not name.endswith(".json") or len(content) > _LARGEST_DOCUMENT_BYTES:
        return {}
    return {f"{name}: {path}": value for path, value in numbers_of(content).items()}


def _content(name: str, content: bytes) -> str:
    """What tells an output's content. Numbers of JSON documents count as metrics."""
    return fingerprint(without_numbers(content) if name.endswith(".json") else content)


def _hash(pinned: PinnedObject, content: bytes | None = None) -> str:
    """The hash that the record has of an output which is not kept any more; that of other content where it is given."""
    if pinned.sha256 is not None:
        return pinned.sha256 if content is None else digest(content)
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest() if content is not None else pinned.item.etag
    return f"etag {etag}"


def _read(place: Place, uri: str) -> bytes | None:
    return _object(place.client("s3"), uri)


def _object(s3: Any, uri: str) -> bytes | None:
    bucket, key = split(uri)
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None
    return content
