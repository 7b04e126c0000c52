"""The run record, schema version 1: everything that is needed to understand a run, and to run it again without its author.

What has a name of its own is a mapping by that name (inputs, outputs, metrics, notes, parents), so that facts which arrive at
different times are put together by one rule; see `observations.fold`. Moments are ISO 8601 in UTC. Nothing here is secret: values
that look so are masked before they come in; see `masking`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What ran.

    Attributes:
        kind: `training-job`, `processing-job`, `transform-job`, `tuning-job`, `pipeline-execution`, `pipeline-step`,
            `model-package`, `endpoint`, `script` (a run that `mlplatform.track` kept) or `reproduction`.
        name: of the job or script; not unique over kinds.
        arn: of the SageMaker resource; None for a script.
        project: the tag `project`, which is also the MLflow experiment.
        created_by: ARN or name of whoever started it.
        mlflow_run_id: the run that shows this record in MLflow.
    """

    kind: str
    name: str
    arn: str | None = None
    project: str | None = None
    account: str | None = None
    region: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None
    mlflow_run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Status:
    """How it went. `state` is SageMaker's word: `InProgress`, `Completed`, `Failed`, `Stopped`, ..."""

    state: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure_reason: str | None = None
    approval: str | None = None


@dataclass(frozen=True, kw_only=True)
class Image:
    """A container image; `digest` is `sha256:...` as the registry gave it when the run started."""

    uri: str
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What it ran on."""

    instance_type: str | None = None
    instance_count: int | None = None
    volume_gb: int | None = None
    spot: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where it ran.

    Attributes:
        packages: versions of the installed Python distributions by name.
        requirements: what was installed on top, as pip takes it, from the code's `requirements.txt`.
        variables: environment variables; secrets are masked.
        platform: operating system and processor, as `platform.platform()` says.
    """

    image: Image | None = None
    machines: Machines | None = None
    python: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    requirements: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    platform: str | None = None


@dataclass(frozen=True, kw_only=True)
class Code:
    """What was run.

    Attributes:
        archive_uri: S3 URI of the packed source that the job got; its name or version does not change.
        archive_sha256: of its bytes.
        entry_point: the command, or the script and its arguments.
        remote, commit: of the git repository; `directory` is the source's path in it.
        diff: digest of a blob of the store, the patch of what was not committed, new files included; None for a clean tree.
    """

    archive_uri: str | None = None
    archive_sha256: str | None = None
    entry_point: tuple[str, ...] = ()
    remote: str | None = None
    commit: str | None = None
    directory: str | None = None
    dirty: bool | None = None
    diff: str | None = None


@dataclass(frozen=True, kw_only=True)
class Data:
    """One input or output.

    Attributes:
        uri: where it is: S3 prefix or object, or a file.
        role: `data`, `code` or `model`.
        version: `sha256:...` over names, sizes and content hashes (or versions) of its objects: the same content is the same version.
        listing: digest of a blob of the store, a `DataListing` with each object.
        rows, columns: of tabular data, where the format tells; columns are type by name.
    """

    uri: str
    role: str = "data"
    version: str | None = None
    listing: str | None = None
    object_count: int | None = None
    size_bytes: int | None = None
    rows: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataObject:
    """One object of a `DataListing`. `key` is what comes after the listing's `uri`; empty where the URI is the object itself."""

    key: str
    size_bytes: int
    version_id: str | None = None
    etag: str | None = None
    sha256: str | None = None
    checksum: str | None = None


@dataclass(frozen=True, kw_only=True)
class DataListing:
    """The objects that a run read or wrote, as a blob of the store. `uri` is a folder with a slash at its end, or one object."""

    uri: str
    objects: tuple[DataObject, ...]


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """What was computed: exact hyperparameters as text, by name, and the seeds among them or beside them."""

    name: str | None = None
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """`value` is the last one. `steps` holds values by step, as text keys, where there are several."""

    value: float
    steps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Parent:
    """What it came from: `relation` is `execution`, `model`, `data`, `tuning`, `reproduces` or `job`. The key is the parent's run id."""

    relation: str
    arn: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """At list prices of the region; `basis` says of what, such as `1 x ml.m5.large x 62 s`."""

    billable_seconds: float | None = None
    usd: float | None = None
    basis: str | None = None


@dataclass(frozen=True, kw_only=True)
class Note:
    """Free text of a person: `kind` is `question`, `interpretation`, `decision` or `note`."""

    kind: str
    text: str
    author: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """When image, data and code were pinned, and in which state the run was then: `InProgress` is as it should be."""

    at: datetime
    state: str


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything known of one run: a pure function of its observations.

    Attributes:
        run_id: 32 hexadecimal digits; see `observations.run_id_of`.
        observations: digests of what the record is made of, sorted.
        request: what the API was asked for, as its Create operation takes it, without secrets: enough to run the job again.
    """

    schema_version: str
    run_id: str
    observations: tuple[str, ...]
    identity: Identity
    status: Status
    pinned: Pinned | None = None
    environment: Environment = Environment()
    code: Code = Code()
    inputs: Mapping[str, Data] = field(default_factory=dict)
    outputs: Mapping[str, Data] = field(default_factory=dict)
    algorithm: Algorithm = Algorithm()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    parents: Mapping[str, Parent] = field(default_factory=dict)
    cost: Cost | None = None
    notes: Mapping[str, Note] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
