"""What a training job leaves in S3: `model.tar.gz` and `output.tar.gz`, each from the directories of all hosts."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

from mllocal.jobs.hosts import Cluster
from mllocal.jobs.runner import Job
from mllocal.jobs.sync import writing
from mllocal.s3 import S3Uri
from mllocal.sagemaker.store import Document


def upload_model(job: Job, cluster: Cluster) -> str:
    """Upload `/opt/ml/model` of all hosts as one archive; its URI, which stands for the model even if there is none."""
    target = model_location(job.document)
    _upload(job, [host.ml / "model" for host in cluster.hosts], target)
    return str(target)


def model_location(document: Document) -> S3Uri:
    """Where the model of a training job will be."""
    return _base(document) / "model.tar.gz"


def upload_output(job: Job, cluster: Cluster) -> None:
    """Upload `/opt/ml/output/data` of all hosts as one archive; the service does this for failed jobs, too."""
    _upload(job, [host.ml / "output" / "data" for host in cluster.hosts], _base(job.document) / "output.tar.gz")


def _base(document: Document) -> S3Uri:
    job_name: str = document["TrainingJobName"]
    return S3Uri.parse(document["OutputDataConfig"]["S3OutputPath"]) / job_name / "output"


def _upload(job: Job, directories: Sequence[Path], target: S3Uri) -> None:
    files = merged(directories)
    if not files:
        return
    archive = job.directory / target.key.rpartition("/")[2]
    with tarfile.open(archive, "w:gz") as tar:
        for name, path in sorted(files.items()):
            tar.add(path, arcname=name, recursive=False)
    with writing(target):
        job.client("s3").upload_file(str(archive), target.bucket, target.key)


def merged(directories: Sequence[Path]) -> dict[str, Path]:
    """All entries by their relative name. Hosts should not use the same names; where they do, the first host's file counts."""
    return {
        path.relative_to(directory).as_posix(): path
        for directory in reversed(directories)
        if directory.is_dir()
        for path in directory.rglob("*")
    }
