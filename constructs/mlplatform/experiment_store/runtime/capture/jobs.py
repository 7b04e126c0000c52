"""What the events of jobs say: training, processing, transform and tuning. Pure."""

from mlrecords.masking import masked, masked_arguments
from mlrecords.record import Algorithm, Code, Cost, Environment, Image, Machines, Parent

from .details import (
    EXECUTION_TAG,
    Detail,
    Parts,
    channels,
    code_of,
    data,
    metric,
    model_parents,
    own_hyperparameters,
    parent,
    part,
    seeds_in,
    tags_in,
    training_definition,
)


def training(detail: Detail) -> Parts:
    """A training job; its metrics are those that SageMaker read out of its log, once it is over."""
    specification, hyperparameters = part(detail, "AlgorithmSpecification"), part(detail, "HyperParameters")
    environment = part(detail, "Environment")
    command = _command(specification)
    model = part(detail, "ModelArtifacts").get("S3ModelArtifacts")
    return {
        "environment": Environment(
            image=_image(specification.get("TrainingImage")),
            machines=_machines(part(detail, "ResourceConfig"), spot=detail.get("EnableManagedSpotTraining")),
            variables=masked(environment),
        ),
        "code": code_of(hyperparameters, command),
        "inputs": channels(detail.get("InputDataConfig")),
        "outputs": {"model": data(model or part(detail, "OutputDataConfig").get("S3OutputPath"), "model")},
        "algorithm": Algorithm(
            name=specification.get("AlgorithmName"),
            hyperparameters=own_hyperparameters(hyperparameters),
            seeds=seeds_in(hyperparameters, environment, command=command),
        ),
        "metrics": {found["MetricName"]: metric(found["Value"]) for found in detail.get("FinalMetricDataList") or ()},
        "cost": Cost(billable_seconds=billable) if (billable := detail.get("BillableTimeInSeconds")) else None,
        "parents": {**_parents(detail), **parent("tuning", detail.get("TuningJobArn"))},
    }


def processing(detail: Detail) -> Parts:
    """A processing job. Its input `code` is its code."""
    specification, environment = part(detail, "AppSpecification"), part(detail, "Environment")
    command = _command(specification)
    uris = {found["InputName"]: part(found, "S3Input").get("S3Uri") for found in detail.get("ProcessingInputs") or ()}
    outputs = part(detail, "ProcessingOutputConfig").get("Outputs") or ()
    return {
        "environment": Environment(
            image=_image(specification.get("ImageUri")),
            machines=_machines(part(detail, "ProcessingResources", "ClusterConfig")),
            variables=masked(environment),
        ),
        "code": Code(archive_uri=uris.get("code"), entry_point=masked_arguments(command)),
        "inputs": {name: data(uri, name if name in ("code", "model") else "data") for name, uri in uris.items()},
        "outputs": {found["OutputName"]: data(part(found, "S3Output").get("S3Uri")) for found in outputs},
        "algorithm": Algorithm(seeds=seeds_in(environment, command=command)),
        "parents": {**_parents(detail), **model_parents([command, environment])},
    }


def transform(detail: Detail) -> Parts:
    """A batch transform job. Its image is the model's, which SageMaker is asked for."""
    environment = part(detail, "Environment")
    source = part(detail, "TransformInput", "DataSource", "S3DataSource").get("S3Uri")
    return {
        "environment": Environment(
            machines=_machines(part(detail, "TransformResources")), variables=masked(environment)
        ),
        "inputs": {"transform": data(source)},
        "outputs": {"transform": data(part(detail, "TransformOutput").get("S3OutputPath"))},
        "algorithm": Algorithm(name=detail.get("ModelName"), seeds=seeds_in(environment)),
        "parents": _parents(detail),
    }


def tuning(detail: Detail) -> Parts:
    """A tuning job: what its training jobs share, and the best of them."""
    definition = training_definition(detail)
    specification, fixed = part(definition, "AlgorithmSpecification"), part(definition, "StaticHyperParameters")
    best = part(detail, "BestTrainingJob")
    objective = part(best, "FinalHyperParameterTuningJobObjectiveMetric")
    environment = part(definition, "Environment")
    return {
        "environment": Environment(
            image=_image(specification.get("TrainingImage")),
            machines=_machines(part(definition, "ResourceConfig"), spot=definition.get("EnableManagedSpotTraining")),
            variables=masked(environment),
        ),
        "code": code_of(fixed, _command(specification)),
        "inputs": channels(definition.get("InputDataConfig")),
        "outputs": {"model": data(_best_model(definition, best), "model")},
        "algorithm": Algorithm(
            name=specification.get("AlgorithmName"),
            hyperparameters=own_hyperparameters({**fixed, **part(best, "TunedHyperParameters")}),
            seeds=seeds_in(fixed, environment, part(detail, "HyperParameterTuningJobConfig")),
        ),
        "metrics": {objective["MetricName"]: metric(objective["Value"])} if objective else {},
        "parents": _parents(detail),
    }


def _best_model(definition: Detail, best: Detail) -> str | None:
    """Where the best job's model is, once one is the best; where all of them are, before."""
    path: str | None = part(definition, "OutputDataConfig").get("S3OutputPath")
    name = best.get("TrainingJobName")
    return f"{path.rstrip('/')}/{name}/output/model.tar.gz" if path and name else path


def _parents(detail: Detail) -> dict[str, Parent]:
    return parent("execution", tags_in(detail.get("Tags")).get(EXECUTION_TAG))


def _command(specification: Detail) -> tuple[str, ...]:
    return (*(specification.get("ContainerEntrypoint") or ()), *(specification.get("ContainerArguments") or ()))


def _image(uri: str | None) -> Image | None:
    return Image(uri=uri) if uri else None


def _machines(resources: Detail, *, spot: bool | None = None) -> Machines:
    return Machines(
        instance_type=resources.get("InstanceType"),
        instance_count=resources.get("InstanceCount"),
        volume_gb=resources.get("VolumeSizeInGB"),
        spot=spot,
    )
