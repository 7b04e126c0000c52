"""Reading the details of SageMaker's events: times, tags, who, where data is, seeds. Pure.

Members are those of the Describe operation's answer. Times are ISO 8601 or milliseconds since 1970, as number or as text.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from mlrecords.masking import masked, masked_arguments, masked_text
from mlrecords.observations import run_id_of
from mlrecords.record import Code, Data, Metric, Parent
from mlrecords.seeds import seeds_of

Detail = Mapping[str, Any]
Parts = dict[str, Any]
"""Parts of a `RunRecord` by the names of its fields."""

EXECUTION_TAG = "sagemaker:pipeline-execution-arn"
GONE = ("ValidationException", "ResourceNotFound", "ResourceNotFoundException")
"""What SageMaker says of what does not exist, or not any more."""
STEP_TAG = "sagemaker:pipeline-step-name"
_MODEL_PACKAGE = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d+:model-package/[^\s\"',]+")


def part(holder: Detail, *path: str) -> Mapping[str, Any]:
    """The object at a path; empty where there is none."""
    for name in path:
        holder = holder.get(name) or {}
    return holder


def first(items: Iterable[Detail] | None) -> Detail:
    """The first of a list; empty where there is none."""
    return next(iter(items or ()), {})


def milliseconds(value: str | float) -> int:
    """A time in milliseconds since 1970."""
    try:
        return int(float(value))
    except ValueError:
        moment = datetime.fromisoformat(str(value))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def moment(value: str | float | None) -> datetime | None:
    """A time, or None for none."""
    return None if value in (None, "") else datetime.fromtimestamp(milliseconds(value) / 1000, UTC)


def first_moment(detail: Detail, *endings: str) -> datetime | None:
    """The first time in the detail whose name ends so: `TrainingStartTime`, `executionEndTime`."""
    found = (value for ending in endings for name, value in detail.items() if name.endswith(ending) and value)
    return moment(next(found, None))


def tags_in(tags: Mapping[str, str] | Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags from a map, or from a list of `Key` and `Value`, without secrets."""
    pairs = tags.items() if isinstance(tags, Mapping) else ((tag["Key"], tag["Value"]) for tag in tags or ())
    return masked({key: str(value) for key, value in pairs})


def state_of(word: str) -> str:
    """A state in the API's words: events spell those of endpoints `IN_SERVICE`."""
    return "".join(part.title() for part in word.split("_")) if word.isupper() else word


def failure_of(detail: Detail) -> str:
    """Why it failed, without secrets; empty where it did not, which takes away the reason of an earlier attempt."""
    return masked_text(detail.get("FailureReason") or detail.get("failureReason") or "")


def created_by(detail: Detail) -> str | None:
    """Who started it: the user profile or identity that SageMaker names, or else the role that it, or its first job, runs as."""
    person, jobs = part(detail, "CreatedBy"), training_definition(detail)
    named = person.get("UserProfileArn") or part(person, "IamIdentity").get("Arn")
    return named or detail.get("RoleArn") or jobs.get("RoleArn")


def training_definition(detail: Detail) -> Detail:
    """What the training jobs of a tuning job share, or those of its first definition; empty for anything else."""
    return detail.get("TrainingJobDefinition") or first(detail.get("TrainingJobDefinitions"))


def parent(relation: str, arn: str | None) -> dict[str, Parent]:
    """What it came from, by its run id; empty where nothing is known."""
    return {run_id_of(arn): Parent(relation=relation, arn=arn)} if arn else {}


def model_parents(request: Any) -> dict[str, Parent]:
    """The model versions whose ARNs are in what was asked for."""
    arns = sorted(set(_MODEL_PACKAGE.findall(json.dumps(request, default=str))))
    return {run_id: found for arn in arns for run_id, found in parent("model", arn).items()}


def data(uri: str | None, role: str = "data") -> Data | None:
    """Data at a place, or None where the detail names none."""
    return Data(uri=uri, role=role) if uri else None


def channels(configuration: Iterable[Detail] | None) -> dict[str, Data | None]:
    """The input channels of a training job."""
    return {
        channel["ChannelName"]: data(
            part(channel, "DataSource", "S3DataSource").get("S3Uri"),
            role="model" if channel["ChannelName"] == "model" else "data",
        )
        for channel in configuration or ()
    }


def code_of(hyperparameters: Mapping[str, str], command: Iterable[str]) -> Code:
    """The script that AWS's framework images run, or the command of the container."""
    script = _text(hyperparameters.get("sagemaker_program"))
    return Code(
        archive_uri=_text(hyperparameters.get("sagemaker_submit_directory")),
        entry_point=(script,) if script else masked_arguments(tuple(command)),
    )


def own_hyperparameters(hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """Hyperparameters without those that tell AWS's framework images what to run; secrets are masked."""
    return masked({key: str(value) for key, value in hyperparameters.items() if not key.startswith("sagemaker_")})


def seeds_in(*settings: Mapping[str, Any], command: Iterable[str] = ()) -> dict[str, str]:
    """The seeds among settings and the options of a command."""
    words = [word for argument in command for word in argument.split("=", 1)]
    options = {name.lstrip("-"): value for name, value in pairwise(words) if name.startswith("--")}
    return seeds_of(*({key: str(value) for key, value in found.items()} for found in (*settings, options)))


def metric(value: float) -> Metric | None:
    """A metric of one value; None for one that JSON has not."""
    return Metric(value=value) if math.isfinite(value) else None


def request_of(operation: str, detail: Detail) -> dict[str, Any]:
    """What the operation would take to do the same again, without secrets and tags."""
    return masked({name: detail[name] for name in _members(operation) if detail.get(name) is not None})


@cache
def _members(operation: str) -> tuple[str, ...]:
    description = Loader().load_service_model("sagemaker", "service-2")
    members = ServiceModel(description, "sagemaker").operation_model(operation).input_shape.members
    return tuple(name for name in members if name != "Tags")


def _text(value: Any) -> str | None:
    """A hyperparameter as the SageMaker SDK writes it: JSON, or plain text."""
    return None if value is None else str(value).strip('"')
