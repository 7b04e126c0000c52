"""What a job logged to MLflow itself, by `mlflow.autolog()` for instance, as part of the record of the job.

Pipelines give a job the variables that MLflow reads (`mlpipelines.mlflow`): where to log, and tags that name the job. So the runs of a
job are those with its tags, that were started while it ran: a step that is tried again has several jobs.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mlrecords.masking import masked
from mlrecords.metrics import metric_of
from mlrecords.observations import Observation, facts_of, order_of
from mlrecords.record import Algorithm, Data, Metric, RunRecord
from mlrecords.seeds import seeds_of
from mlrecords.sending import parts_of
from mlrecords.states import is_over

from .mlflow_api import Mlflow, MlflowError

SOURCE = "mlflow"
LOGGED_TAG = "mlflow.run_id"
"""The run that a job logged itself, among the tags of its record."""
MOST_METRICS = 500
_PAGE = 1000
_CLOCKS = timedelta(minutes=1)  # By which the clocks of a job and of SageMaker may differ.
_SYSTEM_METRICS = "system/"  # MLflow's own, of the machine.

Json = Mapping[str, Any]


def app_of(record: RunRecord) -> str | None:
    """ARN of the MLflow app or tracking server that a job of a pipeline logs to; None for a job that has none."""
    variables = record.environment.variables
    uri = variables.get("MLFLOW_TRACKING_URI", "")
    return uri if uri.startswith("arn:") and "MLFLOW_RUN_CONTEXT" in variables else None


def logged(record: RunRecord, mlflow: Mlflow) -> tuple[Observation, ...]:
    """What the job logged, once it is over, in parts that fit into messages; nothing if it logged nothing.

    Asked again, it is the same. `mlflow` is a client of `app_of(record)`. Raises `MlflowError`.
    """
    if not is_over(record.status.state):
        return ()
    runs = [run for run in _runs(record, mlflow) if _was_started_by(run, record)]
    if not runs:
        return ()
    first = min(runs, key=lambda run: int(run["info"]["start_time"]))
    histories = {name: _history(mlflow, first, name) for name in _metric_names(first)}
    artifacts = mlflow.get("artifacts/list", run_id=first["info"]["run_id"]).get("files", [])
    return tuple(parts_of(observation_of(record, first, histories, artifacts)))


def observation_of(
    record: RunRecord, run: Json, histories: Mapping[str, Sequence[Json]], artifacts: Sequence[Json]
) -> Observation:
    """An MLflow run as part of the record of its job. What the job was told itself, its own hyperparameters, stays. Pure."""
    params = {param["key"]: param["value"] for param in run["data"].get("params", [])}
    known = record.algorithm.hyperparameters
    new = {name: value for name, value in masked(params).items() if name not in known}
    seeds = {name: seed for name, seed in seeds_of(new).items() if seed != "None"}
    facts = {
        "algorithm": Algorithm(hyperparameters=new, seeds=seeds),
        "metrics": _metrics(histories),
        "outputs": {
            f"mlflow/{file['path']}": Data(uri=f"{run['info']['artifact_uri'].rstrip('/')}/{file['path']}")
            for file in artifacts
        },
        "tags": {LOGGED_TAG: run["info"]["run_id"]},
    }
    return Observation(
        run_id=record.run_id, source=SOURCE, order=order_of(_last(run, histories)), facts=facts_of(facts)
    )


def _runs(record: RunRecord, mlflow: Mlflow) -> list[Json]:
    """The runs with the job's tags that are in no other run, of the experiment that it logs to."""
    variables = record.environment.variables
    tags = json.loads(variables["MLFLOW_RUN_CONTEXT"])
    try:
        found = mlflow.get(
            "experiments/get-by-name", experiment_name=variables.get("MLFLOW_EXPERIMENT_NAME", "Default")
        )
    except MlflowError as error:
        if error.code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return []
    wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in sorted(tags.items()))
    answer = mlflow.post(
        "runs/search", experiment_ids=[found["experiment"]["experiment_id"]], filter=wanted, max_results=_PAGE
    )
    runs: list[Json] = answer.get("runs", [])
    return [run for run in runs if "mlflow.parentRunId" not in {tag["key"] for tag in run["data"].get("tags", [])}]


def _was_started_by(run: Json, record: RunRecord) -> bool:
    started = int(run["info"]["start_time"])
    earliest, latest = record.status.started_at, record.status.ended_at
    return (earliest is None or started >= _ms(earliest - _CLOCKS)) and (
        latest is None or started <= _ms(latest + _CLOCKS)
    )


def _metric_names(run: Json) -> list[str]:
    names = sorted(metric["key"] for metric in run["data"].get("metrics", []))
    return [name for name in names if not name.startswith(_SYSTEM_METRICS)][:MOST_METRICS]


def _history(mlflow: Mlflow, run: Json, name: str) -> list[Json]:
    return list(_pages(mlflow, run_id=run["info"]["run_id"], metric_key=name, max_results=str(_PAGE)))


def _pages(mlflow: Mlflow, **query: str) -> Iterator[Json]:
    token = ""
    while True:
        answer = mlflow.get("metrics/get-history", **query, **({"page_token": token} if token else {}))
        yield from answer.get("metrics", [])
        token = answer.get("next_page_token", "")
        if not token:
            return


def _metrics(histories: Mapping[str, Sequence[Json]]) -> dict[str, Metric]:
    found = {
        name: metric_of((int(one.get("step", 0)), float(one["value"])) for one in history)
        for name, history in histories.items()
    }
    return {name: metric for name, metric in found.items() if metric is not None}


def _last(run: Json, histories: Mapping[str, Sequence[Json]]) -> int:
    """When the run was last told something, in milliseconds: the same for the same content."""
    told = (int(one["timestamp"]) for history in histories.values() for one in history)
    return max(int(run["info"].get("end_time", 0)), int(run["info"]["start_time"]), *told)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
