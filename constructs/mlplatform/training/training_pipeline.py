"""TrainingPipeline: from raw data to a registered model version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from constructs import Construct

from mlpipelines import (
    PIPELINE_EXECUTION_ARN,
    PIPELINE_EXECUTION_ID,
    ConditionStep,
    FailStep,
    Join,
    JsonGet,
    MetricDefinition,
    ModelContainer,
    Parameter,
    Pipeline,
    ProcessingStep,
    PropertyFile,
    RegisterModelStep,
    Step,
    Text,
    TrainingChannel,
    TrainingStep,
    Value,
)
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.jobs import (
    TRANSIENT_FAULTS,
    JobResources,
    ScriptRunner,
    input_path,
    input_uri_parameter,
    output_path,
    ship,
)
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.source import SourceDirectory, StagedSource
from mlplatform.project import MlProject
from mlplatform.training.metric import Metric, MetricRule

Hyperparameter = str | int | float | bool

_EVALUATION = "evaluation.json"
_SERVING_INSTANCE_TYPES = ("ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.xlarge", "ml.c5.2xlarge")
_MAX_HYPERPARAMETERS = 100  # API reference, CreateTrainingJob, HyperParameters.
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")  # API reference, Parameter (pipelines).


class TrainingPipeline(Construct):
    """A SageMaker pipeline that trains a model and registers it when a metric of it is good enough.

    Steps: `ValidateData`, `BuildFeatures`, `Train`, `Evaluate`, `CheckMetric`, then `RegisterModel` or `MetricTooLow`, which
    fails the execution and says why. The registered version waits for approval. Every execution may set `InputUri` and
    each hyperparameter by its own name.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the pipeline is called `<project>-<construct id in kebab case>`.
        source: the directory with the scripts, shipped to every job.
        input_prefix: the prefix of the data bucket that the pipeline reads unless an execution sets `InputUri`.
        image: AWS's scikit-learn image when not given.
        validate: called with `--input` and `--output`; exits non-zero on bad data.
        features: called with `--input`, `--output-train` and `--output-test`; splits by time.
        train: SageMaker script mode; saves the model, and the code that serves it under `code/`, in `SM_MODEL_DIR`.
        evaluate: called with `--model`, `--test` and `--output`; writes `evaluation.json`.
        serve: the script under `code/` in the model that serves it.
        hyperparameters: their defaults.
        training_metrics: metrics that the training script prints as `<name>=<number>`; they become the job's metrics.
        register_when: the rule; when not given, the model must beat the baseline (`relative_rmse` below 1).
        processing, training: the machines of the processing jobs and of the training job.

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
        image: ContainerImage | None = None,
        validate: str = "validate.py",
        features: str = "features.py",
        train: str = "train.py",
        evaluate: str = "evaluate.py",
        serve: str = "inference.py",
        hyperparameters: Mapping[str, Hyperparameter] | None = None,
        training_metrics: Sequence[str] = ("validation:rmse", "validation:mae", "validation:wape"),
        register_when: MetricRule | None = None,
        processing: JobResources | None = None,
        training: JobResources | None = None,
    ) -> None:
        defaults = {} if hyperparameters is None else dict(hyperparameters)
        problems = [*source.missing(validate, features, train, evaluate), *_hyperparameter_problems(defaults)]
        raise_if_any(f"TrainingPipeline '{construct_id}'", problems)
        super().__init__(project, construct_id)

        region = project.region
        image_uri = (ContainerImage.scikit_learn() if image is None else image).uri(region)
        staged = ship(source, project)
        project.allow_jobs_to_pull(image_uri)
        name = resource_name(project.name, construct_id)
        self._project, self._name, self._region = project, name, region
        self._runner = ScriptRunner(
            project=project,
            source=staged,
            role_arn=project.training_job_role_arn,
            image_uri=image_uri,
            resources=JobResources() if processing is None else processing,
        )
        input_uri = input_uri_parameter(project.data_uri(input_prefix))
        parameters = [Parameter(name=key, default=_text(value)) for key, value in defaults.items()]

        validated = self._validate_data(validate, input_uri)
        built = self._build_features(features, input_uri, validated)
        trained = self._train(
            train,
            built,
            JobResources() if training is None else training,
            script_mode_hyperparameters(train, staged, region, parameters),
            training_metrics,
        )
        evaluated = self._evaluate(evaluate, trained, built)
        rule = Metric("relative_rmse").below(1.0) if register_when is None else register_when
        checked = self._check_metric(rule, self._register(serve, trained, evaluated))

        self.pipeline = SageMakerPipeline(
            self,
            "Pipeline",
            project=project,
            pipeline=Pipeline(
                name=name,
                description=f"Trains a model of {project.name} and registers it when {rule}",
                parameters=[input_uri, *parameters],
                steps=[validated, built, trained, evaluated, checked],
            ),
        )

    @property
    def pipeline_name(self) -> str:
        """The name, by reference to the resource."""
        return self.pipeline.pipeline_name

    @property
    def pipeline_arn(self) -> str:
        """The ARN, by reference to the resource."""
        return self.pipeline.pipeline_arn

    def _uri(self, name: str) -> Join:
        """Where an execution keeps what it calls `name`: apart from every other execution."""
        return Join(values=(self._project.artifact_uri(self._name), PIPELINE_EXECUTION_ID, name))

    def _validate_data(self, script: str, input_uri: Text) -> ProcessingStep:
        return self._runner.step(
            "ValidateData",
            script,
            inputs={"data": input_uri},
            outputs={"validation": self._uri("validation")},
            arguments=("--input", input_path("data"), "--output", output_path("validation")),
        )

    def _build_features(self, script: str, input_uri: Text, after: Step) -> ProcessingStep:
        return self._runner.step(
            "BuildFeatures",
            script,
            inputs={"data": input_uri},
            outputs={"train": self._uri("features/train"), "test": self._uri("features/test")},
            arguments=(
                *("--input", input_path("data")),
                *("--output-train", output_path("train")),
                *("--output-test", output_path("test")),
            ),
            depends_on=[after],
        )

    def _train(
        self,
        script: str,
        built: ProcessingStep,
        resources: JobResources,
        hyperparameters: Mapping[str, Value],
        metrics: Sequence[str],
    ) -> TrainingStep:
        project = self._project
        return TrainingStep(
            name="Train",
            image_uri=self._runner.image_uri,
            role_arn=project.training_job_role_arn,
            instance_type=resources.instance_type,
            instance_count=resources.instance_count,
            volume_size_gb=resources.volume_gb,
            max_runtime_seconds=resources.max_runtime_seconds,
            channels=[TrainingChannel(name="train", s3_uri=built.output_uri("train"), content_type="text/csv")],
            output_s3_uri=self._uri("model"),
            hyperparameters=hyperparameters,
            metric_definitions=[metric_definition(metric) for metric in metrics],
            network=project.network,
            volume_kms_key_id=resources.volume_kms_key_id(project.key_arn),
            output_kms_key_id=project.key_arn,
            retry_policies=TRANSIENT_FAULTS,
            tags=project.tags,
        )

    def _evaluate(self, script: str, trained: TrainingStep, built: ProcessingStep) -> ProcessingStep:
        return self._runner.step(
            "Evaluate",
            script,
            inputs={"model": trained.model_artifacts, "test": built.output_uri("test")},
            outputs={"evaluation": self._uri("evaluation")},
            arguments=(
                *("--model", input_path("model")),
                *("--test", input_path("test")),
                *("--output", output_path("evaluation")),
            ),
            property_files=[PropertyFile(name="Evaluation", output_name="evaluation", path=_EVALUATION)],
        )

    def _register(self, serve: str, trained: TrainingStep, evaluated: ProcessingStep) -> RegisterModelStep:
        return RegisterModelStep(
            name="RegisterModel",
            description=f"A model of {self._project.name}, trained by the pipeline {self._name}",
            model_package_group_name=self._project.model_package_group_name,
            container=ModelContainer(
                image_uri=self._runner.image_uri,
                model_data_url=trained.model_artifacts,
                environment={
                    "SAGEMAKER_PROGRAM": serve,
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                    "SAGEMAKER_REGION": self._region,
                },
            ),
            content_types=("text/csv",),
            response_types=("text/csv",),
            transform_instance_types=_SERVING_INSTANCE_TYPES,
            inference_instance_types=_SERVING_INSTANCE_TYPES,
            model_quality_statistics_uri=Join(values=(evaluated.output_uri("evaluation"), _EVALUATION)),
            customer_metadata={"pipeline_execution_arn": PIPELINE_EXECUTION_ARN},
            retry_policies=TRANSIENT_FAULTS[:1],
        )

    def _check_metric(self, rule: MetricRule, register: RegisterModelStep) -> ConditionStep:
        value = JsonGet(step="Evaluate", property_file="Evaluation", path=rule.metric.json_path)
        sentence = f"the model was not registered: {rule.metric.name} must be {rule.comparison} {rule.bound:g} and is "
        return ConditionStep(
            name="CheckMetric",
            conditions=[rule.condition(value)],
            if_steps=[register],
            else_steps=[FailStep(name="MetricTooLow", message=Join(on="", values=(sentence, value)))],
        )


def script_mode_hyperparameters(
    script: str, source: StagedSource, region: str, parameters: Sequence[Parameter]
) -> dict[str, Value]:
    """The hyperparameters that make AWS's framework images run a script, and the user's own.

    As the SDK does, the platform's own are JSON-encoded text. Source: aws/sagemaker-training-toolkit, params.py.
    """
    return {
        "sagemaker_program": json.dumps(script),
        "sagemaker_submit_directory": json.dumps(source.s3_uri),
        "sagemaker_container_log_level": "20",
        "sagemaker_region": json.dumps(region),
        **{parameter.name: parameter for parameter in parameters},
    }


def metric_definition(name: str) -> MetricDefinition:
    """Reads `<name>=<number>` out of the job's log."""
    return MetricDefinition(name=name, regex=rf"{re.escape(name)}=([-+0-9.eE]+)")


def _text(value: Hyperparameter) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _hyperparameter_problems(hyperparameters: Mapping[str, Hyperparameter]) -> Iterator[str]:
    if len(hyperparameters) > _MAX_HYPERPARAMETERS - 4:
        yield f"there are {len(hyperparameters)} hyperparameters; SageMaker takes 100, four of them are the platform's"
    for name in hyperparameters:
        if not _PARAMETER_NAME.fullmatch(name):
            yield f"hyperparameter '{name}' cannot be a pipeline parameter; use letters, digits, _ and -"
        elif name.startswith(("sagemaker_", "_")):
            yield f"hyperparameter '{name}' starts as SageMaker's own do; use a name without 'sagemaker_' or '_' in front"
        elif name == "InputUri":
            yield "hyperparameter 'InputUri' is the parameter with the input's S3 prefix; use another name"
