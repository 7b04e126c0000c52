"""TrainingPipeline: from raw data to a registered model version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from constructs import Construct

from mlpipelines import ModelContainer, Pipeline, Step, Text, TrainingJob, TrainingStep, TuningStep
from mlplatform.pipeline.functions import step_function_problems
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.jobs import JobResources, ScriptRunner, input_uri_parameter, ship
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.pipeline.source import SourceDirectory
from mlplatform.pipeline.start_events import StartOn
from mlplatform.project import MlProject
from mlplatform.training.check_steps import CheckSteps
from mlplatform.training.checks import TrainingChecks
from mlplatform.training.climbing import PLAN, WATCH, Climbing, ladder_problems
from mlplatform.training.comparison import Comparison
from mlplatform.training.hyperparameters import (
    Hyperparameter,
    hyperparameter_parameters,
    hyperparameter_problems,
    script_mode_hyperparameters,
)
from mlplatform.training.metric import Metric, MetricRule
from mlplatform.training.moving import on_demand
from mlplatform.training.resources import TrainingResources
from mlplatform.training.scripts import TrainingScripts
from mlplatform.training.steps import TrainingSteps, script_mode_container
from mlplatform.training.tuning import Tuning


class TrainingPipeline(Construct):
    """A SageMaker pipeline that trains a model and registers it when a metric of it is good enough.

    Steps: `ValidateData`, `BuildFeatures`, `Train` (or `Tune`), `FindProductionModel`, `Evaluate`, `CompareModels`,
    `CheckMetric`, then `RegisterModel` or `MetricTooLow`, which fails the execution and says why; with `checks`, also
    `PrepareChecks` at the start, `CheckDataQuality` and `CheckDataBias` before training, and `CreateModel`, `CheckModelBias` and
    `CheckExplainability` before `RegisterModel`; with a ladder or a deadline in `training`, `PlanTraining` before `Train`. The version is
    registered with its comparison with the newest approved one, on the same held-out data. Every execution may set `InputUri` and
    each hyperparameter by its own name.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the pipeline is called `<project>-<construct id in kebab case>`.
        source: the directory with the scripts, shipped to every job.
        input_prefix: the prefix of the data bucket that the pipeline reads unless an execution sets `InputUri`.
        image: what the scripts run in; AWS's scikit-learn image when not given.
        algorithm: an image that trains by itself, such as `ContainerImage.built_in("kmeans")`, and serves what it trained;
            when not given, the script `train` does, in `image`.
        scripts: which file of the source does what.
        hyperparameters: their defaults.
        training_metrics: metrics that the training script prints as `<name>=<number>`; they become the job's metrics.
        tuning: how hyperparameters are searched; when not given, the job is trained once, with those given.
        register_when: the rule; when not given, the model must beat the baseline (`relative_rmse` below 1).
        approve_when_better_by: a version is approved at once if its metric (that of `register_when`) is better than
            production's by more than this share of it, such as 0.02. Otherwise, and when not given, a person approves.
        schedule: when it starts by itself; when not given, it never does.
        start_on: events that retrain it, such as new data or a drift alarm, at most once in a cool-down; none when not given.
        checks: what else is compared with the newest approved version: the input's quality, bias, explanations; nothing when
            not given.
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
        algorithm: ContainerImage | None = None,
        scripts: TrainingScripts | None = None,
        hyperparameters: Mapping[str, Hyperparameter] | None = None,
        training_metrics: Sequence[str] = ("validation:rmse", "validation:mae", "validation:wape"),
        tuning: Tuning | None = None,
        register_when: MetricRule | None = None,
        approve_when_better_by: float | None = None,
        schedule: Schedule | None = None,
        start_on: StartOn | None = None,
        checks: TrainingChecks | None = None,
        processing: JobResources | None = None,
        training: TrainingResources | None = None,
    ) -> None:
        scripts = TrainingScripts() if scripts is None else scripts
        training = TrainingResources() if training is None else training
        name = resource_name(project.name, construct_id)
        defaults = {} if hyperparameters is None else dict(hyperparameters)
        problems = [
            *source.missing(*(file for file in scripts.files if algorithm is None or file != scripts.train)),
            *hyperparameter_problems(defaults),
            *(() if tuning is None else tuning.problems_with(training_metrics)),
            *_approval_problems(approve_when_better_by),
            *ladder_problems(training, project.limits, tuning, defaults),
            *step_function_problems(name, "FindProductionModel", "CompareModels", "PrepareChecks", PLAN, WATCH),
        ]
        raise_if_any(f"TrainingPipeline '{construct_id}'", problems)
        super().__init__(project, construct_id)

        image_uri = (ContainerImage.scikit_learn() if image is None else image).uri(project.region)
        staged = ship(source, project)
        machines = JobResources() if processing is None else processing
        runner = ScriptRunner(
            project=project,
            role_arn=project.training_job_role_arn,
            source=staged,
            image_uri=image_uri,
            resources=machines,
        )
        checking = CheckSteps(
            self,
            "Checks",
            project=project,
            pipeline_name=name,
            checks=TrainingChecks() if checks is None else checks,
        )
        steps = TrainingSteps(project=project, name=name, runner=runner, scripts=scripts)
        input_uri = input_uri_parameter(project.data_uri(input_prefix))
        parameters = hyperparameter_parameters(defaults)
        rule = Metric("relative_rmse").below(1.0) if register_when is None else register_when

        validated = steps.validate_data(input_uri)
        checked_quality = checking.data_quality("input", input_uri, after=[validated])
        built = steps.build_features(input_uri, after=[validated, *checked_quality])
        train_uri = built.output_uri("train")
        checked_train = [*checking.data_quality("features", train_uri, after=[]), *checking.data_bias(train_uri)]
        climbing = Climbing(self, "Climbing", project=project, pipeline_name=name, resources=training)
        planned = climbing.plan(train_uri, after=checked_train)
        job = steps.training_job(
            built,
            image_uri=image_uri if algorithm is None else algorithm.uri(project.region),
            resources=training,
            instance_type=planned[0].output("instance_type") if planned else training.instance_type,
            hyperparameters=script_mode_hyperparameters(scripts.train, staged, project.region, parameters)
            if algorithm is None
            else {parameter.name: parameter for parameter in parameters},
            metrics=training_metrics if algorithm is None else (),
        )
        trained, model_uri = _train(steps, job, tuning, climbing, after=checked_train)
        comparison = Comparison(self, "Comparison", project=project, pipeline_name=name)
        found = comparison.find_step(model_uri)
        evaluated = steps.evaluate(model_uri, built, found)
        compared = comparison.compare_step(
            found,
            evaluated,
            steps.uri("comparison.json"),
            rule=rule,
            approve_when_better_by=approve_when_better_by,
        )
        container = (
            script_mode_container(image_uri, model_uri, serve=scripts.serve, region=project.region)
            if algorithm is None
            else ModelContainer(image_uri=job.image_uri, model_data_url=model_uri)
        )
        checked_model = checking.of_model(container, built.output_uri("test"))
        registered = steps.register(container, evaluated, found, compared, checking)
        decided = steps.check_metric(rule, evaluated, if_steps=[*checked_model, registered])

        pipeline = Pipeline(
            name=name,
            description=f"Trains a model of {project.name} and registers it when {rule}",
            parameters=[input_uri, *checking.parameters, *climbing.parameters, *parameters],
            steps=[
                *checking.prepare(),
                *(validated, *checked_quality, built, *checked_train, *planned, trained),
                *(found, evaluated, compared, decided),
            ],
        )
        self.pipeline = SageMakerPipeline(
            self,
            "Default",  # so that its resources are called after this construct
            project=project,
            pipeline=pipeline,
            schedule=schedule,
            start_on=start_on,
        )
        self.on_demand: SageMakerPipeline | None = None
        """The pipeline to which executions move that wait too long for spot capacity; None without `ready_within_minutes`."""
        if training.ready_within_minutes is not None:
            moved = on_demand(pipeline, project.artifact_uri(name))
            self.on_demand = SageMakerPipeline(self, "OnDemand", project=project, pipeline=moved)


def _train(
    steps: TrainingSteps, job: TrainingJob, tuning: Tuning | None, climbing: Climbing, after: Sequence[Step]
) -> tuple[TrainingStep | TuningStep, Text]:
    """The step that trains, and where its model is."""
    if tuning is None:
        trained = steps.train(job, after, climbing.retry_policies)
        return trained, trained.model_artifacts
    tuned = steps.tune(job, tuning, after)
    return tuned, tuned.top_model_artifacts()


def _approval_problems(better_by: float | None) -> Iterator[str]:
    if better_by is not None and not 0 <= better_by < 1:
        yield f"approve_when_better_by is {better_by}; use a share from 0 to less than 1, such as 0.02 for 2 %"
