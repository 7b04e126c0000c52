"""BatchInference: from an input prefix to predictions that the business reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from constructs import Construct

from mlpipelines import (
    PIPELINE_EXECUTION_ARN,
    PIPELINE_EXECUTION_ID,
    START_DATE_TIME,
    Join,
    LambdaOutput,
    LambdaStep,
    ModelContainer,
    ModelStep,
    Pipeline,
    ProcessingStep,
    Text,
    TransformStep,
)
from mlplatform.batch_inference.functions import publish_manifest_function, resolve_inputs_function
from mlplatform.pipeline.functions import RuntimeFunction, step_function_problems
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.jobs import (
    TRANSIENT_FAULTS,
    JobResources,
    ScriptRunner,
    execution_uri,
    input_path,
    input_uri_parameter,
    output_path,
    ship,
)
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.pipeline.source import SourceDirectory
from mlplatform.pipeline.start_events import StartOn
from mlplatform.project import MlProject

_RUNTIME = Path(__file__).parent / "runtime"
_WRITE_PARQUET = "write_parquet.py"
_MAX_FILTER_LENGTH = 63  # API reference, DataProcessing, InputFilter and OutputFilter.


class BatchInference(Construct):
    """A SageMaker pipeline that predicts for everything under a prefix, and publishes the predictions as Parquet.

    Steps: `ResolveInputs` (the newest approved model, at run time, and the versions of the input), `PrepareInput`,
    `CreateModel`, `Predict` (batch transform), `WriteParquet`, `PublishManifest`. Without an approved model or an input the
    execution fails and says what to do. An execution may set `InputUri`.

    In the output bucket, under `<pipeline name>/`: `runs/run_id=<execution id>/date=<day>/part-00000.parquet`, then
    `manifests/<execution id>.json` (model and input versions -> files), then `latest.json`, which never goes back to a
    run that started earlier. Retrying an execution replaces its files.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the pipeline is called `<project>-<construct id in kebab case>`.
        source: the directory with the scripts, shipped to every job.
        input_prefix: the prefix of the data bucket that the pipeline reads unless an execution sets `InputUri`.
        prepare: called with `--input` and `--output`; checks the input and writes CSV without a header: the key columns,
            then the features in the model's order.
        output_columns: names for what is published: the key columns, then the prediction.
        partition_by: the key column with the time whose day partitions the output; the first column when not given.
        schedule: when it starts by itself; when not given, it never does.
        start_on: events that start it, such as new data or another pipeline's success, with a cool-down; none when not given.
        image: of the processing jobs; AWS's scikit-learn image when not given. The model brings its own.
        processing, transform: the machines of the processing jobs and of the transform job.

    Raises `InvalidPropsError` with every mistake in the props, and `mlpipelines.PipelineDefinitionError` with everything
    that SageMaker would refuse, such as an instance type that it does not have.
    """

    def __init__(
        self,
        project: MlProject,
        construct_id: str,
        *,
        source: SourceDirectory,
        input_prefix: str,
        prepare: str = "prepare.py",
        output_columns: Sequence[str] = ("timestamp", "prediction"),
        partition_by: str | None = None,
        schedule: Schedule | None = None,
        start_on: StartOn | None = None,
        image: ContainerImage | None = None,
        processing: JobResources | None = None,
        transform: JobResources | None = None,
    ) -> None:
        name = resource_name(project.name, construct_id)
        columns = tuple(output_columns)
        partition = columns[0] if partition_by is None and columns else partition_by
        problems = [
            *source.missing(prepare),
            *_column_problems(columns, partition),
            *step_function_problems(name, "ResolveInputs", "PublishManifest"),
        ]
        raise_if_any(f"BatchInference '{construct_id}'", problems)
        super().__init__(project, construct_id)

        self._project, self._name = project, name
        self._uri = partial(execution_uri, project, name)
        image_uri = (ContainerImage.scikit_learn() if image is None else image).uri(project.region)
        resources = JobResources() if processing is None else processing
        platform = SourceDirectory(_RUNTIME, only=[_WRITE_PARQUET])
        runner, writer = (
            ScriptRunner(
                project=project,
                source=ship(scripts, project),
                role_arn=project.inference_job_role_arn,
                image_uri=image_uri,
                resources=resources,
            )
            for scripts in (source, platform)
        )
        project.allow_inference_to_write(name)
        input_uri = input_uri_parameter(project.data_uri(input_prefix))

        resolve_inputs = resolve_inputs_function(self, project, name)
        publish_manifest = publish_manifest_function(self, project, name)

        resolved = self._resolve_inputs(resolve_inputs, input_uri)
        prepared = runner.step(
            "PrepareInput",
            prepare,
            inputs={"data": input_uri},
            outputs={"prepared": self._uri("prepared")},
            arguments=("--input", input_path("data"), "--output", output_path("prepared")),
            depends_on=[resolved],
        )
        model = self._create_model(resolved)
        predicted = self._predict(model, prepared, JobResources() if transform is None else transform, len(columns) - 1)
        written = self._write_parquet(writer, predicted, prepared, columns, str(partition))
        published = self._publish_manifest(publish_manifest, resolved, written)

        self.pipeline = SageMakerPipeline(
            self,
            "Default",  # so that its resources are called after this construct
            project=project,
            pipeline=Pipeline(
                name=name,
                description=f"Batch inference of {project.name} with its newest approved model",
                parameters=[input_uri],
                steps=[resolved, prepared, model, predicted, written, published],
            ),
            schedule=schedule,
            start_on=start_on,
        )
        self.output_uri: str = project.output_uri(name)
        """The S3 prefix with `latest.json`, `manifests/` and `runs/`."""

    def _resolve_inputs(self, function: RuntimeFunction, input_uri: Text) -> LambdaStep:
        return LambdaStep(
            name="ResolveInputs",
            function_arn=function.function_arn,
            inputs={
                "model_package_group_name": self._project.model_package_group_name,
                "input_uri": input_uri,
                "record_uri": self._uri("input.json"),
            },
            outputs=[
                LambdaOutput(name="model_package_arn"),
                LambdaOutput(name="input_version"),
                LambdaOutput(name="input_objects"),
            ],
        )

    def _create_model(self, resolved: LambdaStep) -> ModelStep:
        return ModelStep(
            name="CreateModel",
            role_arn=self._project.inference_job_role_arn,
            container=ModelContainer(model_package_arn=resolved.output("model_package_arn")),
            network=self._project.network,
            tags=self._project.tags,
            retry_policies=TRANSIENT_FAULTS[:1],
        )

    def _predict(
        self, model: ModelStep, prepared: ProcessingStep, resources: JobResources, key_columns: int
    ) -> TransformStep:
        key_arn = self._project.key_arn
        return TransformStep(
            name="Predict",
            model_name=model.model_name,
            input_s3_uri=prepared.output_uri("prepared"),
            output_s3_uri=self._uri("predictions"),
            instance_type=resources.instance_type,
            instance_count=resources.instance_count,
            join_source="Input",
            input_filter=f"$[{key_columns}:]",
            output_filter=_output_filter(key_columns),
            output_kms_key_id=key_arn,
            volume_kms_key_id=resources.volume_kms_key_id(key_arn),
            tags=self._project.tags,
            retry_policies=TRANSIENT_FAULTS,
        )

    def _write_parquet(
        self,
        writer: ScriptRunner,
        predicted: TransformStep,
        prepared: ProcessingStep,
        columns: Sequence[str],
        partition: str,
    ) -> ProcessingStep:
        runs = self._project.output_uri(f"{self._name}/runs/run_id=")
        return writer.step(
            "WriteParquet",
            _WRITE_PARQUET,
            inputs={"predictions": predicted.output_uri, "prepared": prepared.output_uri("prepared")},
            outputs={
                "forecast": Join(on="", values=(runs, PIPELINE_EXECUTION_ID)),
                "report": self._uri("report"),
            },
            arguments=(
                *("--predictions", input_path("predictions")),
                *("--input", input_path("prepared")),
                *("--output", output_path("forecast")),
                *("--report", output_path("report")),
                *("--columns", ",".join(columns)),
                *("--partition-by", partition),
                *("--message-file", "/opt/ml/output/message"),
            ),
        )

    def _publish_manifest(self, function: RuntimeFunction, resolved: LambdaStep, written: ProcessingStep) -> LambdaStep:
        return LambdaStep(
            name="PublishManifest",
            function_arn=function.function_arn,
            inputs={
                "pipeline_name": self._name,
                "run_id": PIPELINE_EXECUTION_ID,
                "execution_arn": PIPELINE_EXECUTION_ARN,
                "started_at": START_DATE_TIME,
                "model_package_arn": resolved.output("model_package_arn"),
                "input_record_uri": self._uri("input.json"),
                "report_uri": Join(values=(written.output_uri("report"), "report.json")),
                "output_uri": self._project.output_uri(self._name),
            },
            outputs=[LambdaOutput(name="manifest_uri"), LambdaOutput(name="latest")],
        )


def _output_filter(key_columns: int) -> str:
    """The key columns and the prediction, which the join puts last: `$[0,-1]`."""
    return f"$[{','.join(str(index) for index in (*range(key_columns), -1))}]"


def _column_problems(columns: Sequence[str], partition: str | None) -> Iterator[str]:
    shown = ", ".join(columns)
    if len(columns) < 2:
        yield f"output_columns has {len(columns)} columns ({shown}); name the key columns, then the prediction"
        return
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield f"output_columns names '{column}' twice; give each column a name of its own"
    for column in columns:
        if not column or "," in column:
            yield f"output column '{column}' cannot be named so; use a name without a comma"
    if partition not in columns[:-1]:
        yield f"partition_by '{partition}' is not a key column; use one of {', '.join(columns[:-1])}"
    if "date" in columns and partition != "date":
        yield "output column 'date' would hide the partition date=<day>; give it another name, or partition by it"
    if len(_output_filter(len(columns) - 1)) > _MAX_FILTER_LENGTH:
        yield f"output_columns has {len(columns)} columns, too many for a transform's output filter; use fewer keys"
