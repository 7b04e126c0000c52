"""The parts of a run, as its jobs reported them: of prepared rows, and of the predictions made of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attempts.objects import Json, list_sizes, read_json, read_many


@dataclass(frozen=True)
class Parts:
    """The prepared parts, as PrepareInput's last report has them; the sidecars of their predictions; and what is missing."""

    prepared: Sequence[Json]
    scored: Sequence[Json]
    """Sidecars of the parts that are done, in the order of `prepared`."""
    problems: Mapping[str, str]
    """By name, a sentence for each part that has to be scored: it was not, or not to the end, or of other rows than these."""

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of prepared rows, by the part's name."""
        return {str(part["part"]): int(part["bytes"]) for part in self.prepared}

    @property
    def rows(self) -> int:
        """Rows with a prediction."""
        return sum(int(part["rows"]) for part in self.scored)

    @property
    def set_aside(self) -> int:
        """Rows that could be prepared, and could not be predicted."""
        return sum(int(part["set_aside"]) for part in self.scored)

    @property
    def files(self) -> list[dict[str, Any]]:
        """As the manifest names them."""
        said = ("rows", "bytes", "sha256", "json_lines")
        return [{"path": part["part"], **{name: part[name] for name in said if name in part}} for part in self.scored]


def report_of_preparing(s3: Any, work_uri: str) -> dict[str, Any]:
    """What PrepareInput said at its end."""
    return read_json(s3, f"{work_uri}/prepare-report/report.json")


def parts_of(s3: Any, report: Json, output_uri: str) -> Parts:
    """The parts of a run.

    Between two attempts the team's code may change, and PrepareInput overwrite what earlier predictions were made of. So a
    part counts as scored only if its sidecar names the digest of the rows that are prepared now.
    """
    prepared = report["parts"]
    present = list_sizes(s3, f"{output_uri}/")
    names = [name for part in prepared if _sidecar(name := str(part["part"])) in present]
    sidecars = dict(zip(names, read_many(s3, [f"{output_uri}/{_sidecar(name)}" for name in names]), strict=True))
    problems = {
        name: problem
        for part in prepared
        if (problem := _problem(part, sidecars.get(name := str(part["part"])), present)) is not None
    }
    return Parts(prepared, [sidecar for name, sidecar in sidecars.items() if name not in problems], problems)


def _sidecar(part: str) -> str:
    return f"{part.removesuffix('.parquet')}.json"


def _problem(part: Json, sidecar: Json | None, present: Mapping[str, int]) -> str | None:
    """What is wrong with a part of predictions."""
    name = str(part["part"])
    if sidecar is None:
        return f"{name} has not been scored"
    copies = [sidecar["json_lines"]] if "json_lines" in sidecar else []
    for path, size in [(name, sidecar["bytes"]), *((copy["path"], copy["bytes"]) for copy in copies)]:
        if path not in present:
            return f"{path} is missing"
        if present[path] != size:
            return f"{path} has {present[path]} bytes, not {size}"
    if sidecar.get("prepared_sha256") != part["sha256"]:
        return f"{name} was made of other rows than are prepared now"
    accounted = sidecar["rows"] + sidecar["set_aside"]
    if accounted != part["rows"]:
        return f"{name} accounts for {accounted} rows of {part['rows']}"
    return None
