"""The pipeline of `BatchInference` with every option (tests/unit/batch_inference/two_pipelines.py) once more, written with the SDK.

What only the stack knows is taken from our definition: roles, keys, functions, archives and the text of entrypoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.mlops.workflow import (
    CacheConfig,
    ConditionStep,
    FailStep,
    LambdaOutput,
    LambdaStep,
    Pipeline,
    ProcessingStep,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.lambda_step import LambdaOutputTypeEnum

from tests.conformance.sdk import processing_input, processing_output

HOME = "/opt/ml/processing"
MESSAGE = ["--message-file", "/opt/ml/output/message"]
STARTING = StepRetryPolicy(
    exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
    interval_seconds=10,
    backoff_rate=2.0,
    max_attempts=5,
)
BEGUN = (
    *("run_id", "generation", "fence", "scheduled_at", "input_uri", "input_version", "work_uri", "output_uri"),
    *("model_package_arn", "model_data_uri", "image_uri", "baseline_uri", "input_bytes", "prepare_instance_type"),
    *("has_challenger", "challenger_model_package_arn", "challenger_model_data_uri", "challenger_image_uri"),
)
PUBLISHED = ("run_id", "generation", "fence", "scheduled_at", "model_package_arn", "work_uri", "output_uri")


@dataclass(frozen=True)
class Given:
    """Our steps by name, for what only the stack knows."""

    steps: dict[str, dict[str, Any]]

    def job(self, name: str) -> dict[str, Any]:
        """What makes a processing job the project's."""
        arguments = self.steps[name]["Arguments"]
        return {
            "role": arguments["RoleArn"],
            "entrypoint": arguments["AppSpecification"]["ContainerEntrypoint"],
            "volume_kms_key": arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"],
            "output_kms_key": arguments["ProcessingOutputConfig"]["KmsKeyId"],
            "tags": arguments["Tags"],
        }

    def archive(self, name: str) -> ProcessingInput:
        inputs = {it["InputName"]: it["S3Input"] for it in self.steps["PrepareInput"]["Arguments"]["ProcessingInputs"]}
        return whole(name, inputs[name]["S3Uri"])

    def function(self, session: Session, name: str) -> Lambda:
        return Lambda(function_arn=self.steps[name]["FunctionArn"], session=session)


def whole(name: str, uri: Any) -> ProcessingInput:
    return processing_input(name, uri, f"{HOME}/input/{name}")


def fetched(name: str, uri: Any) -> ProcessingInput:
    """By the job itself; SageMaker passes it on without downloading it."""
    by_sagemaker = whole(name, uri)
    return ProcessingInput(input_name=name, s3_input=by_sagemaker.s3_input, app_managed=True)


def shard(name: str, manifest_uri: Any) -> ProcessingInput:
    """Of the objects of a manifest, those that are this instance's."""
    source = ProcessingS3Input(
        s3_uri=manifest_uri,
        local_path=f"{HOME}/input/{name}",
        s3_data_type="ManifestFile",
        s3_input_mode="File",
        s3_data_distribution_type="ShardedByS3Key",
    )
    return ProcessingInput(input_name=name, s3_input=source)


def at_the_end(name: str, uri: Any) -> ProcessingOutput:
    return processing_output(name, f"{HOME}/output/{name}", uri)


def as_it_comes(name: str, uri: Any) -> ProcessingOutput:
    target = ProcessingS3Output(s3_uri=uri, local_path=f"{HOME}/output/{name}", s3_upload_mode="Continuous")
    return ProcessingOutput(output_name=name, s3_output=target)


@dataclass(frozen=True)
class Twin:
    session: Session
    given: Given

    def pipeline(self, name: str) -> Pipeline:
        input_uri = ParameterString("InputUri", default_value="s3://data/")
        run_id, fence = ParameterString("RunId", default_value="manual"), ParameterString("Fence", default_value="0")
        begun = self.begin_run(run_id, fence, input_uri)
        prepared = self.prepare_input(begun)
        planned = self.plan_scoring(begun)
        scored = self.score(begun, planned, "Score", "", begun.properties.Outputs["output_uri"], "usage")
        published = self.publish_run(begun)
        all_scored = ConditionStep(
            "AllScored",
            conditions=[ConditionEquals(planned.properties.Outputs["parts_left"], "false")],
            if_steps=[published, self.has_challenger(begun, planned)],
            else_steps=[
                FailStep("MoreToScore", error_message=self.given.steps["MoreToScore"]["Arguments"]["ErrorMessage"])
            ],
            depends_on=["Score"],
        )
        return Pipeline(
            name,
            parameters=[input_uri, run_id, fence],
            steps=[begun, prepared, planned, scored, all_scored],
            sagemaker_session=self.session,
            pipeline_experiment_config=None,
        )

    def begin_run(self, run_id: Any, fence: Any, input_uri: Any) -> LambdaStep:
        return LambdaStep(
            "BeginRun",
            lambda_func=self.given.function(self.session, "BeginRun"),
            inputs={
                "run_id": run_id,
                "fence": fence,
                "execution_arn": ExecutionVariables.PIPELINE_EXECUTION_ARN,
                "started_at": ExecutionVariables.START_DATETIME,
                "input_uri": input_uri,
            },
            outputs=[LambdaOutput(name) for name in BEGUN],
        )

    def prepare_input(self, begun: LambdaStep) -> ProcessingStep:
        answers = begun.properties.Outputs
        return self.job(
            "PrepareInput",
            image_uri=self.given.steps["PrepareInput"]["Arguments"]["AppSpecification"]["ImageUri"],
            instance_type=answers["prepare_instance_type"],
            volume_size_in_gb=30,
            max_runtime_in_seconds=3600,
            env={"SCHEDULED_AT": answers["scheduled_at"]},
            inputs=[
                self.given.archive("code"),
                self.given.archive("platform"),
                whole("record", under(answers["work_uri"], "input.json")),
                fetched("data", answers["input_uri"]),
                whole("baseline", answers["baseline_uri"]),
            ],
            outputs=[
                at_the_end(name, under(answers["work_uri"], name))
                for name in ("prepared", "prepare-report", "set-aside")
            ],
            arguments=[
                *("--raw", f"{HOME}/raw", "--output", f"{HOME}/output/prepared"),
                *("--report", f"{HOME}/output/prepare-report", "--set-aside", f"{HOME}/output/set-aside"),
                *("--statistics", f"{HOME}/input/baseline", "--constraints", f"{HOME}/input/baseline"),
                *("--key-columns", "timestamp", "--key-types", "timestamp", "--action", "set_aside"),
                *("--part-rows", "1000"),
            ],
            cache_config=CacheConfig(enable_caching=True, expire_after="P7D"),
        )

    def plan_scoring(self, begun: LambdaStep) -> LambdaStep:
        answers, number = begun.properties.Outputs, LambdaOutputTypeEnum.Integer
        return LambdaStep(
            "PlanScoring",
            lambda_func=self.given.function(self.session, "PlanScoring"),
            inputs={name: answers[name] for name in ("run_id", "work_uri", "output_uri")},
            outputs=[
                LambdaOutput("manifest_uri"),
                LambdaOutput("instance_type"),
                LambdaOutput("instance_count", number),
                LambdaOutput("volume_gb", number),
                LambdaOutput("parts_left"),
                LambdaOutput("input_bytes"),
            ],
            depends_on=["PrepareInput"],
        )

    def score(
        self, begun: LambdaStep, planned: LambdaStep, name: str, prefix: str, output_uri: Any, usage: str
    ) -> ProcessingStep:
        answers, machines = begun.properties.Outputs, planned.properties.Outputs
        return self.job(
            name,
            image_uri=answers[f"{prefix}image_uri"],
            instance_type=machines["instance_type"],
            instance_count=machines["instance_count"],
            volume_size_in_gb=machines["volume_gb"],
            max_runtime_in_seconds=7200,
            inputs=[
                self.given.archive("platform"),
                whole("model", answers[f"{prefix}model_data_uri"]),
                shard("parts", machines["manifest_uri"]),
            ],
            outputs=[
                as_it_comes("predictions", output_uri),
                as_it_comes("usage", under(answers["work_uri"], usage)),
                as_it_comes("set-aside", under(answers["work_uri"], f"{prefix}set-aside-scoring".replace("_", "-"))),
            ],
            arguments=[
                *("--parts", f"{HOME}/input/parts", "--model", f"{HOME}/input/model"),
                *("--output", f"{HOME}/output/predictions", "--usage", f"{HOME}/output/usage"),
                *("--set-aside", f"{HOME}/output/set-aside", "--prediction-columns", "prediction"),
                *("--prediction-types", "double"),
                *(() if prefix else ("--json-lines",)),  # Of what is published.
            ],
        )

    def publish_run(self, begun: LambdaStep) -> LambdaStep:
        return LambdaStep(
            "PublishRun",
            lambda_func=self.given.function(self.session, "PublishRun"),
            inputs={
                **{name: begun.properties.Outputs[name] for name in PUBLISHED},
                "execution_arn": ExecutionVariables.PIPELINE_EXECUTION_ARN,
                "started_at": ExecutionVariables.START_DATETIME,
                "root_uri": self.given.steps["PublishRun"]["Arguments"]["root_uri"],
            },
            outputs=[LambdaOutput("manifest_uri"), LambdaOutput("latest")],
        )

    def has_challenger(self, begun: LambdaStep, planned: LambdaStep) -> ConditionStep:
        answers = begun.properties.Outputs
        challenger = under(answers["work_uri"], "challenger")
        scored = self.score(begun, planned, "ScoreChallenger", "challenger_", challenger, "challenger-usage")
        compared = self.job(
            "CompareOutputs",
            image_uri=self.given.steps["CompareOutputs"]["Arguments"]["AppSpecification"]["ImageUri"],
            instance_type=answers["prepare_instance_type"],
            volume_size_in_gb=planned.properties.Outputs["volume_gb"],
            max_runtime_in_seconds=3600,
            inputs=[
                self.given.archive("platform"),
                whole("champion", answers["output_uri"]),
                whole("challenger", challenger),
            ],
            outputs=[at_the_end("comparison", under(answers["work_uri"], "comparison"))],
            arguments=[
                *("--champion", f"{HOME}/input/champion", "--challenger", f"{HOME}/input/challenger"),
                *("--report", f"{HOME}/output/comparison", "--prediction-columns", "prediction"),
                *("--tolerance", "0.05"),
            ],
            depends_on=["ScoreChallenger"],
        )
        return ConditionStep(
            "HasChallenger",
            conditions=[ConditionEquals(answers["has_challenger"], "true")],
            if_steps=[scored, compared],
            else_steps=[],
            depends_on=["PublishRun"],
        )

    def job(
        self,
        name: str,
        *,
        inputs: list[ProcessingInput],
        outputs: list[ProcessingOutput],
        arguments: list[str],
        instance_count: Any = 1,
        cache_config: CacheConfig | None = None,
        depends_on: list[str] | None = None,
        **machine: Any,
    ) -> ProcessingStep:
        processor = Processor(
            **self.given.job(name),
            **machine,
            instance_count=instance_count,
            network_config=NetworkConfig(enable_network_isolation=False, encrypt_inter_container_traffic=True),
            sagemaker_session=self.session,
        )
        step_args = processor.run(inputs=inputs, outputs=outputs, arguments=[*arguments, *MESSAGE])
        return ProcessingStep(
            name, step_args=step_args, cache_config=cache_config, retry_policies=[STARTING], depends_on=depends_on
        )


def under(uri: Any, name: str) -> Join:
    return Join(on="/", values=[uri, name])
