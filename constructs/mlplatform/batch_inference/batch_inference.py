"""`BatchInference`: scheduled predictions that look after themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from constructs import Construct

from mlpipelines import Parameter, Pipeline, Step
from mlplatform.batch_inference import run_metrics
from mlplatform.batch_inference.alarms import DriftLimits, RunAlarms
from mlplatform.batch_inference.controller import RunController
from mlplatform.batch_inference.dashboard import RunDashboard
from mlplatform.batch_inference.functions import (
    RUNTIME,
    RunFiles,
    begin_run_function,
    plan_scoring_function,
    publish_run_function,
)
from mlplatform.batch_inference.ground_truth import GroundTruth, QualityPipeline
from mlplatform.batch_inference.options import (
    ChampionChallenger,
    DataChecks,
    ModelChoice,
    NewestApproved,
    RunPolicy,
    Scoring,
)
from mlplatform.batch_inference.published_table import Column, PublishedTable, column_problems
from mlplatform.batch_inference.steps import FENCE, RUN_ID, RunSteps
from mlplatform.pipeline.functions import step_function_problems
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.jobs import JobResources, input_uri_parameter, ship
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.pipeline.source import SourceDirectory
from mlplatform.pipeline.start_events import StartOn
from mlplatform.project import MlProject, PublishedOutput
from mlplatform.scaling import InstanceLadder

_KEYS = (Column("timestamp", "timestamp"),)
KEY_TYPES = ("string", "bigint", "double", "boolean", "date", "timestamp")
"""What `prepare_parts.py` reads keys as."""
PREDICTION_TYPES = ("double", "boolean", "string")
"""What `score.py` writes: numbers of every kind are double."""
_PREDICTIONS = (Column("prediction", "double"),)
_SCORING_HOURS = 6


class BatchInference(Construct):
    """Predicts for everything under a prefix, on a schedule or on events, and publishes the predictions as one table.

    When to use: whenever predictions may be minutes old; an endpoint costs while nobody asks. The construct brings what
    an operator would do: runs never overlap, a failed attempt is repeated from where it stopped on a machine that fits,
    nothing is published until all of it is there, and somebody is told when it fails, is late, or stops running.

    Steps: `BeginRun` (the run's place, its model and the versions of its input), `PrepareInput` (fetches these versions,
    runs the team's script, makes parts of bounded size, checked against the model's baseline), `PlanScoring` (machines,
    from the parts and earlier runs), `Score` (the model in its own image, on its share of the parts), `PublishRun`; with
    a challenger, `ScoreChallenger` and `CompareOutputs` after that. docs/batch-inference.md tells what happens when
    something fails.

    In the output bucket, under `<pipeline name>/`: `latest.json`, which never goes back to an earlier run,
    `manifests/<run id>.json` (model and input versions -> files), `published/date=<day>/` for Athena, and the files
    themselves under `runs/`. A run that is repeated replaces its files; nobody ever sees half an output.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the pipeline is called `<project>-<construct id in kebab case>`.
        source: the directory with the team's script, shipped to every job.
        input_prefix: the prefix of the data bucket that a run reads. Codes of `strftime` in it stand for the moment for
            which the run is due, in the schedule's time zone: `sales/%Y/%m/%d/`. An execution may set `InputUri`.
        prepare: called with `--input` and `--output` and with `SCHEDULED_AT` in its environment; writes CSV without a
            header or Parquet: the key columns, then the features in the model's order. In CSV features are numbers; what
            is no number sets its row aside. Features of other types, or by name, need Parquet.
        keys: the columns that say what a prediction is for.
        predictions: the columns that the model answers with, in its order.
        model: the newest approved version, a pinned one, or champion and challenger.
        schedule: when it starts by itself; when not given, it never does.
        start_on: events that start it, such as new data or another pipeline's success, with a cool-down; none when not given.
        runs: what happens to runs that overlap, fail, are late or missing.
        checks: what is asked of input and predictions.
        scoring: the machines that the model and the other jobs run on, and in which pieces they get their work.
        ground_truth: where what really happened arrives; then the quality of past predictions is measured. None when not given.
        image: of the team's script, with boto3, NumPy and pyarrow; AWS's scikit-learn image when not given. The model is
            run in its own.
        processing: how large and how long-running the job of the team's script is; its type is the ladder's.

    Raises `InvalidPropsError` with every mistake in the props, and `mlpipelines.PipelineDefinitionError` with everything
    that SageMaker would refuse.
    """

    def __init__(
        self,
        project: MlProject,
        construct_id: str,
        *,
        source: SourceDirectory,
        input_prefix: str,
        prepare: str = "prepare.py",
        keys: Sequence[Column] = _KEYS,
        predictions: Sequence[Column] = _PREDICTIONS,
        model: ModelChoice | None = None,
        schedule: Schedule | None = None,
        start_on: StartOn | None = None,
        runs: RunPolicy | None = None,
        checks: DataChecks | None = None,
        scoring: Scoring | None = None,
        ground_truth: GroundTruth | None = None,
        image: ContainerImage | None = None,
        processing: JobResources | None = None,
    ) -> None:
        name = resource_name(project.name, construct_id)
        how = Scoring() if scoring is None else scoring
        climbing = InstanceLadder.within(project.limits) if how.ladder is None else how.ladder
        longest = project.limits.max_runtime_hours
        scoring_hours = min(_SCORING_HOURS, longest) if how.max_hours is None else how.max_hours
        raise_if_any(
            f"BatchInference '{construct_id}'",
            [
                *source.missing(prepare),
                *_column_problems(keys, predictions),
                *step_function_problems(name, "BeginRun", "PlanScoring", "PublishRun", "Controller"),
                *climbing.problems(project.limits),
                *_hours_problems(scoring_hours, longest),
            ],
        )
        super().__init__(project, construct_id)
        self._project = project
        choice = NewestApproved() if model is None else model
        policy = RunPolicy() if runs is None else runs
        rules = DataChecks() if checks is None else checks
        files = RunFiles(project=project, pipeline_name=name)
        settings = {
            **_settings(files, choice, policy, rules, climbing),
            "time_zone": "UTC" if schedule is None else schedule.time_zone,
            "max_runtime_seconds": scoring_hours * 3600,
        }
        image_uri = (ContainerImage.scikit_learn() if image is None else image).uri(project.region)
        project.allow_jobs_to_pull(image_uri)
        project.allow_inference_to_write(name)
        steps = RunSteps(
            project=project,
            source=ship(source, project),
            platform=ship(SourceDirectory(RUNTIME / "jobs"), project),
            image_uri=image_uri,
            prepare=prepare,
            processing=JobResources() if processing is None else processing,
            max_scoring_seconds=scoring_hours * 3600,
            part_rows=how.part_rows,
            json_lines=how.json_lines,
            volume_key_arn=JobResources(instance_type=climbing.instance_types[0]).volume_kms_key_id(project.key_arn),
            keys=keys,
            predictions=predictions,
            checks=rules,
            root_uri=files.root_uri,
        )
        input_uri = input_uri_parameter(project.data_uri(input_prefix))
        self.controller = RunController(
            self, "Controller", files=files, settings=settings, measured=ground_truth is not None
        )
        """What decides on the pipeline's runs; `mlp backfill` asks it for those that were missed."""
        self.pipeline = SageMakerPipeline(
            self,
            "Default",  # so that its resources are called after this construct
            project=project,
            pipeline=Pipeline(
                name=name,
                description=f"Batch inference of {project.name}",
                parameters=[input_uri, RUN_ID, FENCE],
                steps=self._steps(steps, files, settings, input_uri, choice),
            ),
            schedule=schedule,
            start_on=start_on,
            start_through=self.controller.function,
        )
        project.outputs[name] = PublishedOutput(
            columns=tuple(column.name for column in (*keys, *predictions)), json_lines=how.json_lines
        )
        self.output_uri: str = files.root_uri
        """The S3 prefix with `latest.json`, `manifests/`, `published/` and `runs/`."""
        self.table = PublishedTable(
            self,
            "Table",
            project=project,
            pipeline_name=name,
            root_uri=files.root_uri,
            columns=(*keys, *predictions),
        )
        """What consumers query: the table of everything published."""
        self.quality = (
            None
            if ground_truth is None
            else QualityPipeline(
                self,
                "Quality",
                project=project,
                pipeline_name=name,
                ground_truth=ground_truth,
                image=image,
                resources=_measuring(project, climbing),
            )
        )
        """The pipeline that measures past predictions; None without ground truth."""
        self._observe(name, policy, rules, schedule)

    def _steps(
        self,
        steps: RunSteps,
        files: RunFiles,
        settings: Mapping[str, Any],
        input_uri: Parameter,
        choice: ModelChoice,
    ) -> list[Step]:
        environment = {"RUNS": json.dumps(settings)}
        begun = steps.begin_run(begin_run_function(self, files, environment), input_uri)
        prepared = steps.prepare_input(begun)
        planned = steps.plan_scoring(plan_scoring_function(self, files, environment), begun, prepared)
        scored = steps.score(begun, planned)
        published = steps.publish_run(publish_run_function(self, files, environment), begun)
        then: list[Step] = [published]
        if isinstance(choice, ChampionChallenger):
            then.append(steps.challenge(choice, begun, planned, published))
        return [begun, prepared, planned, scored, steps.all_scored(planned, scored, then)]

    def _observe(self, name: str, policy: RunPolicy, rules: DataChecks, schedule: Schedule | None) -> None:
        interval = None if schedule is None else schedule.expected_interval_seconds
        grace = round(policy.grace_hours * 3600)
        self.alarms = RunAlarms(
            self,
            "Alarms",
            project=self._project,
            pipeline_name=name,
            expected_interval_seconds=interval,
            grace_seconds=grace,
            has_deadline=policy.deadline is not None,
            drift=DriftLimits(inputs=rules.drift_threshold, predictions=rules.drift_threshold),
        )
        """What tells the project's topic when output is overdue, a run failed or is late, or data has moved."""
        self.alarms.node.add_dependency(self.controller.first_look)  # To `OutputOverdue`, missing data is an alarm.
        self.dashboard = RunDashboard(
            self,
            "Dashboard",
            pipeline_name=name,
            region=self._project.region,
            overdue_after_seconds=None if interval is None else interval + grace,
            alarm_arns=self.alarms.alarm_arns,
            quality_metrics=[] if self.quality is None else self.quality.metric_names,
        )
        """The runs at one look."""


def _settings(
    files: RunFiles, model: ModelChoice, policy: RunPolicy, checks: DataChecks, ladder: InstanceLadder
) -> dict[str, Any]:
    """What the functions read (`runs.settings`)."""
    project = files.project
    return {
        "pipeline_name": files.pipeline_name,
        "pipeline_arn": files.pipeline_arn,
        "state_uri": files.state_uri,
        "root_uri": files.root_uri,
        "work_root_uri": files.work_root_uri,
        "region": project.region,
        "topic_arn": project.topic_arn,
        "model_package_group_name": project.model_package_group_name,
        "model": model.to_json(),
        "overlap": str(policy.overlap),
        "failure": policy.failure.to_json(),
        "deadline": None if policy.deadline is None else policy.deadline.to_json(),
        "ladder": ladder.to_json(),
        "metric_namespace": run_metrics.NAMESPACE,
        "checks": checks.to_json(),
    }


def _measuring(project: MlProject, ladder: InstanceLadder) -> JobResources:
    """The usual machine, unless the project may not have it."""
    usual = JobResources()
    allowed = usual.instance_type in project.limits.instance_types
    return usual if allowed else JobResources(instance_type=ladder.instance_types[0])


def _column_problems(keys: Sequence[Column], predictions: Sequence[Column]) -> Iterator[str]:
    if not keys:
        yield "keys is empty; name the columns that say what a prediction is for, such as Column('timestamp', 'timestamp')"
    if not predictions:
        yield "predictions is empty; name what the model answers with, such as Column('prediction', 'double')"
    yield from column_problems((*keys, *predictions))
    for what, columns, types in (("key", keys, KEY_TYPES), ("prediction", predictions, PREDICTION_TYPES)):
        for column in columns:
            if column.type not in types:
                yield f"{what} column '{column.name}' has type '{column.type}'; use one of {', '.join(types)}"


def _hours_problems(scoring_hours: int, longest: int) -> Iterator[str]:
    if not 1 <= scoring_hours <= longest:
        yield f"max_hours is {scoring_hours}; the project's jobs may run 1 to {longest} hours"
