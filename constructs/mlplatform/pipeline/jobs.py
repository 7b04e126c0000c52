"""What jobs run on, and how a script of a source directory becomes a processing step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlpipelines import (
    PIPELINE_EXECUTION_ID,
    Join,
    Parameter,
    ProcessingInput,
    ProcessingOutput,
    ProcessingStep,
    PropertyFile,
    RetryPolicy,
    Step,
    Text,
    Value,
)
from mlplatform.pipeline.source import SourceDirectory, StagedSource
from mlplatform.policy import Statement
from mlplatform.project import MlProject, takes_volume_key

# Whole paths stand in entrypoints and arguments, so that an engine without private mounts can rewrite /opt/ml.
_CODE = "/opt/ml/processing/code"
_CODE_INPUT = "/opt/ml/processing/input/code"

# Faults that pass by themselves (developer guide, "Retry Policy for Pipeline Steps"). A script that fails is not
# tried again: it would fail the same way and be paid for twice.
TRANSIENT_FAULTS = (
    RetryPolicy(exception_types=("Step.SERVICE_FAULT", "Step.THROTTLING"), interval_seconds=10, max_attempts=5),
    RetryPolicy(
        exception_types=("SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"),
        interval_seconds=60,
        max_attempts=5,
    ),
)


@dataclass(frozen=True, kw_only=True)
class JobResources:
    """The machines of a job, and how long it may run.

    The default is the cheapest general-purpose type that every SageMaker job takes: 2 vCPU, 8 GiB, about 0.115 USD
    an hour in us-east-1 (Amazon SageMaker pricing, on-demand ml.m5.large). A job over `max_runtime_minutes` is stopped.
    """

    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    volume_gb: int = 30
    max_runtime_minutes: int = 60

    @property
    def max_runtime_seconds(self) -> int:
        return self.max_runtime_minutes * 60

    def volume_kms_key_id(self, key_arn: str) -> str | None:
        """The key for the job's volume; none where the instance's own disks leave no volume to encrypt."""
        return key_arn if takes_volume_key(self.instance_type) else None


@dataclass(frozen=True, kw_only=True)
class ScriptRunner:
    """Runs scripts of one source directory in processing jobs of one project.

    A job finds the input called `x` in `input_path("x")`, and leaves the output called `y` in `output_path("y")`.
    """

    project: MlProject
    source: StagedSource
    role_arn: str
    image_uri: str
    resources: JobResources

    def step(
        self,
        name: str,
        script: str,
        *,
        inputs: Mapping[str, Text],
        outputs: Mapping[str, Text],
        arguments: Sequence[Value],
        entrypoint: Sequence[str] | None = None,
        property_files: Sequence[PropertyFile] = (),
        depends_on: Sequence[Step] = (),
    ) -> ProcessingStep:
        """A processing step. `inputs` and `outputs` are S3 prefixes by name; `arguments` go to the script as they are.

        The script is run once, unless `entrypoint` does otherwise.
        """
        key_arn = self.project.key_arn
        return ProcessingStep(
            name=name,
            image_uri=self.image_uri,
            role_arn=self.role_arn,
            instance_type=self.resources.instance_type,
            instance_count=self.resources.instance_count,
            volume_size_gb=self.resources.volume_gb,
            max_runtime_seconds=self.resources.max_runtime_seconds,
            entrypoint=script_entrypoint(script) if entrypoint is None else entrypoint,
            arguments=arguments,
            inputs=[
                ProcessingInput(name="code", s3_uri=self.source.s3_uri, local_path=_CODE_INPUT),
                *(ProcessingInput(name=key, s3_uri=uri, local_path=input_path(key)) for key, uri in inputs.items()),
            ],
            outputs=[
                ProcessingOutput(name=key, local_path=output_path(key), s3_uri=uri) for key, uri in outputs.items()
            ],
            property_files=property_files,
            network=self.project.network,
            volume_kms_key_id=self.resources.volume_kms_key_id(key_arn),
            output_kms_key_id=key_arn,
            retry_policies=TRANSIENT_FAULTS,
            tags=self.project.tags,
            depends_on=depends_on,
        )


def ship(source: SourceDirectory, project: MlProject) -> StagedSource:
    """Stage the source with the project's stack, and let the project's jobs read it.

    They may read every archive in the asset bucket, not only this one: an execution that started before a deployment
    goes on with the code that it started with.
    """
    staged = source.stage(project)
    bucket_arn = f"arn:{project.partition}:s3:::{staged.bucket_name}"
    project.allow_jobs(
        Statement(
            sid="ReadSourceArchives",
            actions=["s3:GetObject"],
            resources=[f"{bucket_arn}/*.gz"],
            wildcard_reason="executions that started before a deployment still read the archives of their own version",
        ),
        Statement(
            sid="FindSourceArchives",
            actions=["s3:ListBucket"],
            resources=[bucket_arn],
            conditions={"StringLike": {"s3:prefix": "*.gz"}},
        ),
    )
    return staged


def input_path(name: str) -> str:
    """The directory in which a processing job finds its input called `name`."""
    return f"/opt/ml/processing/input/{name}"


def output_path(name: str) -> str:
    """The directory that becomes the output called `name` of a processing job."""
    return f"/opt/ml/processing/output/{name}"


def script_entrypoint(script: str) -> tuple[str, ...]:
    """The container's entrypoint: unpack the source, then become the script with the container's arguments.

    SageMaker allows 256 characters for each part (API reference, AppSpecification).
    """
    return with_source('exec python3 "$0" "$@"', script)


def with_source(command: str, script: str) -> tuple[str, ...]:
    """An entrypoint that unpacks the source, then runs a command of bash, in which `$0` is the script."""
    unpack = f'mkdir -p "{_CODE}"; cd "{_CODE}"; tar -xzf "{_CODE_INPUT}/"*.gz'
    return ("bash", "-c", f"set -e; {unpack}; {command}", script)


def execution_uri(project: MlProject, pipeline_name: str, name: str) -> Join:
    """Where an execution keeps what it calls `name`, in the artifact bucket: apart from every other execution."""
    return Join(values=(project.artifact_uri(pipeline_name), PIPELINE_EXECUTION_ID, name))


def input_uri_parameter(default: str) -> Parameter:
    """The parameter of every pipeline that says which S3 prefix it reads."""
    return Parameter(name="InputUri", default=default)
