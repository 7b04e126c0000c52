"""Local code of an imported pipeline as assets that keep the names of their files.

A job runs a script by the name that the SDK gave it, and an ordinary file asset is named after its content. So each set
of files gets a folder in the asset bucket, named after what is in it.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aws_cdk import FileAssetPackaging, Stack, Stage

from mlpipelines import JsonObject
from mlpipelines.imported import Place, texts
from mlplatform.pipeline import archives
from mlplatform.policy import Statement
from mlplatform.project import MlProject

_OUTPUTS = frozenset({"OutputDataConfig", "ProcessingOutputConfig", "TransformOutput", "CheckpointConfig"})
_FOLDER = "imported"


@dataclass
class UploadedCode:
    """What an SDK session kept, by S3 URI; the part that a definition refers to is shipped with the stack."""

    project: MlProject
    uploads: Mapping[str, bytes]
    _shipped: dict[str, str] = field(default_factory=dict)

    def asset_uri(self, place: Place) -> str | None:
        """Where the stack keeps what a text of the definition refers to; None if it refers to no upload.

        A text is an upload's own URI, as it is or as JSON (hyperparameters are), or, where a job reads, a prefix of
        several.
        """
        uri = place.text.strip('"')
        if uri in self.uploads:
            name = posixpath.basename(uri)
            return place.text.replace(uri, f"{self._ship({name: self.uploads[uri]})}/{name}")
        if place.member != "S3Uri" or not uri.startswith("s3://") or _OUTPUTS.intersection(place.path):
            return None
        prefix = uri.rstrip("/") + "/"
        files = {name.removeprefix(prefix): data for name, data in self.uploads.items() if name.startswith(prefix)}
        if not files:
            return None
        return self._ship(files) + ("/" if uri.endswith("/") else "")

    def problems(self, definition: JsonObject) -> Iterator[str]:
        """A sentence for each upload that stands inside a longer text, where no asset can take its place."""
        for place in texts(definition):
            uri = next((uri for uri in self.uploads if uri in place.text), None)
            if uri is not None and self.asset_uri(place) is None:
                yield f"{place}: the uploaded {uri} stands inside a longer text; give the job its code as an input"

    @property
    def bucket_name(self) -> str | None:
        """The asset bucket, if anything was shipped."""
        return next((uri.removeprefix("s3://").split("/", 1)[0] for uri in self._shipped.values()), None)

    def let_jobs_read(self) -> None:
        """Let the project's jobs read what was shipped.

        Every version of it: an execution that started before a deployment goes on with the code it started with.
        """
        if self.bucket_name is None:
            return
        bucket_arn = f"arn:{self.project.partition}:s3:::{self.bucket_name}"
        folder = f"{_FOLDER}/{self.project.name}"
        self.project.allow_jobs(
            Statement(
                sid="ReadImportedCode",
                actions=["s3:GetObject"],
                resources=[f"{bucket_arn}/{folder}/*"],
                wildcard_reason="executions that started before a deployment still read the code of their own version",
            ),
            Statement(
                sid="FindImportedCode",
                actions=["s3:ListBucket"],
                resources=[bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{folder}/*"}},
            ),
        )

    def _ship(self, files: Mapping[str, bytes]) -> str:
        stable = {name: _stable(name, content) for name, content in files.items()}
        digest = archives.content_hash({name: identity for name, (_, identity) in stable.items()})
        if digest not in self._shipped:
            contents = {name: content for name, (content, _) in stable.items()}
            self._shipped[digest] = _add_assets(self.project, f"{_FOLDER}/{self.project.name}/{digest}", contents)
        return self._shipped[digest]


def _add_assets(project: MlProject, folder: str, files: Mapping[str, bytes]) -> str:
    """Put files into the cloud assembly, to be published under a folder of the asset bucket; its URI."""
    stack, stage = Stack.of(project), Stage.of(project)
    if stage is None:
        raise ValueError(f"project '{project.name}' is in no app; declare it in a stack of an App")
    root = ""
    for name, content in sorted(files.items()):
        path = Path(stage.outdir, folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        # The synthesizer appends the file's suffix to the hash: the two make the object's key.
        added = stack.synthesizer.add_file_asset(
            source_hash=f"{folder}/{name.removesuffix(path.suffix)}",
            file_name=f"{folder}/{name}",
            packaging=FileAssetPackaging.FILE,
        )
        if not added.object_key.endswith(f"{folder}/{name}"):
            raise ValueError(
                f"the stack's synthesizer names the asset {folder}/{name} {added.object_key!r}, under which a job does "
                "not find it; use the DefaultStackSynthesizer"
            )
        root = f"s3://{added.bucket_name}/{added.object_key.removesuffix('/' + name)}"
    return root


def _stable(name: str, content: bytes) -> tuple[bytes, bytes]:
    """Content that depends on nothing but the files packed, and what identifies it: the SDK packs with times."""
    if not name.endswith(".tar.gz"):
        return content, content
    members: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.isfile() else None
            if file is not None:
                members[entry.name] = file.read()
    return archives.tar_gz(members), archives.content_hash(members).encode()
