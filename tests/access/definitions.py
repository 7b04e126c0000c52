"""A project with everything that a project can have: the ready pipelines, and others with all options, which tune, check, compare
and transform."""

from __future__ import annotations

from examples.demand_forecast.project import JOBS
from examples.demand_forecast.project import define as demand_forecast
from mlpipelines import ContinuousRange, ModelContainer, ModelStep, Pipeline, TransformStep
from mlplatform import (
    AsyncEndpoint,
    BatchInference,
    BiasCheck,
    ChampionChallenger,
    ComponentEndpoint,
    ContainerImage,
    DataCapture,
    DataQualityCheck,
    Deadline,
    ExplainabilityCheck,
    Facet,
    GroundTruth,
    HttpApi,
    InferenceComponent,
    InstanceLadder,
    MlProject,
    ModelAnswers,
    NewData,
    Overlap,
    RealtimeEndpoint,
    RunPolicy,
    SageMakerPipeline,
    ServerlessEndpoint,
    StartOn,
    TrainingChecks,
    TrainingPipeline,
    TrainingResources,
    Tuning,
)


def define(project: MlProject) -> None:
    demand_forecast(project)
    TrainingPipeline(
        project,
        "Everything",
        source=JOBS,
        input_prefix="bikeshare/hourly/",
        tuning=Tuning(
            objective="validation:rmse", ranges=[ContinuousRange(name="learning_rate", minimum=0.01, maximum=0.5)]
        ),
        checks=TrainingChecks(
            label="bikers",
            answers=ModelAnswers(probability_threshold=0.5),
            data_quality=DataQualityCheck(),
            bias=BiasCheck(label_values_or_threshold=(1,), facets=(Facet(name="hour", values_or_threshold=(12,)),)),
            explainability=ExplainabilityCheck(num_samples=10),
        ),
        start_on=StartOn(events=[NewData(prefix="bikeshare/hourly/")]),
    )
    TrainingPipeline(
        project,
        "Climbing",
        source=JOBS,
        input_prefix="bikeshare/hourly/",
        training=TrainingResources(ladder=InstanceLadder.of("ml.m5.large", "ml.m5.xlarge")),
    )
    TrainingPipeline(
        project,
        "Moving",
        source=JOBS,
        input_prefix="bikeshare/hourly/",
        training=TrainingResources(spot=True, ready_within_minutes=180, max_attempts=5),
    )
    BatchInference(
        project,
        "Replacing",
        source=JOBS,
        input_prefix="bikeshare/history/",
        model=ChampionChallenger(),
        start_on=StartOn(events=[NewData(prefix="bikeshare/history/")]),
        runs=RunPolicy(overlap=Overlap.REPLACE, deadline=Deadline(time="06:00")),
        ground_truth=GroundTruth(
            prefix="bikeshare/truth/", keys=["timestamp"], target="bikers", prediction="prediction"
        ),
    )
    SageMakerPipeline(project, "Transforming", project=project, pipeline=_transforming(project))
    _endpoints(project)


def _endpoints(project: MlProject) -> None:
    """Of every kind; those that follow approvals have a function that updates them. The pipeline of the repository may ask them."""
    capture, http_api = DataCapture(percent=5), HttpApi(logged_percent=10)
    components = [InferenceComponent(name="prices")]
    for endpoint in (
        RealtimeEndpoint(project, "Live", follow_approvals=True, capture=capture, http_api=http_api),
        ComponentEndpoint(
            project, "Shared", components=components, follow_approvals=True, capture=capture, http_api=http_api
        ),
        AsyncEndpoint(project, "Queued", follow_approvals=True),
        ServerlessEndpoint(project, "Seldom", outside_network=True),
    ):
        endpoint.grant_invoke(project.deploy_role)


def _transforming(project: MlProject) -> Pipeline:
    """As a team writes it that keeps to batch transform."""
    container = ModelContainer(
        image_uri=ContainerImage.scikit_learn().uri(project.region),
        model_data_url=project.artifact_uri(f"{project.name}-training/x/model.tar.gz"),
    )
    model = ModelStep(
        name="CreateModel",
        container=container,
        role_arn=project.inference_job_role_arn,
        network=project.network,
        tags=project.tags,
    )
    transform = TransformStep(
        name="Transform",
        model_name=model.model_name,
        input_s3_uri=project.data_uri("bikeshare/history/"),
        output_s3_uri=project.output_uri(f"{project.name}-transforming"),
        instance_type="ml.m5.large",
        volume_kms_key_id=project.key_arn,
        output_kms_key_id=project.key_arn,
        tags=project.tags,
    )
    return Pipeline(name=f"{project.name}-transforming", steps=[model, transform])
