"""How good predictions were, once the truth is known: a second pipeline, started by the truth's arrival."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlpipelines import LambdaOutput, LambdaStep, Pipeline, ProcessingInput, ProcessingStep, Text
from mlplatform.batch_inference import run_metrics
from mlplatform.batch_inference.functions import LIBRARIES, quality_name
from mlplatform.pipeline.functions import RuntimeFunction, step_function, step_function_problems
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.jobs import (
    JobResources,
    ScriptRunner,
    execution_uri,
    input_path,
    input_uri_parameter,
    output_path,
    ship,
)
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.source import SourceDirectory
from mlplatform.pipeline.start_events import NewData, StartOn
from mlplatform.policy import Statement
from mlplatform.project import MlProject

_RUNTIME = Path(__file__).parent / "runtime"
_MEASURE = "measure_quality.py"
_OBJECTS = "objects get their names at run time, under the prefix of this pipeline"
_MAX_LOOKBACK_DAYS = 3650


class Task(StrEnum):
    """What is predicted: a number, or a label."""

    REGRESSION = "regression"
    CLASSIFICATION = "classification"


METRICS = {Task.REGRESSION: ("MAE", "RMSE", "WAPE", "Bias"), Task.CLASSIFICATION: ("Accuracy", "F1")}
"""In CloudWatch with `Quality` before their names. WAPE is the sum of absolute errors over the sum of absolute truths."""
_BETTER_WHEN_HIGHER = ("Accuracy", "F1")


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """Where the truth arrives, and how it is joined with what was predicted.

    `prefix` of the data bucket gets CSV with a header or Parquet, with the columns `keys` and `target`. `prediction` is the
    column that was published. A measurement starts `settle_minutes` after the first new file, at most once in
    `cool_down_minutes`, and looks at the runs of the last `lookback_days`. `alarms` says at which value of a metric the
    project is told: over it for errors, under it for Accuracy and F1.

    Raises `InvalidPropsError` with every mistake in it.
    """

    prefix: str
    keys: Sequence[str]
    target: str
    prediction: str
    task: Task = Task.REGRESSION
    settle_minutes: int = 60
    cool_down_minutes: int = 60
    lookback_days: int = 35
    alarms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        raise_if_any("GroundTruth", self._problems())

    def start_on(self) -> StartOn:
        """The arrival of new truth."""
        arrival = NewData(prefix=self.prefix, settle_minutes=self.settle_minutes)
        return StartOn(events=[arrival], cool_down_minutes=self.cool_down_minutes)

    def _problems(self) -> Iterator[str]:
        yield from NewData(prefix=self.prefix, settle_minutes=self.settle_minutes).problems()
        if not self.keys:
            yield "keys is empty; name the columns by which truth and predictions are joined, such as 'timestamp'"
        for name in (*self.keys, self.target, self.prediction):
            if not name or "," in name:
                yield f"column '{name}' cannot be named so; use a name without a comma"
        if not 1 <= self.lookback_days <= _MAX_LOOKBACK_DAYS:
            yield f"lookback_days is {self.lookback_days}; use 1 to {_MAX_LOOKBACK_DAYS}"
        for name in sorted(set(self.alarms) - set(METRICS[self.task])):
            yield f"alarms names metric '{name}', which {self.task} does not have; use {', '.join(METRICS[self.task])}"


class QualityPipeline(Construct):
    """The pipeline `<pipeline name>-quality`: joins new truth with published predictions, and measures how good they were.

    Steps: `PlanQuality` (the parts of the runs to look at, by their manifests, so of one generation each), `MeasureQuality` (a
    processing job), `RecordQuality` (the metrics in CloudWatch, by a function, since jobs may have no way there). Its
    report.json, in the artifact bucket, has the metrics of all rows, of each run and of each model version. The job's cost
    is that of a few minutes of one small instance for each arrival. The controller of the measured pipeline tells when it fails.

    Parameters:
        scope: usually the pipeline's construct.
        construct_id: id within `scope`.
        project: where it lives.
        pipeline_name: whose predictions are measured.
        ground_truth: where the truth arrives, and how it is joined.
        image: of the job; AWS's scikit-learn image when not given.
        resources: the machine of the job, whose memory the truth has to fit into.

    Raises `InvalidPropsError` if the pipeline's name is too long for its functions.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        pipeline_name: str,
        ground_truth: GroundTruth,
        image: ContainerImage | None = None,
        resources: JobResources | None = None,
    ) -> None:
        self._name = quality_name(pipeline_name)
        problems = step_function_problems(self._name, "PlanQuality", "RecordQuality")
        raise_if_any(f"quality of pipeline '{pipeline_name}'", problems)
        super().__init__(scope, construct_id)
        self._project, self._measured, self._truth = project, pipeline_name, ground_truth
        project.allow_inference_to_write(self._name)
        runner = ScriptRunner(
            project=project,
            source=ship(SourceDirectory(_RUNTIME / "jobs"), project),
            role_arn=project.inference_job_role_arn,
            image_uri=(ContainerImage.scikit_learn() if image is None else image).uri(project.region),
            resources=JobResources() if resources is None else resources,
        )
        truth_uri = input_uri_parameter(project.data_uri(ground_truth.prefix))
        planned = self._plan()
        measured = self._measure(runner, planned, truth_uri)
        recorded = self._record(measured)
        self.pipeline = SageMakerPipeline(
            self,
            "Default",
            project=project,
            pipeline=Pipeline(
                name=self._name,
                description=f"How good the predictions of {pipeline_name} were",
                parameters=[truth_uri],
                steps=[planned, measured, recorded],
            ),
            start_on=ground_truth.start_on(),
        )
        self.alarms = [self._alarm(metric, value) for metric, value in sorted(ground_truth.alarms.items())]
        """On the metrics for which a value was given."""
        self.metric_names = [f"Quality{metric}" for metric in METRICS[ground_truth.task]]
        """As `RunDashboard` takes them."""

    def _plan(self) -> LambdaStep:
        root_uri = self._project.output_uri(self._measured)
        bucket = self._arn(self._project.output_bucket_name)
        function = self._function(
            "PlanQuality",
            "plan_quality",
            [
                Statement(
                    sid="FindManifests",
                    actions=["s3:ListBucket"],
                    resources=[bucket],
                    conditions={"StringLike": {"s3:prefix": f"{self._measured}/manifests/*"}},
                ),
                Statement(
                    sid="ReadManifests",
                    actions=["s3:GetObject"],
                    resources=[f"{bucket}/{self._measured}/manifests/*"],
                    wildcard_reason=_OBJECTS,
                ),
                Statement(
                    sid="WritePlan",
                    actions=["s3:PutObject"],
                    resources=[f"{self._arn(self._project.artifact_bucket_name)}/{self._name}/*"],
                    wildcard_reason=_OBJECTS,
                ),
            ],
        )
        return LambdaStep(
            name="PlanQuality",
            function_arn=function.function_arn,
            inputs={
                "root_uri": root_uri,
                "plan_uri": execution_uri(self._project, self._name, "plan"),
                "lookback_days": str(self._truth.lookback_days),
            },
            outputs=[LambdaOutput(name="manifest_uri"), LambdaOutput(name="runs_uri"), LambdaOutput(name="runs")],
        )

    def _measure(self, runner: ScriptRunner, planned: LambdaStep, truth_uri: Text) -> ProcessingStep:
        truth = self._truth
        step = runner.step(
            "MeasureQuality",
            _MEASURE,
            inputs={"runs": planned.output("runs_uri"), "truth": truth_uri},
            outputs={"report": execution_uri(self._project, self._name, "report")},
            arguments=(
                *("--predictions", input_path("predictions")),
                *("--runs", input_path("runs")),
                *("--truth", input_path("truth")),
                *("--report", output_path("report")),
                *("--keys", ",".join(truth.keys)),
                *("--target", truth.target),
                *("--prediction", truth.prediction),
                *("--task", str(truth.task)),
                *("--message-file", "/opt/ml/output/message"),
            ),
        )
        predictions = ProcessingInput(
            name="predictions",
            s3_uri=planned.output("manifest_uri"),
            local_path=input_path("predictions"),
            data_type="ManifestFile",
        )
        return replace(step, inputs=[*step.inputs, predictions])

    def _record(self, measured: ProcessingStep) -> LambdaStep:
        function = self._function(
            "RecordQuality",
            "record_quality",
            [
                Statement(
                    sid="ReadReport",
                    actions=["s3:GetObject"],
                    resources=[f"{self._arn(self._project.artifact_bucket_name)}/{self._name}/*"],
                    wildcard_reason=_OBJECTS,
                ),
                Statement(
                    sid="PutMetrics",
                    actions=["cloudwatch:PutMetricData"],
                    resources=["*"],
                    conditions={"StringEquals": {"cloudwatch:namespace": run_metrics.NAMESPACE}},
                    wildcard_reason="PutMetricData has no resource type; the condition names the namespace",
                ),
            ],
        )
        return LambdaStep(
            name="RecordQuality",
            function_arn=function.function_arn,
            inputs={
                "pipeline_name": self._measured,
                "namespace": run_metrics.NAMESPACE,
                "report_uri": execution_uri(self._project, self._name, "report/report.json"),
            },
            outputs=[LambdaOutput(name=f"Quality{metric}") for metric in METRICS[self._truth.task]],
            depends_on=[measured],
        )

    def _function(self, construct_id: str, module: str, statements: Sequence[Statement]) -> RuntimeFunction:
        return step_function(
            self,
            construct_id,
            project=self._project,
            pipeline_name=self._name,
            code=_RUNTIME / "runs",
            libraries=LIBRARIES,
            handler=f"runs.{module}.handler",
            statements=statements,
        )

    def _alarm(self, metric: str, value: float) -> cloudwatch.CfnAlarm:
        higher_is_better = metric in _BETTER_WHEN_HIGHER
        return cloudwatch.CfnAlarm(
            self,
            f"{metric}Alarm",
            alarm_name=f"{self._measured}/Quality{metric}",
            alarm_description=(
                f"The predictions of {self._measured} are worse than they may be: {metric} against the truth is "
                f"{'under' if higher_is_better else 'over'} {value}. report.json of {self._name} has it by run and by model "
                f"version. Run next: mlp watch {self._name}, then mlp run {self._project.name}-training"
            ),
            namespace=run_metrics.NAMESPACE,
            metric_name=f"Quality{metric}",
            dimensions=[{"name": run_metrics.DIMENSION, "value": self._measured}],
            statistic="Minimum" if higher_is_better else "Maximum",
            period=3600,
            evaluation_periods=1,
            threshold=value,
            comparison_operator="LessThanThreshold" if higher_is_better else "GreaterThanThreshold",
            treat_missing_data="ignore",
            alarm_actions=[self._project.topic_arn],
        )

    def _arn(self, bucket_name: str) -> str:
        return f"arn:{self._project.partition}:s3:::{bucket_name}"
