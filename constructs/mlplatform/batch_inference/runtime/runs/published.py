"""What readers of a pipeline's output start from, and how it changes: never half, never back, never mixed.

Under the root: `manifests/<run id>.json` names the files of a run; `published/date=<day>/<run id>.txt` names the same
files for Athena, one a line; `latest.json` names the newest run. Each of them is one object, replaced whole, and the files
of a generation are all there before the first of them names it. So whoever starts at any of them sees one generation.

Each carries the fence of the attempt that wrote it. An attempt replaces only what an earlier fence, or itself, wrote, and
only what it has read (compare-and-swap). So one that was overtaken while it published changes nothing any more, however
late it wakes up. `manifests/<run id>.json` is written last: where it names a generation, everything else does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from attempts.objects import Found, Json, json_text, list_sizes, replace, split_uri, tag
from runs.state import StaleFenceError

MANIFEST_VERSION = 2
SUPERSEDED_TAG = "superseded"
"""Files of older generations get it, with the value `true`; the output bucket's lifecycle lets such files expire."""


@dataclass(frozen=True)
class Publication:
    """One generation of one run, complete, and about to be published. URIs have no slash at the end."""

    root_uri: str
    output_uri: str
    pipeline_name: str
    run_id: str
    generation: int
    fence: int
    execution_arn: str
    started_at: datetime
    scheduled_at: datetime
    time_zone: str
    model_package_arn: str
    input_record: Json
    report_uri: str
    rows: int
    set_aside: int
    files: Sequence[Json]
    """`path` relative to `output_uri`, `rows`, `bytes` and `sha256` of each."""

    @property
    def manifest_uri(self) -> str:
        """Where the manifest of this run stands, whichever generation it is of."""
        return f"{self.root_uri}/manifests/{self.run_id}.json"

    @property
    def own_manifest_uri(self) -> str:
        """The same manifest beside its files: it says the same for as long as they are kept."""
        return f"{self.output_uri}/manifest.json"

    @property
    def claim_uri(self) -> str:
        """Who publishes this run, and where."""
        return f"{self.root_uri}/claims/{self.run_id}.json"

    @property
    def latest_uri(self) -> str:
        """Where the newest run is named."""
        return f"{self.root_uri}/latest.json"

    @property
    def symlink_uri(self) -> str:
        """Where Athena finds the files of this run: in the partition of the day for which it was scheduled."""
        day = self.scheduled_at.astimezone(ZoneInfo(self.time_zone)).date()
        return f"{self.root_uri}/published/date={day.isoformat()}/{self.run_id}.txt"

    def manifest(self, compared_with: str | None) -> dict[str, Any]:
        """What a reader needs to know of a run: from which model and which input versions which files came."""
        return {
            "manifest_version": MANIFEST_VERSION,
            "pipeline": self.pipeline_name,
            "run_id": self.run_id,
            "generation": self.generation,
            "fence": self.fence,
            "execution_arn": self.execution_arn,
            "started_at": self.started_at.isoformat(),
            "scheduled_at": self.scheduled_at.isoformat(),
            "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "model_package_arn": self.model_package_arn,
            "compared_with": compared_with,
            "report_uri": self.report_uri,
            "symlink_uri": self.symlink_uri,
            "input": self.input_record,
            "output": {
                "uri": f"{self.output_uri}/",
                "rows": self.rows,
                "set_aside": self.set_aside,
                "files": list(self.files),
            },
        }

    def latest(self) -> dict[str, Any]:
        """What latest.json says of this run."""
        return {
            "run_id": self.run_id,
            "generation": self.generation,
            "started_at": self.started_at.isoformat(),
            "scheduled_at": self.scheduled_at.isoformat(),
            "manifest_uri": self.own_manifest_uri,
            "output_uri": f"{self.output_uri}/",
        }


def publish(s3: Any, publication: Publication, *, compared_with: str | None = None) -> bool:
    """Publish the generation; says whether it is the latest run now. Doing it again changes nothing.

    Raises StaleFenceError when a later attempt of the run has published.
    """
    replace_own = partial(_replace, s3, publication)
    manifest = json_text(publication.manifest(compared_with))
    claimed = _claim(s3, publication)
    replace_own(publication.own_manifest_uri, lambda _: manifest, "application/json")
    # The run stood in another day's partition when the pipeline had another time zone. An empty file stays there, since
    # a missing one could be written again by an attempt that was overtaken.
    for uri in claimed:
        replace_own(uri, lambda _: b"", "text/plain")
    lines = "".join(f"{publication.output_uri}/{file['path']}\n" for file in publication.files)
    replace_own(publication.symlink_uri, lambda _: lines.encode(), "text/plain")
    latest = _replace_latest(s3, publication)
    replace_own(publication.manifest_uri, lambda _: manifest, "application/json")
    retire_older_generations(s3, publication)
    return latest


def _claim(s3: Any, publication: Publication) -> list[str]:
    """Shut out attempts with an earlier fence; where else than here such attempts may have named files for Athena."""
    others: list[str] = []

    def text(current: Found | None) -> bytes:
        known = [] if current is None else current.document["symlink_uris"]
        others[:] = [uri for uri in known if uri != publication.symlink_uri]
        uris = [*others, publication.symlink_uri]
        # With the fence, no two attempts write the same claim: where an ETag is the MD5 of the content, one that was read before an equal
        # claim of a later attempt would seem unchanged.
        return json_text({"run_id": publication.run_id, "fence": publication.fence, "symlink_uris": uris})

    _replace(s3, publication, publication.claim_uri, text, "application/json")
    return others


def _replace(
    s3: Any, publication: Publication, uri: str, text: Callable[[Found | None], bytes], content_type: str
) -> None:
    fence = publication.fence
    if not replace(
        s3, uri, fence=fence, text=text, content_type=content_type, overtaken=lambda found: found.fence > fence
    ):
        raise StaleFenceError(
            f"StaleFence: {uri} was published by a later attempt than fence {fence}, which may do nothing any more"
        )


def _replace_latest(s3: Any, publication: Publication) -> bool:
    """Point latest.json at this run, unless it points at one for a later moment, or a later attempt wrote it."""

    def overtaken(found: Found) -> bool:
        return (scheduled_at(found.document), found.fence) > (publication.scheduled_at, publication.fence)

    return replace(
        s3,
        publication.latest_uri,
        fence=publication.fence,
        text=lambda _: json_text(publication.latest()),
        content_type="application/json",
        overtaken=overtaken,
    )


def retire_older_generations(s3: Any, publication: Publication) -> None:
    """Tag the files of this run's older generations, so that the bucket's lifecycle lets them expire.

    Nothing names them any more: manifest and symlink file are this generation's, or a later one's. They stay for a while
    since a reader may have read the manifest before it was replaced.
    """
    bucket, own = split_uri(publication.output_uri)
    run = own.rpartition("/")[0] + "/"
    paths = list_sizes(s3, f"s3://{bucket}/{run}")
    older = [run + path for path in sorted(paths) if _generation(path, publication.generation) < publication.generation]
    tag(s3, bucket, older, SUPERSEDED_TAG, "true")


def _generation(path: str, otherwise: int) -> int:
    name = path.partition("/")[0]
    return int(name) if name.isdigit() else otherwise


def scheduled_at(document: Mapping[str, Any]) -> datetime:
    """For which moment a published run was meant; before there were schedules in it, when it started."""
    return timestamp(document.get("scheduled_at", document["started_at"]))


def timestamp(text: str) -> datetime:
    """A moment as SageMaker or a function of ours writes it: ISO 8601, or seconds since 1970. Without a zone it is UTC."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
