"""The steps of a batch-inference pipeline, from the place that a run takes to what it publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlpipelines import (
    PIPELINE_EXECUTION_ARN,
    START_DATE_TIME,
    CacheConfig,
    ConditionStep,
    Equals,
    FailStep,
    Join,
    LambdaOutput,
    LambdaStep,
    Number,
    Parameter,
    ProcessingInput,
    ProcessingOutput,
    ProcessingStep,
    Step,
    Text,
    Value,
)
from mlplatform.batch_inference.options import ChampionChallenger, DataChecks
from mlplatform.batch_inference.published_table import Column
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.pipeline.jobs import TRANSIENT_FAULTS, JobResources, input_path, output_path
from mlplatform.pipeline.source import StagedSource
from mlplatform.project import MlProject

MANUAL = "manual"
"""The run id of an execution that somebody started by hand: BeginRun gives it one."""
RUN_ID = Parameter(name="RunId", default=MANUAL)
FENCE = Parameter(name="Fence", default="0")

_HOME = "/opt/ml/processing"
_PLATFORM = f"{_HOME}/platform"
_MESSAGE = "/opt/ml/output/message"
_UNPACK_PLATFORM = f"set -e; mkdir -p {_PLATFORM}; tar -xzf {input_path('platform')}/*.gz -C {_PLATFORM}"
# What goes wrong by itself while a step starts. What goes wrong later, the controller answers to, on another machine.
_STARTING = TRANSIENT_FAULTS[:1]
# Long enough for every attempt of a run. The inputs name run and generation, so no other run finds the result.
_WHILE_A_RUN_LASTS = CacheConfig(expire_after="P7D")


@dataclass(frozen=True, kw_only=True)
class RunSteps:
    """Makes the steps. `source` is the team's code and `platform` ours, as archives that the jobs unpack."""

    project: MlProject
    source: StagedSource
    platform: StagedSource
    image_uri: str
    prepare: str
    processing: JobResources
    max_scoring_seconds: int
    part_rows: int | None
    json_lines: bool
    volume_key_arn: str | None
    keys: Sequence[Column]
    predictions: Sequence[Column]
    checks: DataChecks
    root_uri: str

    def begin_run(self, function: RuntimeFunction, input_uri: Parameter) -> LambdaStep:
        """Take the run's place; find its model and its input."""
        outputs = (
            *("run_id", "generation", "fence", "scheduled_at", "input_uri", "input_version", "work_uri", "output_uri"),
            *("model_package_arn", "model_data_uri", "image_uri"),
            *("baseline_uri", "input_bytes", "prepare_instance_type"),
            *("has_challenger", "challenger_model_package_arn", "challenger_model_data_uri", "challenger_image_uri"),
        )
        return LambdaStep(
            name="BeginRun",
            function_arn=function.function_arn,
            inputs={
                "run_id": RUN_ID,
                "fence": FENCE,
                "execution_arn": PIPELINE_EXECUTION_ARN,
                "started_at": START_DATE_TIME,
                "input_uri": input_uri,
            },
            outputs=[LambdaOutput(name=name) for name in outputs],
        )

    def prepare_input(self, begun: LambdaStep) -> ProcessingStep:
        """The team's script, then parts of bounded size out of what it wrote, looked over against the baseline."""
        work_uri = begun.output("work_uri")
        return self._job(
            "PrepareInput",
            entrypoint=(
                "bash",
                "-c",
                f'{_UNPACK_PLATFORM}; exec bash {_PLATFORM}/prepare_input.sh "$0" "$@"',
                self.prepare,
            ),
            image_uri=self.image_uri,
            instance_type=begun.output("prepare_instance_type"),
            inputs=[
                _whole("code", self.source.s3_uri),
                _whole("platform", self.platform.s3_uri),
                _whole("record", _under(work_uri, "input.json")),
                _by_the_job_itself("data", begun.output("input_uri")),
                _whole("baseline", begun.output("baseline_uri")),
            ],
            outputs=[_at_the_end(name, _under(work_uri, name)) for name in ("prepared", "prepare-report", "set-aside")],
            arguments=[
                *("--raw", f"{_HOME}/raw"),
                *("--output", output_path("prepared")),
                *("--report", output_path("prepare-report")),
                *("--set-aside", output_path("set-aside")),
                *("--statistics", input_path("baseline")),
                *("--constraints", input_path("baseline")),
                *("--key-columns", ",".join(column.name for column in self.keys)),
                *("--key-types", ",".join(column.type for column in self.keys)),
                *("--action", str(self.checks.input)),
                *(() if self.part_rows is None else ("--part-rows", str(self.part_rows))),
            ],
            environment={"SCHEDULED_AT": begun.output("scheduled_at")},
            max_runtime_seconds=self.processing.max_runtime_seconds,
            volume_size_gb=self.processing.volume_gb,
            cache=_WHILE_A_RUN_LASTS,
        )

    def plan_scoring(self, function: RuntimeFunction, begun: LambdaStep, prepared: ProcessingStep) -> LambdaStep:
        """Choose the machines, and what each of them predicts for."""
        return LambdaStep(
            name="PlanScoring",
            function_arn=function.function_arn,
            inputs={
                "run_id": begun.output("run_id"),
                "work_uri": begun.output("work_uri"),
                "output_uri": begun.output("output_uri"),
            },
            outputs=[
                LambdaOutput(name="manifest_uri"),
                LambdaOutput(name="instance_type"),
                LambdaOutput(name="instance_count", type="Integer"),
                LambdaOutput(name="volume_gb", type="Integer"),
                LambdaOutput(name="parts_left"),
                LambdaOutput(name="input_bytes"),
            ],
            depends_on=[prepared],
        )

    def score(self, begun: LambdaStep, planned: LambdaStep) -> ProcessingStep:
        """Predict what is published."""
        return self._score(
            "Score",
            begun,
            planned,
            prefix="",
            output_uri=begun.output("output_uri"),
            usage="usage",
            options=["--json-lines"] if self.json_lines else [],
        )

    def all_scored(self, planned: LambdaStep, scored: ProcessingStep, then: Sequence[Step]) -> ConditionStep:
        """Go on when every part is predicted; otherwise the controller starts the next job."""
        return ConditionStep(
            name="AllScored",
            conditions=[Equals(planned.output("parts_left"), "false")],
            if_steps=then,
            else_steps=[
                FailStep(
                    name="MoreToScore",
                    message="MoreToScore: this job took what it has time for; the controller starts another for the rest",
                )
            ],
            depends_on=[scored],
        )

    def publish_run(self, function: RuntimeFunction, begun: LambdaStep) -> LambdaStep:
        """Make the run visible, all of it at once."""
        known = ("run_id", "generation", "fence", "scheduled_at", "model_package_arn", "work_uri", "output_uri")
        return LambdaStep(
            name="PublishRun",
            function_arn=function.function_arn,
            inputs={
                **{name: begun.output(name) for name in known},
                "execution_arn": PIPELINE_EXECUTION_ARN,
                "started_at": START_DATE_TIME,
                "root_uri": self.root_uri,
            },
            outputs=[LambdaOutput(name="manifest_uri"), LambdaOutput(name="latest")],
        )

    def challenge(
        self, choice: ChampionChallenger, begun: LambdaStep, planned: LambdaStep, published: LambdaStep
    ) -> ConditionStep:
        """Predict with the version that waits for approval, and compare; nothing that was published depends on it."""
        challenger = _under(begun.output("work_uri"), "challenger")
        scored = self._score(
            "ScoreChallenger", begun, planned, prefix="challenger_", output_uri=challenger, usage="challenger-usage"
        )
        compared = self._job(
            "CompareOutputs",
            entrypoint=self._script("compare_outputs.py"),
            image_uri=self.image_uri,
            instance_type=begun.output("prepare_instance_type"),
            inputs=[
                _whole("platform", self.platform.s3_uri),
                _whole("champion", begun.output("output_uri")),
                _whole("challenger", challenger),
            ],
            outputs=[_at_the_end("comparison", _under(begun.output("work_uri"), "comparison"))],
            arguments=[
                *("--champion", input_path("champion")),
                *("--challenger", input_path("challenger")),
                *("--report", output_path("comparison")),
                *("--prediction-columns", ",".join(column.name for column in self.predictions)),
                *("--tolerance", str(choice.tolerance)),
            ],
            max_runtime_seconds=self.processing.max_runtime_seconds,
            volume_size_gb=planned.output("volume_gb"),
            depends_on=[scored],
        )
        return ConditionStep(
            name="HasChallenger",
            conditions=[Equals(begun.output("has_challenger"), "true")],
            if_steps=[scored, compared],
            depends_on=[published],
        )

    def _score(
        self,
        name: str,
        begun: LambdaStep,
        planned: LambdaStep,
        *,
        prefix: str,
        output_uri: Text,
        usage: str,
        options: Sequence[str] = (),
    ) -> ProcessingStep:
        work_uri = begun.output("work_uri")
        return self._job(
            name,
            entrypoint=self._script("score.py"),
            image_uri=begun.output(f"{prefix}image_uri"),
            instance_type=planned.output("instance_type"),
            instance_count=planned.output("instance_count"),
            inputs=[
                _whole("platform", self.platform.s3_uri),
                _whole("model", begun.output(f"{prefix}model_data_uri")),
                ProcessingInput(
                    name="parts",
                    s3_uri=planned.output("manifest_uri"),
                    local_path=input_path("parts"),
                    data_type="ManifestFile",
                    distribution="ShardedByS3Key",
                ),
            ],
            outputs=[
                _as_it_comes("predictions", output_uri),
                _as_it_comes("usage", _under(work_uri, usage)),
                _as_it_comes("set-aside", _under(work_uri, f"{prefix}set-aside-scoring".replace("_", "-"))),
            ],
            arguments=[
                *("--parts", input_path("parts")),
                *("--model", input_path("model")),
                *("--output", output_path("predictions")),
                *("--usage", output_path("usage")),
                *("--set-aside", output_path("set-aside")),
                *("--prediction-columns", ",".join(column.name for column in self.predictions)),
                *("--prediction-types", ",".join(column.type for column in self.predictions)),
                *options,
            ],
            max_runtime_seconds=self.max_scoring_seconds,
            volume_size_gb=planned.output("volume_gb"),
        )

    def _script(self, script: str) -> tuple[str, ...]:
        return ("bash", "-c", f'{_UNPACK_PLATFORM}; exec python3 "$0" "$@"', f"{_PLATFORM}/{script}")

    def _job(
        self,
        name: str,
        *,
        entrypoint: Sequence[str],
        image_uri: Text,
        instance_type: Text,
        inputs: Sequence[ProcessingInput],
        outputs: Sequence[ProcessingOutput],
        arguments: Sequence[Value],
        max_runtime_seconds: int,
        volume_size_gb: Number,
        instance_count: Number = 1,
        environment: Mapping[str, Value] | None = None,
        cache: CacheConfig | None = None,
        depends_on: Sequence[Step] = (),
    ) -> ProcessingStep:
        return ProcessingStep(
            name=name,
            role_arn=self.project.inference_job_role_arn,
            image_uri=image_uri,
            instance_type=instance_type,
            instance_count=instance_count,
            volume_size_gb=volume_size_gb,
            max_runtime_seconds=max_runtime_seconds,
            entrypoint=entrypoint,
            arguments=[*arguments, "--message-file", _MESSAGE],
            inputs=inputs,
            outputs=outputs,
            environment={} if environment is None else environment,
            network=self.project.network,
            volume_kms_key_id=self.volume_key_arn,
            output_kms_key_id=self.project.key_arn,
            retry_policies=_STARTING,
            cache=cache,
            tags=self.project.tags,
            depends_on=depends_on,
        )


def _under(uri: Text, name: str) -> Join:
    return Join(values=(uri, name))


def _whole(name: str, uri: Text) -> ProcessingInput:
    """Everything below a prefix, for every instance."""
    return ProcessingInput(name=name, s3_uri=uri, local_path=input_path(name))


def _by_the_job_itself(name: str, uri: Text) -> ProcessingInput:
    """As `_whole`, but brought by the job's own script, which knows the versions."""
    return ProcessingInput(name=name, s3_uri=uri, local_path=input_path(name), app_managed=True)


def _at_the_end(name: str, uri: Text) -> ProcessingOutput:
    """Nothing, unless the job succeeds."""
    return ProcessingOutput(name=name, local_path=output_path(name), s3_uri=uri)


def _as_it_comes(name: str, uri: Text) -> ProcessingOutput:
    """File by file, so that what a job had done is there when it dies."""
    return ProcessingOutput(name=name, local_path=output_path(name), s3_uri=uri, upload_mode="Continuous")
