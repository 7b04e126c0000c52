"""The Lambda functions of batch inference: three steps and the controller, each with no more permissions than it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from constructs import Construct

from mlplatform.batch_inference import run_metrics
from mlplatform.pipeline.functions import ATTEMPTS, MODEL_REGISTRY, RuntimeFunction, step_function
from mlplatform.policy import Statement
from mlplatform.project import MlProject

RUNTIME = Path(__file__).parent / "runtime"
_CODE = RUNTIME / "runs"
LIBRARIES = (MODEL_REGISTRY, RUNTIME / "jobs" / "column_profiles", *ATTEMPTS)
"""What the functions share with the jobs, with endpoints, and with those of other pipelines."""
_OBJECTS_OF_A_RUN = "objects get their names at run time, under the prefix of this pipeline"


def quality_name(pipeline_name: str) -> str:
    """What the pipeline is called that measures the quality of this one's predictions."""
    return f"{pipeline_name}-quality"


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """Where the runs of one pipeline are in S3."""

    project: MlProject
    pipeline_name: str

    @property
    def pipeline_arn(self) -> str:
        """As text: the pipeline names the functions, and they may not name it back."""
        return self.arn("sagemaker", f"pipeline/{self.pipeline_name}")

    @property
    def quality_pipeline_arn(self) -> str:
        """Of the pipeline that measures the predictions, where there is ground truth."""
        return self.arn("sagemaker", f"pipeline/{quality_name(self.pipeline_name)}")

    @property
    def state_key(self) -> str:
        """Of the one document in which the controller keeps what it knows; jobs of batch inference may not write it."""
        return f"run-state/{self.pipeline_name}.json"

    @property
    def state_uri(self) -> str:
        return self.project.artifact_uri(self.state_key)

    @property
    def work_root_uri(self) -> str:
        """Working files: `<run id>/<generation>/` below it."""
        return self.project.artifact_uri(f"{self.pipeline_name}/runs")

    @property
    def root_uri(self) -> str:
        """What is published: `latest.json`, `manifests/`, `published/` and `runs/`."""
        return self.project.output_uri(self.pipeline_name)

    @property
    def data_arn(self) -> str:
        return self._bucket_arn(self.project.data_bucket_name)

    @property
    def artifacts_arn(self) -> str:
        return self._bucket_arn(self.project.artifact_bucket_name)

    @property
    def output_arn(self) -> str:
        return self._bucket_arn(self.project.output_bucket_name)

    def arn(self, service: str, resource: str) -> str:
        """Of something in the project's account and region."""
        return f"arn:{self.project.partition}:{service}:{self.project.region}:{self.project.account}:{resource}"

    def read_state(self) -> Statement:
        """Read the controller's document, once there is one."""
        return self._state("ReadState", "s3:GetObject")

    def change_state(self) -> Statement:
        """Read the controller's document, once there is one, and replace it."""
        return self._state("ChangeState", "s3:GetObject", "s3:PutObject")

    def find_state(self) -> Statement:
        """See whether there is the controller's document."""
        return self.list_objects("FindState", self.artifacts_arn, self.state_key)

    def list_objects(self, sid: str, bucket_arn: str, prefix: str) -> Statement:
        """List what is below a prefix. Without it a missing object looks like one that may not be read."""
        return Statement(
            sid=sid,
            actions=["s3:ListBucket"],
            resources=[bucket_arn],
            conditions={"StringLike": {"s3:prefix": prefix}},
        )

    def read_working_files(self) -> list[Statement]:
        """Find and read what the jobs of runs left in the artifact bucket."""
        return [
            self.list_objects("FindWorkingFiles", self.artifacts_arn, f"{self.pipeline_name}/runs/*"),
            Statement(
                sid="ReadWorkingFiles",
                actions=["s3:GetObject"],
                resources=[f"{self.artifacts_arn}/{self.pipeline_name}/runs/*"],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
        ]

    def write_working_files(self, *paths: str) -> Statement:
        """Add these paths to the working files of runs."""
        return Statement(
            sid="WriteWorkingFiles",
            actions=["s3:PutObject"],
            resources=[f"{self.artifacts_arn}/{self.pipeline_name}/runs/*/{path}" for path in paths],
            wildcard_reason=_OBJECTS_OF_A_RUN,
        )

    def follow_executions(self, *verbs: str) -> Statement:
        """Do this with executions of the pipeline, such as `StopPipelineExecution`."""
        return Statement(
            sid="FollowExecutions",
            actions=[f"sagemaker:{verb}" for verb in verbs],
            resources=[f"{self.pipeline_arn}/execution/*"],
            wildcard_reason="SageMaker gives executions their ids at run time",
        )

    def _state(self, sid: str, *actions: str) -> Statement:
        return Statement(sid=sid, actions=actions, resources=[f"{self.artifacts_arn}/{self.state_key}"])

    def _bucket_arn(self, bucket_name: str) -> str:
        return f"arn:{self.project.partition}:s3:::{bucket_name}"


def put_metrics() -> Statement:
    """Metrics of batch inference, of which the dimension says whose they are."""
    return Statement(
        sid="PutMetrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": run_metrics.NAMESPACE}},
        wildcard_reason="PutMetricData has no resource type; the condition names the namespace",
    )


def begin_run_function(scope: Construct, files: RunFiles, environment: dict[str, str]) -> RuntimeFunction:
    """Takes the place of a run, and finds the model and the versions of the input."""
    project = files.project
    return step_function(
        scope,
        "BeginRun",
        project=project,
        pipeline_name=files.pipeline_name,
        code=_CODE,
        libraries=LIBRARIES,
        handler="runs.begin_run.handler",
        environment=environment,
        statements=[
            Statement(
                sid="FindModels",
                actions=["sagemaker:ListModelPackages"],
                resources=["*"],
                wildcard_reason="ListModelPackages has no resource type; it lists names and changes nothing",
            ),
            Statement(
                sid="ReadModels",
                actions=["sagemaker:DescribeModelPackage"],
                resources=[files.arn("sagemaker", f"model-package/{project.model_package_group_name}/*")],
                wildcard_reason="the registry numbers the versions of the group when they are registered",
            ),
            Statement(sid="ListInput", actions=["s3:ListBucketVersions"], resources=[files.data_arn]),
            Statement(
                sid="ReadBaselines",
                actions=["s3:GetObject"],
                resources=[f"{files.artifacts_arn}/*"],
                wildcard_reason="a version names its baselines, which lie where its training pipeline wrote them",
            ),
            files.find_state(),
            files.change_state(),
            files.list_objects("FindWorkingFiles", files.artifacts_arn, f"{files.pipeline_name}/runs/*"),
            files.write_working_files("input.json", "baseline/*"),
        ],
    )


def plan_scoring_function(scope: Construct, files: RunFiles, environment: dict[str, str]) -> RuntimeFunction:
    """Chooses the machines of a run's scoring from its parts and from what earlier runs used."""
    return step_function(
        scope,
        "PlanScoring",
        project=files.project,
        pipeline_name=files.pipeline_name,
        code=_CODE,
        libraries=LIBRARIES,
        handler="runs.plan_scoring.handler",
        environment=environment,
        statements=[
            files.read_state(),
            *files.read_working_files(),
            files.write_working_files("plan/*"),
            files.list_objects("FindPredictions", files.output_arn, f"{files.pipeline_name}/runs/*"),
            Statement(
                sid="ReadSidecars",
                actions=["s3:GetObject"],
                resources=[f"{files.output_arn}/{files.pipeline_name}/runs/*/part-*.json"],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
        ],
    )


def publish_run_function(scope: Construct, files: RunFiles, environment: dict[str, str]) -> RuntimeFunction:
    """Checks what a run wrote, then publishes it, all of it at once."""
    root = f"{files.output_arn}/{files.pipeline_name}"
    return step_function(
        scope,
        "PublishRun",
        project=files.project,
        pipeline_name=files.pipeline_name,
        code=_CODE,
        libraries=LIBRARIES,
        handler="runs.publish_run.handler",
        environment=environment,
        statements=[
            files.change_state(),
            *files.read_working_files(),
            files.write_working_files("publish/report.json"),
            files.list_objects("FindOutput", files.output_arn, f"{files.pipeline_name}/*"),
            Statement(
                sid="ReadOutput", actions=["s3:GetObject"], resources=[f"{root}/*"], wildcard_reason=_OBJECTS_OF_A_RUN
            ),
            Statement(
                sid="Publish",
                actions=["s3:PutObject"],
                resources=[
                    f"{root}/latest.json",
                    *(f"{root}/{path}" for path in ("claims/*", "manifests/*", "published/*", "runs/*/manifest.json")),
                ],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
            Statement(
                sid="RetireOlderGenerations",
                actions=["s3:PutObjectTagging"],
                resources=[f"{root}/runs/*"],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
            files.follow_executions("ListPipelineExecutionSteps"),
            Statement(
                sid="PriceJobs",
                actions=["sagemaker:DescribeProcessingJob"],
                resources=[files.arn("sagemaker", "processing-job/pipelines-*")],
                conditions={"StringEquals": {"aws:ResourceTag/project": files.project.name}},
                wildcard_reason="SageMaker Pipelines names its jobs at run time; the condition tells whose they are",
            ),
            put_metrics(),
        ],
    )
