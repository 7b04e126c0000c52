"""What a valid job request may ask for that the embedded AWS does not do: a sentence for each, with the field's name.

The requests of a pipeline's steps may be checked here, too, before it runs: a member that is an expression is taken for possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mllocal.jobs import faults
from mllocal.jobs.literals import items, literal, when
from mllocal.jobs.training_definitions import training_request
from mllocal.jobs.tuning_refusals import definitions_of, tuning_refusals
from mllocal.sagemaker.store import Document

Refusals = Iterator[str]
_PIPE = "is Pipe, which the embedded AWS does not do; use File or FastFile"
_GZIP = "is Gzip, which SageMaker applies in Pipe mode only; leave it out and read the compressed files"
_JSON_TYPES = ("application/json", "application/jsonlines")
_MAX_BUFFERED_MB = 100
_SPOT = "EnableManagedSpotTraining"
_REFUSED_OF_CONTAINERS = {
    "ModelDataSource": "give ModelDataUrl, a model.tar.gz",
    "AdditionalModelDataSources": "put the files into model.tar.gz",
    "InferenceSpecificationName": "the package's InferenceSpecification is used",
}


def refusals(kind: str, request: Document) -> list[str]:
    """Why what `Create<kind>` asks for cannot run here; empty when it can.

    Kinds are `ProcessingJob`, `TrainingJob`, `TransformJob`, `HyperParameterTuningJob`, `Model` and `ModelPackage`.
    """
    return [*_CHECKS[kind](request), *_fault_refusals(request)]


def _fault_refusals(request: Document) -> Refusals:
    texts = [
        literal(request, "Environment", faults.VARIABLE),
        *(
            tag.get("Value")
            for tag in request.get("Tags") or []
            if isinstance(tag, dict) and tag.get("Key") == faults.TAG
        ),
    ]
    for text in texts:
        if isinstance(text, str):
            try:
                found = faults.Faults.parse(text)
            except faults.FaultError as error:
                yield f"{faults.TAG}: {error}"
                continue
            uses_spot = request.get(_SPOT) or literal(request, "TrainingJobDefinition", _SPOT)
            if found.are_of_spot and not uses_spot:
                yield f"{faults.TAG} {text!r} is about spot instances, but the job has none; set {_SPOT}"


def _processing(request: Document) -> Refusals:
    for item in request.get("ProcessingInputs", []):
        name = f"ProcessingInputs[{item.get('InputName')!r}]"
        if "DatasetDefinition" in item:
            yield f"{name}.DatasetDefinition queries Athena or Redshift, which the embedded AWS does not do; use S3Input"
        yield from when(item, ("S3Input", "S3InputMode"), "Pipe", f"{name}.S3Input.S3InputMode {_PIPE}")
        yield from when(item, ("S3Input", "S3CompressionType"), "Gzip", f"{name}.S3Input.S3CompressionType {_GZIP}")
        yield from _path_refusals(item.get("S3Input"), f"{name}.S3Input")
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for output in outputs:
        name = f"ProcessingOutputConfig.Outputs[{output.get('OutputName')!r}]"
        if "FeatureStoreOutput" in output:
            yield f"{name}.FeatureStoreOutput needs Feature Store, which the embedded AWS does not have; use S3Output"
        yield from _path_refusals(output.get("S3Output"), f"{name}.S3Output")
    cluster = literal(request, "ProcessingResources", "ClusterConfig") or {}
    yield from _machines(cluster, "ProcessingResources.ClusterConfig")


def _path_refusals(location: Any, field: str) -> Refusals:
    path = literal({"Location": location}, "Location", "LocalPath")
    if isinstance(path, str) and not path.startswith("/opt/ml/processing/"):
        yield f"{field}.LocalPath must be a folder under /opt/ml/processing/; got {path!r}"


def _machines(resources: Document, field: str) -> Refusals:
    if "InstanceGroups" in resources:
        yield f"{field}.InstanceGroups is not one the embedded AWS does; give InstanceType and InstanceCount"
        return
    preferences = items(resources, "InstancePreferences")
    if "InstanceType" not in resources and "InstancePreferences" not in resources:
        yield f"{field}.InstanceType is missing"
    if "InstanceType" in resources and "InstancePreferences" in resources:
        yield f"{field} has InstanceType and InstancePreferences; give one of them"
    uncounted = [item for item in preferences if "InstanceCount" not in item]
    if "InstanceCount" not in resources and (uncounted or "InstancePreferences" not in resources):
        yield f"{field}.InstanceCount is missing"


def _training(request: Document) -> Refusals:
    specification = request.get("AlgorithmSpecification", {})
    if "TrainingImage" not in specification:
        yield "AlgorithmSpecification.TrainingImage is missing; the embedded AWS runs images, not algorithm names"
    if "ContainerArguments" in specification and "ContainerEntrypoint" not in specification:
        yield "AlgorithmSpecification.ContainerArguments needs ContainerEntrypoint: the embedded AWS knows no image's own"
    yield from when(specification, ("TrainingInputMode",), "Pipe", f"AlgorithmSpecification.TrainingInputMode {_PIPE}")
    for channel in request.get("InputDataConfig", []):
        yield from _channel(channel)
    yield from _machines(request.get("ResourceConfig", {}), "ResourceConfig")
    yield from when(
        request,
        ("OutputDataConfig", "CompressionType"),
        "NONE",
        "OutputDataConfig.CompressionType is NONE; the embedded AWS writes model.tar.gz: use GZIP",
    )
    if "TensorBoardOutputConfig" in request:
        yield "TensorBoardOutputConfig is not one the embedded AWS does; write to /opt/ml/output/data or to MLflow"
    if "ModelPackageConfig" in request:
        yield "ModelPackageConfig is not one the embedded AWS does; register the model in a step of its own, or by CreateModelPackage"
    if "ServerlessJobConfig" in request:
        yield "ServerlessJobConfig trains on AWS's own models, which the embedded AWS does not have"
    checkpoints = literal(request, "CheckpointConfig", "LocalPath")
    if isinstance(checkpoints, str) and not checkpoints.startswith("/opt/ml/"):
        yield f"CheckpointConfig.LocalPath must be a folder under /opt/ml/; got {checkpoints!r}"
    yield from _spot(request)


def _channel(channel: Document) -> Refusals:
    name = f"InputDataConfig[{channel.get('ChannelName')!r}]"
    source = literal(channel, "DataSource", "S3DataSource")
    if source is None:
        yield f"{name}.DataSource has no S3DataSource; the embedded AWS reads channels from S3"
        return
    yield from _data_type(source, f"{name}.DataSource.S3DataSource")
    if "InstanceGroupNames" in source:
        yield f"{name}.DataSource.S3DataSource.InstanceGroupNames needs instance groups, which the embedded AWS does not do"
    yield from when(channel, ("InputMode",), "Pipe", f"{name}.InputMode {_PIPE}")
    yield from when(channel, ("CompressionType",), "Gzip", f"{name}.CompressionType {_GZIP}")
    yield from when(
        channel,
        ("RecordWrapperType",),
        "RecordIO",
        f"{name}.RecordWrapperType is RecordIO, which SageMaker applies in Pipe mode only; leave it out",
    )


def _data_type(source: Document, field: str) -> Refusals:
    data_type = source.get("S3DataType", "S3Prefix")
    if isinstance(data_type, str) and data_type not in ("S3Prefix", "ManifestFile"):
        yield f"{field}.S3DataType {data_type!r} is not one the embedded AWS does; use S3Prefix or ManifestFile"


def _spot(request: Document) -> Refusals:
    if not request.get(_SPOT):
        return
    if literal(request, "ResourceConfig", "InstancePreferences"):
        yield f"ResourceConfig.InstancePreferences are of on-demand instances; leave out {_SPOT} or give InstanceType"
    wait = literal(request, "StoppingCondition", "MaxWaitTimeInSeconds")
    run = literal(request, "StoppingCondition", "MaxRuntimeInSeconds")
    if wait is None or (isinstance(wait, int) and isinstance(run, int) and wait < run):
        yield "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"


def _transform(request: Document) -> Refusals:
    given = request.get("TransformInput", {})
    split = given.get("SplitType", "None")
    content_type = given.get("ContentType", "text/csv")
    yield from _data_type(literal(given, "DataSource", "S3DataSource") or {}, "TransformInput.DataSource.S3DataSource")
    if isinstance(split, str) and split not in ("None", "Line"):
        yield f"TransformInput.SplitType {split!r} is not one the embedded AWS does; use None or Line"
    if split == "Line" and isinstance(content_type, str) and "parquet" in content_type:
        yield f"TransformInput.SplitType Line cannot split {content_type}, which has no lines; use None"
    if literal(request, "DataProcessing", "JoinSource") == "Input":
        yield from _join(request, content_type, split)
    if "DataCaptureConfig" in request:
        yield "DataCaptureConfig is not one the embedded AWS does for transform jobs; leave it out"
    concurrency, payload = request.get("MaxConcurrentTransforms"), request.get("MaxPayloadInMB")
    if isinstance(concurrency, int) and isinstance(payload, int) and concurrency * payload > _MAX_BUFFERED_MB:
        yield (
            f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {_MAX_BUFFERED_MB} MB; "
            f"got {concurrency} * {payload} MB"
        )


def _join(request: Document, content_type: Any, split: Any) -> Refusals:
    accept = literal(request, "TransformOutput", "Accept") or content_type
    if split == "None" and content_type not in _JSON_TYPES and isinstance(content_type, str):
        yield "DataProcessing.JoinSource Input needs TransformInput.SplitType Line, so that there are records to join"
    are_known = isinstance(accept, str) and isinstance(content_type, str)
    if are_known and (accept in _JSON_TYPES) != (content_type in _JSON_TYPES):
        yield f"DataProcessing.JoinSource Input cannot join {accept} to {content_type}; use the same type for both"


def _tuning(request: Document) -> Refusals:
    yield from tuning_refusals(request)
    for field, definition in definitions_of(request):
        yield from (f"{field}.{problem}" for problem in refusals("TrainingJob", training_request(definition)))


def _model(request: Document) -> Refusals:
    containers = request.get("Containers") or [request.get("PrimaryContainer")]
    if not isinstance(containers, list):
        return
    if len(containers) > 1:
        yield f"Containers has {len(containers)} entries; the embedded AWS serves models of one container"
    elif containers[0] is None:
        yield "PrimaryContainer is missing, and Containers too; give one of them"
    else:
        yield from _model_container(containers[0], "Containers[0]" if "Containers" in request else "PrimaryContainer")


def _model_container(container: Document, field: str) -> Refusals:
    if "Image" not in container and "ModelPackageName" not in container:
        yield f"{field} has neither Image nor ModelPackageName; give one of them"
    yield from when(
        container, ("Mode",), "MultiModel", f"{field}.Mode is MultiModel; the embedded AWS serves SingleModel"
    )
    for name, instead in _REFUSED_OF_CONTAINERS.items():
        if name in container:
            yield f"{field}.{name} is not one the embedded AWS does; {instead}"


def _model_package(request: Document) -> Refusals:
    if "ModelPackageGroupName" not in request:
        yield "ModelPackageGroupName is missing; the embedded AWS registers versions of a group"
    specification = request.get("InferenceSpecification", {})
    if not literal(specification, "Containers") and literal(specification, "Get") is None:
        yield "InferenceSpecification.Containers is missing; say which image serves the model"
    if "ValidationSpecification" in request:
        yield "ValidationSpecification runs transform jobs when a package is made, which the embedded AWS does not; use a Transform step"


_CHECKS: dict[str, Callable[[Document], Refusals]] = {
    "ProcessingJob": _processing,
    "TrainingJob": _training,
    "TransformJob": _transform,
    "HyperParameterTuningJob": _tuning,
    "Model": _model,
    "ModelPackage": _model_package,
}
