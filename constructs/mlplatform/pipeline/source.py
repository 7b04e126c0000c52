"""The code of a project's jobs, shipped with the stack that runs it."""

from __future__ import annotations

import posixpath
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from aws_cdk import FileAssetPackaging, Stack, Stage, Token
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from mlplatform.pipeline import archives
from mlplatform.pipeline.problems import raise_if_any
from mlrecords import provenance
from mlrecords.git import GitError, checkout_of

_SHOWN_FILES = 20


@dataclass(frozen=True)
class StagedSource:
    """A source directory as an object in the asset bucket of one stack: a tar.gz."""

    bucket_name: str
    object_key: str

    @property
    def s3_uri(self) -> str:
        return f"s3://{self.bucket_name}/{self.object_key}"


class SourceDirectory:
    """A directory of scripts that jobs run, with the modules they import.

    The whole directory goes to every job as one deterministic tar.gz; hidden files, `__pycache__` and bytecode stay
    behind. Keep data out of it. `only` narrows it to the files named.

    From a git checkout, the stack also publishes where the archive came from: commit, remote, directory, and a patch of what
    in the directory is not committed; see `mlrecords.provenance`. No template names it. Elsewhere there is nothing to publish.

    Raises `InvalidPropsError` if the directory does not exist or holds no file.
    """

    def __init__(self, path: str | Path, *, only: Sequence[str] = ()) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise_if_any("source directory", [f"'{self.path}' is not a directory; give the one that holds the scripts"])
        files = archives.read_files(self.path)
        self._files = {name: content for name, content in files.items() if not only or name in only}
        if not self._files:
            raise_if_any("source directory", [f"'{self.path}' holds no file; put the scripts of the jobs there"])

    @property
    def files(self) -> tuple[str, ...]:
        """The files that go to the jobs, by path relative to the directory, sorted."""
        return tuple(sorted(self._files))

    def missing(self, *scripts: str) -> tuple[str, ...]:
        """A sentence for each script that the directory does not hold; a script is named as in `files`."""
        held = self.files
        shown = ", ".join(held[:_SHOWN_FILES])
        more = f" and {len(held) - _SHOWN_FILES} more" if len(held) > _SHOWN_FILES else ""
        return tuple(
            f"script '{script}' is not in {self.path}; it holds {shown}{more}"
            for script in scripts
            if script not in self._files
        )

    def require(self, *scripts: str) -> None:
        """Raise `InvalidPropsError` naming every script that the directory does not hold."""
        raise_if_any("source directory", self.missing(*scripts))

    def stage(self, scope: Construct) -> StagedSource:
        """The directory as an asset of the scope's stack; asked for again in the same scope, it is the same asset."""
        staged = _stage(scope, self._digest, ".tar.gz", lambda: archives.tar_gz(self._files))
        if self._provenance is not None:
            _publish_provenance(scope, staged, self._provenance)
        return staged

    @cached_property
    def _digest(self) -> str:
        return archives.content_hash(self._files)

    @cached_property
    def _provenance(self) -> bytes | None:
        return _provenance(self.path.resolve())


def stage_zip(scope: Construct, *code: Path) -> StagedSource:
    """Python files and packages as the zip of a Lambda function, in the asset bucket of the scope's stack."""
    return stage_files(scope, {name: content for one in code for name, content in _python(one).items()})


def _python(code: Path) -> dict[str, bytes]:
    if not code.is_dir():
        return {code.name: code.read_bytes()}
    return {f"{code.name}/{name}": content for name, content in archives.read_files(code).items()}


def stage_files(scope: Construct, files: Mapping[str, bytes]) -> StagedSource:
    """Files by path as a zip in the asset bucket of the scope's stack."""
    return _stage(scope, archives.content_hash(files), ".zip", lambda: archives.zip_archive(files))


def _stage(scope: Construct, digest: str, suffix: str, pack: Callable[[], bytes]) -> StagedSource:
    archive = Path(_archives().name, f"{digest}{suffix}")
    if not archive.exists():
        archive.write_bytes(pack())
    return _asset(scope, digest, archive)


@cache
def _archives() -> tempfile.TemporaryDirectory[str]:
    """What is packed once for all projects: each asset copies it into its cloud assembly. Gone with the process."""
    return tempfile.TemporaryDirectory(prefix="mlplatform-")


@cache
def _asset(scope: Construct, digest: str, archive: Path) -> StagedSource:
    asset = s3_assets.Asset(scope, f"Code-{digest[:16]}", path=str(archive), asset_hash=digest)
    return StagedSource(bucket_name=asset.s3_bucket_name, object_key=asset.s3_object_key)


@cache
def _provenance(directory: Path) -> bytes | None:
    """Asked once in a process: projects share directories, and git takes 30 ms."""
    try:
        checkout = checkout_of(directory, only_directory=True)
    except GitError as error:
        warnings.warn(f"{error}; its archive will not say which commit it is of", stacklevel=2)
        return None
    return None if checkout is None else provenance.document(checkout)


@cache
def _publish_provenance(scope: Construct, staged: StagedSource, content: bytes) -> None:
    """Put it into the cloud assembly, to be published beside the archive. No resource names it: it is not in the template."""
    stage = Stage.of(scope)
    if stage is None or Token.is_unresolved(staged.object_key):
        return  # Of a synthesizer that names assets when they are deployed.
    name = f"{provenance.FOLDER}/{posixpath.basename(staged.object_key).partition('.')[0]}"
    path = Path(stage.outdir, f"{name}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    try:
        Stack.of(scope).synthesizer.add_file_asset(
            source_hash=name, file_name=f"{name}.json", packaging=FileAssetPackaging.FILE
        )
    except RuntimeError as error:
        # Of a stack with a synthesizer of its own, jsii hands out the one that was given, which the CDK has bound a copy of.
        if "StackSynthesizerBoundStackFirst" not in str(error):
            raise
        warnings.warn(
            f"{Stack.of(scope).stack_name} has its own synthesizer: its archives will not say which commit they are of",
            stacklevel=2,
        )
