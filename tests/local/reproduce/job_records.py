"""Records of SageMaker jobs that really ran, from their Describe answers, pinned as the store has them pinned at their start."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlp.runs import cache
from mlrecords.canonical import canonical, digest
from mlrecords.codec import to_json
from mlrecords.observations import Observation, facts_of, order_of, run_id_of
from mlrecords.record import (
    Algorithm,
    Code,
    Data,
    DataListing,
    DataObject,
    Environment,
    Identity,
    Image,
    Metric,
    Parent,
    Status,
)
from mlrecords.rows import Row, keep_rows
from mlrecords.store import RecordStore
from tests.local.workbench import Workbench

_KINDS = {"training-job": "Training", "processing-job": "Processing"}
_REQUESTS = {
    "Training": (
        *("TrainingJobName", "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig"),
        *("OutputDataConfig", "ResourceConfig", "StoppingCondition", "Environment"),
    ),
    "Processing": (
        *("ProcessingJobName", "ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources"),
        *("StoppingCondition", "AppSpecification", "Environment", "RoleArn"),
    ),
}


@dataclass
class JobRecords:
    """Writes records of jobs to a store. `pins` of a job are read now, so record it before anything changes."""

    workbench: Workbench
    store: RecordStore

    @classmethod
    def create(cls, workbench: Workbench) -> JobRecords:
        s3 = workbench.engine.client("s3")
        s3.put_bucket_versioning(Bucket=workbench.bucket, VersioningConfiguration={"Status": "Enabled"})
        return cls(workbench, RecordStore(s3, workbench.bucket))

    def of_execution(self, execution_arn: str) -> str:
        """Record an execution and each of its jobs; the execution's run id."""
        steps = self.workbench.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)
        parents = {run_id_of(execution_arn): Parent(relation="execution", arn=execution_arn)}
        for step in steps["PipelineExecutionSteps"]:
            for metadata in step["Metadata"].values():
                arn = metadata.get("Arn", "")
                if "-job/" in arn:
                    self.of_job(arn, parents=parents, tags={"sagemaker:pipeline-step-name": step["StepName"]})
        identity = Identity(kind="pipeline-execution", name="an execution", arn=execution_arn)
        return self.observe(execution_arn, identity=identity, status=Status(state="Succeeded"))

    def of_model(self, arn: str, execution_arn: str, model_uri: str) -> str:
        """Record a version of a model that an execution registered."""
        return self.observe(
            arn,
            identity=Identity(kind="model-package", name=arn.split("model-package/")[1], arn=arn),
            status=Status(state="Completed"),
            outputs={"model": Data(uri=model_uri, role="model")},
            parents={run_id_of(execution_arn): Parent(relation="execution", arn=execution_arn)},
        )

    def of_job(self, arn: str, **more: Any) -> str:
        """Record a job that has ended; its run id. `more` replaces parts."""
        kind, name = arn.rsplit(":", 1)[1].split("/")
        title = _KINDS[kind]
        found = getattr(self.workbench.sagemaker, f"describe_{title.lower()}_job")(**{f"{title}JobName": name})
        engine = self.workbench.engine
        identity = Identity(
            kind=kind, name=name, arn=arn, account=engine.account, region=engine.region, project="tests"
        )
        status = Status(state=found[f"{title}JobStatus"], started_at=found[f"{title}StartTime"])
        request = {member: found[member] for member in _REQUESTS[title] if found.get(member)}
        parts = dict(self._training(found) if title == "Training" else self._processing(found))
        return self.observe(arn, **{"identity": identity, "status": status, "request": request, **parts, **more})

    def observe(self, arn: str, **parts: Any) -> str:
        """Write the parts of a record as one observation."""
        observation = Observation(run_id=run_id_of(arn), source="event", order=order_of(1), facts=facts_of(parts))
        keep_rows(self.store, [self.store.observe([observation])])
        return run_id_of(arn)

    def children(self, run_id: str) -> list[Row]:
        """The rows of the runs that came from a run, as a new user finds them."""
        with tempfile.TemporaryDirectory() as directory, cache.opened(Path(directory)) as copy:
            copy.refresh(self.store)
            return copy.children(run_id)

    def _training(self, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        hyperparameters = found["HyperParameters"]
        archive = json.loads(hyperparameters["sagemaker_submit_directory"])
        own = {name: value for name, value in hyperparameters.items() if not name.startswith("sagemaker_")}
        content = self._read(archive)
        yield "environment", Environment(image=self._image(found["AlgorithmSpecification"]["TrainingImage"]))
        yield "code", Code(archive_uri=archive, archive_sha256=digest(content))
        channels = found["InputDataConfig"]
        uris = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
        yield "inputs", {name: self.pinned(uri) for name, uri in uris.items()}
        yield "outputs", {"model": self.pinned(found["ModelArtifacts"]["S3ModelArtifacts"], role="model")}
        seeds = {name: value for name, value in own.items() if "seed" in name}
        yield "algorithm", Algorithm(hyperparameters=own, seeds=seeds)
        yield (
            "metrics",
            {item["MetricName"]: Metric(value=item["Value"]) for item in found.get("FinalMetricDataList", ())},
        )

    def _processing(self, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        specification = found["AppSpecification"]
        command = (*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", ()))
        yield "environment", Environment(image=self._image(specification["ImageUri"]))
        yield "code", Code(entry_point=command)
        inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in found.get("ProcessingInputs", ())}
        roles = {name: name if name in ("code", "model") else "data" for name in inputs}
        yield "inputs", {name: self.pinned(uri, role=roles[name]) for name, uri in inputs.items()}
        outputs = found.get("ProcessingOutputConfig", {}).get("Outputs", ())
        yield "outputs", {item["OutputName"]: self.pinned(item["S3Output"]["S3Uri"]) for item in outputs}

    def pinned(self, uri: str, role: str = "data") -> Data:
        """Every object under an S3 URI with its version and hash, as a listing in the store."""
        bucket, prefix = uri.removeprefix("s3://").split("/", 1)
        pages = self.store.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        folder = prefix if keys == [prefix] else f"{prefix.rstrip('/')}/"
        objects = tuple(self._object(bucket, key, folder) for key in sorted(keys))
        content = canonical(to_json(DataListing(uri=f"s3://{bucket}/{folder}", objects=objects)))
        return Data(uri=uri, role=role, version=digest(content), listing=self.store.keep(content))

    def _object(self, bucket: str, key: str, folder: str) -> DataObject:
        found = self.store.s3.get_object(Bucket=bucket, Key=key)
        content = found["Body"].read()
        return DataObject(
            key=key.removeprefix(folder),
            size_bytes=len(content),
            version_id=found.get("VersionId"),
            etag=found["ETag"].strip('"'),
            sha256=hashlib.sha256(content).hexdigest(),
        )

    def _read(self, uri: str) -> bytes:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        content: bytes = self.store.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def _image(self, uri: str) -> Image:
        ecr = self.workbench.engine.client("ecr")
        repository, _, tag = uri.partition("/")[2].partition(":")
        try:
            found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
        except ecr.exceptions.RepositoryNotFoundException:
            return Image(uri=uri)
        return Image(uri=uri, digest=found[0]["imageDigest"])
