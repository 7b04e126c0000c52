"""A batch transform: serve the model, send it the input's records in batches, write `<input file>.out`.

Every record goes through `InputFilter`, the model, `JoinSource` and `OutputFilter`, in this order. Nothing is uploaded before
the last record is done.
"""

from __future__ import annotations

import gzip
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mllocal.jobs.container import container_environment, resolve_image, resource_config, write_json
from mllocal.jobs.inference_client import InferenceClient, InvocationError
from mllocal.jobs.process import ContainerProcess
from mllocal.jobs.records import (
    Filter,
    Record,
    RecordError,
    batches,
    csv_filter,
    join_csv,
    join_json,
    json_filter,
    read_row,
    split_lines,
)
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.ports import free_port
from mllocal.s3 import NoObjectsError, S3Object, S3Uri, objects_under, upload
from mllocal.sagemaker.store import Document

DEFAULT_MAX_PAYLOAD_MB = 6
_JSON_TYPES = ("application/json", "application/jsonlines")


def run(job: Job) -> Document:
    """Run the job to its end. Raises `JobFailedError` with SageMaker's reason."""
    document = job.document
    container = document["ModelContainer"]
    image = resolve_image(container["Image"])
    source = S3Uri.parse(document["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    try:
        items = objects_under(job.client("s3"), source)
    except NoObjectsError as error:
        raise JobFailedError(str(error)) from None
    _unpack_model(job, container.get("ModelDataUrl"))
    write_json(
        job.ml / "input" / "config" / "resourceconfig.json",
        resource_config(document["TransformResources"]["InstanceType"]),
    )
    port = free_port()
    variables = {
        **container.get("Environment", {}),
        **document.get("Environment", {}),
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    job.change(TransformStartTime=time.time())
    log = job.open_log()
    try:
        process = job.run_process(image.serve_command, container_environment(job, image, variables), log)
        with InferenceClient(port) as client:
            _transform_all(job, process, client, items)
        process.stop()
    except (RecordError, InvocationError) as error:
        process.stop()
        raise JobFailedError(f"ClientError: {error}") from None
    finally:
        log.close()
    job.check_not_stopped()
    upload(job.client("s3"), job.directory / "results", S3Uri.parse(document["TransformOutput"]["S3OutputPath"]))
    return {}


def _transform_all(job: Job, process: ContainerProcess, client: InferenceClient, items: list[S3Object]) -> None:
    client.wait_until_ready(process)
    offered = client.execution_parameters()
    plan = TransformPlan(job.document, offered)
    for item in items:
        target = job.directory / "results" / f"{item.relative_path}.out"
        target.parent.mkdir(parents=True, exist_ok=True)
        body = job.client("s3").get_object(Bucket=item.uri.bucket, Key=item.uri.key)["Body"].read()
        job.check_not_stopped()
        target.write_bytes(plan.transform(client, body))


class TransformPlan:
    """What a transform job's settings mean for one file; the job's settings win over the container's."""

    def __init__(self, document: Document, offered: dict[str, Any]) -> None:
        source = document["TransformInput"]
        processing = document.get("DataProcessing", {})
        self._content_type: str = source.get("ContentType", "text/csv")
        self._accept: str = document["TransformOutput"].get("Accept", self._content_type)
        self._is_gzip = source.get("CompressionType") == "Gzip"
        self._is_split = source.get("SplitType", "None") == "Line"
        self._assemble_lines = document["TransformOutput"].get("AssembleWith", "None") == "Line"
        self._strategy = document.get("BatchStrategy", "MultiRecord")
        self._max_payload_mb = document.get("MaxPayloadInMB", offered.get("MaxPayloadInMB", DEFAULT_MAX_PAYLOAD_MB))
        self._concurrency = document.get("MaxConcurrentTransforms") or offered.get("MaxConcurrentTransforms", 1)
        self._input_filter: str = processing.get("InputFilter", "$")
        self._output_filter: str = processing.get("OutputFilter", "$")
        self._joins = processing.get("JoinSource", "None") == "Input"

    def transform(self, client: InferenceClient, body: bytes) -> bytes:
        """The content of the `.out` file of one input file."""
        content = gzip.decompress(body) if self._is_gzip else body
        if not self._is_split:
            return client.invoke(content, self._content_type, self._accept)
        records = split_lines(content)
        if not records:
            return b""
        predictions = self._predict(client, _apply(self._filter(self._input_filter, records[0]), records))
        if len(predictions) != len(records):
            raise RecordError(
                f"the model answered {len(predictions)} lines for {len(records)} records; it must answer one line for each"
            )
        if self._joins:
            join = join_json if self._content_type in _JSON_TYPES else join_csv
            predictions = [join(record, prediction) for record, prediction in zip(records, predictions, strict=True)]
        results = _apply(self._filter(self._output_filter, predictions[0]), predictions)
        # AssembleWith None puts the results end to end, as the service does.
        end = "\n" if self._assemble_lines else ""
        return "".join(result + end for result in results).encode()

    def _predict(self, client: InferenceClient, records: list[Record]) -> list[Record]:
        def send(batch: list[Record]) -> list[Record]:
            body = ("\n".join(batch) + "\n").encode()
            return split_lines(client.invoke(body, self._content_type, self._accept))

        grouped = batches(records, strategy=self._strategy, max_payload_mb=self._max_payload_mb)
        with ThreadPoolExecutor(self._concurrency) as pool:
            return [prediction for answer in pool.map(send, grouped) for prediction in answer]

    def _filter(self, path: str, example: Record) -> Filter | None:
        if path == "$":
            return None
        if self._content_type in _JSON_TYPES:
            return json_filter(path)
        return csv_filter(path, len(read_row(example)))


def _apply(choose: Filter | None, records: list[Record]) -> list[Record]:
    return records if choose is None else [choose(record) for record in records]


def _unpack_model(job: Job, uri: str | None) -> None:
    target = job.ml / "model"
    target.mkdir(parents=True, exist_ok=True)
    if uri is None:
        return
    location = S3Uri.parse(uri)
    archive = job.directory / "model.tar.gz"
    s3 = job.client("s3")
    try:
        s3.download_file(location.bucket, location.key, str(archive))
    except s3.exceptions.ClientError as error:
        raise JobFailedError(f"ClientError: model data {uri} cannot be read: {error}") from None
    _extract(archive, target)


def _extract(archive: Path, target: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(target, filter="data")
    except tarfile.TarError as error:
        raise JobFailedError(f"ClientError: model data is not a tar.gz archive: {error}") from None
