"""The steps of a training pipeline, one method each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlpipelines import (
    PIPELINE_EXECUTION_ARN,
    CheckpointConfig,
    ConditionStep,
    FailStep,
    Join,
    JsonGet,
    LambdaStep,
    MetricDefinition,
    ModelContainer,
    ProcessingStep,
    PropertyFile,
    RegisterModelStep,
    RetryPolicy,
    Step,
    Text,
    TrainingChannel,
    TrainingJob,
    TrainingStep,
    TuningStep,
    Value,
)
from mlplatform.pipeline.jobs import TRANSIENT_FAULTS, ScriptRunner, execution_uri, input_path, output_path
from mlplatform.project import MlProject
from mlplatform.training.check_steps import CheckSteps
from mlplatform.training.comparison import EVALUATION, NEW, PRODUCTION, evaluation_entrypoint
from mlplatform.training.metric import MetricRule
from mlplatform.training.resources import TrainingResources
from mlplatform.training.scripts import TrainingScripts
from mlplatform.training.tuning import Tuning

_SERVING_INSTANCE_TYPES = ("ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.xlarge", "ml.c5.2xlarge")
_REPORT = "Evaluation"


@dataclass(frozen=True, kw_only=True)
class TrainingSteps:
    """Makes the steps of one pipeline, which is called `name`, of the scripts that `runner` runs."""

    project: MlProject
    name: str
    runner: ScriptRunner
    scripts: TrainingScripts

    def uri(self, name: str) -> Join:
        """Where an execution keeps what it calls `name`."""
        return execution_uri(self.project, self.name, name)

    def validate_data(self, input_uri: Text) -> ProcessingStep:
        """Fails on bad data."""
        return self.runner.step(
            "ValidateData",
            self.scripts.validate,
            inputs={"data": input_uri},
            outputs={"validation": self.uri("validation")},
            arguments=("--input", input_path("data"), "--output", output_path("validation")),
        )

    def build_features(self, input_uri: Text, after: Sequence[Step]) -> ProcessingStep:
        """Splits the data into a training and a test set."""
        return self.runner.step(
            "BuildFeatures",
            self.scripts.features,
            inputs={"data": input_uri},
            outputs={"train": self.uri("features/train"), "test": self.uri("features/test")},
            arguments=(
                *("--input", input_path("data")),
                *("--output-train", output_path("train")),
                *("--output-test", output_path("test")),
            ),
            depends_on=after,
        )

    def training_job(
        self,
        built: ProcessingStep,
        *,
        image_uri: str,
        resources: TrainingResources,
        instance_type: Text,
        hyperparameters: Mapping[str, Value],
        metrics: Sequence[str],
    ) -> TrainingJob:
        """What a training job, or each one of a tuning job, is told. `instance_type` is not looked at with fallback types."""
        project = self.project
        preferences = resources.preferences
        return TrainingJob(
            image_uri=image_uri,
            role_arn=project.training_job_role_arn,
            instance_type=None if preferences else instance_type,
            instance_preferences=preferences,
            instance_count=resources.instance_count,
            volume_size_gb=resources.volume_gb,
            max_runtime_seconds=resources.max_runtime_seconds,
            spot=resources.managed_spot,
            checkpoints=CheckpointConfig(s3_uri=self.uri("checkpoints")) if resources.spot else None,
            channels=[TrainingChannel(name="train", s3_uri=built.output_uri("train"), content_type="text/csv")],
            output_s3_uri=self.uri("model"),
            hyperparameters=hyperparameters,
            metric_definitions=[metric_definition(metric) for metric in metrics],
            network=project.network,
            volume_kms_key_id=resources.volume_kms_key_id(project.key_arn),
            output_kms_key_id=project.key_arn,
        )

    def train(self, job: TrainingJob, after: Sequence[Step], retry_policies: Sequence[RetryPolicy]) -> TrainingStep:
        """Trains once."""
        return TrainingStep(
            **vars(job), name="Train", retry_policies=retry_policies, tags=self.project.tags, depends_on=after
        )

    def tune(self, job: TrainingJob, tuning: Tuning, after: Sequence[Step]) -> TuningStep:
        """Trains many times."""
        return tuning.step("Tune", job, retry_policies=TRANSIENT_FAULTS, tags=self.project.tags, depends_on=after)

    def evaluate(self, model_uri: Text, built: ProcessingStep, found: LambdaStep) -> ProcessingStep:
        """Evaluates the new model and the one in production on the test set."""
        return self.runner.step(
            "Evaluate",
            self.scripts.evaluate,
            inputs={NEW: model_uri, PRODUCTION: found.output("model_uri"), "test": built.output_uri("test")},
            outputs={NEW: self.uri(f"evaluation/{NEW}"), PRODUCTION: self.uri(f"evaluation/{PRODUCTION}")},
            entrypoint=evaluation_entrypoint(self.scripts.evaluate),
            arguments=(input_path("").rstrip("/"), output_path("").rstrip("/"), "--test", input_path("test")),
            property_files=[PropertyFile(name=_REPORT, output_name=NEW, path=EVALUATION)],
        )

    def register(
        self,
        container: ModelContainer,
        evaluated: ProcessingStep,
        found: LambdaStep,
        compared: LambdaStep,
        checks: CheckSteps,
    ) -> RegisterModelStep:
        """Registers a version, with its metrics, the comparison and what the checks left."""
        return RegisterModelStep(
            name="RegisterModel",
            description=f"A model of {self.project.name}, trained by the pipeline {self.name}",
            model_package_group_name=self.project.model_package_group_name,
            container=container,
            approval_status=compared.output("approval_status"),
            content_types=("text/csv",),
            response_types=("text/csv",),
            transform_instance_types=_SERVING_INSTANCE_TYPES,
            inference_instance_types=_SERVING_INSTANCE_TYPES,
            metrics=checks.metrics(Join(values=(evaluated.output_uri(NEW), EVALUATION))),
            drift_check_baselines=checks.baselines(),
            customer_metadata={
                "pipeline_execution_arn": PIPELINE_EXECUTION_ARN,
                "compared_with": found.output("model_package_arn"),
                "comparison": compared.output("summary"),
                "comparison_uri": compared.output("comparison_uri"),
            },
            retry_policies=TRANSIENT_FAULTS[:1],
        )

    def check_metric(self, rule: MetricRule, evaluated: ProcessingStep, if_steps: Sequence[Step]) -> ConditionStep:
        """Goes on with what keeps the rule; else the execution fails and says why."""
        value = JsonGet(step=evaluated.name, property_file=_REPORT, path=rule.metric.json_path)
        sentence = f"the model was not registered: {rule.metric.name} must be {rule.comparison} {rule.bound:g} and is "
        return ConditionStep(
            name="CheckMetric",
            conditions=[rule.condition(value)],
            if_steps=if_steps,
            else_steps=[FailStep(name="MetricTooLow", message=Join(on="", values=(sentence, value)))],
        )


def script_mode_container(image_uri: str, model_uri: Text, *, serve: str, region: str) -> ModelContainer:
    """The container that serves a model with the script that lies in it."""
    return ModelContainer(
        image_uri=image_uri,
        model_data_url=model_uri,
        environment={
            "SAGEMAKER_PROGRAM": serve,
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_REGION": region,
        },
    )


def metric_definition(name: str) -> MetricDefinition:
    """Reads `<name>=<number>` out of the job's log."""
    return MetricDefinition(name=name, regex=rf"{re.escape(name)}=([-+0-9.eE]+)")
