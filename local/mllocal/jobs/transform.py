"""A batch transform: serve the model, send it the input's records in batches, write `<input file>.out`.

Every record goes through `InputFilter`, the model, `JoinSource` and `OutputFilter`, in this order. Nothing is uploaded before
the last record is done.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from mllocal.images import LocalImage
from mllocal.jobs.container import (
    Container,
    Program,
    close_logs,
    fail_out_of_memory,
    resolve_image,
    start,
    write_json,
)
from mllocal.jobs.hosts import Cluster
from mllocal.jobs.inference_client import InferenceClient, InvocationError
from mllocal.jobs.inputs import Source, deal, reading
from mllocal.jobs.model_data import unpack_model
from mllocal.jobs.records import RecordError
from mllocal.jobs.runner import Job, JobFailedError
from mllocal.jobs.sync import writing
from mllocal.jobs.transform_plan import Sender, TransformPlan
from mllocal.ports import free_port
from mllocal.s3 import S3Object, S3Uri, upload
from mllocal.sagemaker.store import Document


def run(job: Job) -> Document:
    """Run the job to its end. Raises `JobFailedError` with SageMaker's reason."""
    document = job.document
    container = document["ModelContainer"]
    resources = document["TransformResources"]
    image = resolve_image(container["Image"])
    items = Source.of(document["TransformInput"]["DataSource"]["S3DataSource"]).objects(job)
    cluster = Cluster.create(job.directory, resources["InstanceType"], resources["InstanceCount"])
    for host in cluster.hosts:
        unpack_model(job.client("s3"), host, container.get("ModelDataUrl"))
        write_json(host.ml / "input" / "config" / "resourceconfig.json", cluster.resource_config(host))
    job.change(TransformStartTime=time.time())
    servers = _serve(job, cluster, image)
    try:
        _transform_on_all(job, servers, items)
    finally:
        job.stop_processes()
        close_logs([server.container for server in servers])
    job.check_not_stopped()
    target = S3Uri.parse(document["TransformOutput"]["S3OutputPath"])
    with writing(target):
        upload(job.client("s3"), job.directory / "results", target)
    return {}


@dataclass(frozen=True)
class Server:
    """A container that serves the model on one host."""

    container: Container
    port: int


def _serve(job: Job, cluster: Cluster, image: LocalImage) -> list[Server]:
    ports = {host.name: free_port() for host in cluster.hosts}
    variables = {
        **job.document["ModelContainer"].get("Environment", {}),
        **job.document.get("Environment", {}),
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
    }
    program = Program(
        image,
        image.serve_command,
        lambda host: {**variables, "SAGEMAKER_BIND_TO_PORT": str(ports[host.name])},
    )
    return [Server(container, ports[container.host.name]) for container in start(job, cluster, program)]


def _transform_on_all(job: Job, servers: list[Server], items: list[S3Object]) -> None:
    """Each host transforms its share of the files; the first failure ends all."""
    shares = deal(items, len(servers))
    with ThreadPoolExecutor(len(servers)) as pool:
        running = [pool.submit(_transform_share, job, *pair) for pair in zip(servers, shares, strict=True)]
        for future in as_completed(running):
            if future.exception() is not None:
                job.stop_processes()
            future.result()


def _transform_share(job: Job, server: Server, items: list[S3Object]) -> None:
    plan = TransformPlan.of(job.document)
    try:
        with InferenceClient(server.port, job.document.get("ModelClientConfig", {})) as client:
            # The first file is read while the container starts, which takes longer.
            first = [plan.read(_body(job, item)) for item in items[:1]]
            client.wait_until_ready(server.container.process)
            sender = Sender.of(job.document, client)
            for item in items:
                job.check_not_stopped()
                content = first.pop() if first else plan.read(_body(job, item))
                target = job.directory / "results" / f"{item.relative_path}.out"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(plan.transform(sender, content))
    except (RecordError, InvocationError) as error:
        job.check_not_stopped()
        if server.container.process.ran_out_of_memory:
            fail_out_of_memory(server.container.wait(0), "job")
        raise JobFailedError(f"ClientError: {error}") from None


def _body(job: Job, item: S3Object) -> bytes:
    with reading(str(item.uri)):
        body: bytes = job.client("s3").get_object(Bucket=item.uri.bucket, Key=item.uri.key)["Body"].read()
    return body
