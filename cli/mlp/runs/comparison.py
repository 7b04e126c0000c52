"""What differs between two runs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlrecords.record import Data, RunRecord


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not the same: its section and name, and what it is in either run; None where a run has it not."""

    section: str
    name: str
    a: Any
    b: Any


def differences(a: RunRecord, b: RunRecord) -> list[Difference]:
    """Everything that differs, but for names, times and costs, which always do; in the order in which one looks for causes."""
    sections_a, sections_b = dict(_sections(a)), dict(_sections(b))
    return [
        Difference(section=section, name=name, a=values_a.get(name), b=values_b.get(name))
        for section, values_a in sections_a.items()
        for values_b in (sections_b[section],)
        for name in sorted(values_a.keys() | values_b.keys())
        if values_a.get(name) != values_b.get(name)
    ]


def _sections(record: RunRecord) -> Iterator[tuple[str, Mapping[str, Any]]]:
    environment, code, algorithm = record.environment, record.code, record.algorithm
    image, machines = environment.image, environment.machines
    yield "run", _said(kind=record.identity.kind, project=record.identity.project, state=record.status.state)
    yield "metric", {name: metric.value for name, metric in record.metrics.items()}
    yield "param", algorithm.hyperparameters
    yield "seed", algorithm.seeds
    yield "data", _versions(record.inputs)
    yield (
        "code",
        _said(
            algorithm=algorithm.name,
            remote=code.remote,
            commit=code.commit,
            directory=code.directory,
            diff=code.diff,
            archive=code.archive_sha256,
            entry_point=" ".join(code.entry_point) or None,
        ),
    )
    yield (
        "environment",
        _said(
            image=image.uri if image else None,
            image_digest=image.digest if image else None,
            instance_type=machines.instance_type if machines else None,
            instance_count=machines.instance_count if machines else None,
            python=environment.python,
            requirements=environment.requirements,
            platform=environment.platform,
        ),
    )
    yield "package", environment.packages
    yield "variable", environment.variables
    yield "tag", record.tags
    yield "output", _versions(record.outputs)


def _versions(data: Mapping[str, Data]) -> dict[str, Any]:
    """The same version is the same content, wherever it is; without a version, the place has to do."""
    return {name: one.version or one.uri for name, one in data.items()} | {
        f"{name} rows": one.rows for name, one in data.items() if one.rows is not None
    }


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
