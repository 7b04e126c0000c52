"""Shows records in MLflow: one MLflow run for each record, which says what the record says now; and tells the capture what jobs logged.

The queue hands over the messages of a run one after the other (they are a group), so nobody else makes an MLflow run for the same
record meanwhile. If the function stops after it made one, the next delivery finds that by its tag.

Environment: RECORDS_BUCKET, CAPTURE_QUEUE_URL, MLFLOW_APP_ARN, and AWS_ENDPOINT_URL_MLFLOW if the server is not the app's own.
"""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3

from mlrecords.codec import to_json
from mlrecords.observations import Observation, order_of
from mlrecords.record import RunRecord
from mlrecords.sending import DETAIL_TYPE, SOURCE
from mlrecords.store import RecordStore, RunNotFoundError

from .mlflow_api import Mlflow
from .mlflow_run import RUN_TAG, MlflowRun, mlflow_run_of
from .mlflow_runs import LOGGED_TAG, app_of, logged

UNTAGGED = "untagged"
SHOWN_BY_THEIR_JOBS = ("pipeline-step",)
_LOG = logging.getLogger(__name__)
_client = cache(boto3.client)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Show a batch of runs. Those that failed come again, with what comes after them of the same run."""
    store = RecordStore(_client("s3"), os.environ["RECORDS_BUCKET"])
    client_of = partial(Mlflow, endpoint=os.environ.get("AWS_ENDPOINT_URL_MLFLOW"))
    mlflow = client_of(os.environ["MLFLOW_APP_ARN"])
    return Projection(store, mlflow, _tell_capture, client_of).batch(event["Records"])


def _tell_capture(observation: Observation) -> None:
    event = {"detail-type": DETAIL_TYPE, "source": SOURCE, "detail": to_json(observation)}
    _client("sqs").send_message(QueueUrl=os.environ["CAPTURE_QUEUE_URL"], MessageBody=json.dumps(event))


@dataclass(frozen=True)
class Projection:
    """Shows runs of `store` in `mlflow`; `tell_capture` sends an observation, `client_of` reaches the MLflow app of a project."""

    store: RecordStore
    mlflow: Mlflow
    tell_capture: Callable[[Observation], None]
    client_of: Callable[[str], Mlflow] = Mlflow

    def batch(self, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Show the runs of messages of SQS, each once, and say which failed."""
        by_run: dict[str, list[str]] = {}
        for message in messages:
            by_run.setdefault(json.loads(message["body"])["run_id"], []).append(message["messageId"])
        failed: list[str] = []
        for run_id, message_ids in by_run.items():
            try:
                self.show(run_id)
            except Exception:  # noqa: BLE001 - whatever is wrong with one run, the others are shown
                _LOG.exception("run %s is not shown in MLflow; the queue delivers it again", run_id)
                failed += message_ids
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def show(self, run_id: str) -> str | None:
        """Have MLflow show what the record says; the id of its run there, or None for what is not shown or was deleted there."""
        record = self.store.record(run_id)
        if record.identity.kind in SHOWN_BY_THEIR_JOBS:
            return None
        wanted = mlflow_run_of(record, seen_ms=_now_ms(), parent_run_id=self._parent(record))
        found = self._find(record)
        shown_as = self._make(record, wanted) if found is None else found
        run = self.mlflow.get("runs/get", run_id=shown_as)["run"]
        if run["info"]["lifecycle_stage"] == "deleted":
            return None
        self._bring_up_to_date(run, wanted)
        if record.identity.mlflow_run_id is None:
            self.tell_capture(_shown_as(record, shown_as))
        self._tell_what_it_logged(record)
        return shown_as

    def _tell_what_it_logged(self, record: RunRecord) -> None:
        """Once for each job: what its own code logged, `mlflow.autolog()` for instance, belongs to its record."""
        app = app_of(record)
        if app is not None and LOGGED_TAG not in record.tags:
            for observation in logged(record, self.client_of(app)):
                self.tell_capture(observation)

    def _find(self, record: RunRecord) -> str | None:
        """The MLflow run of a record, in the experiment of its project or in that of runs without one.

        An imported record names a run of the MLflow where it comes from, which this one may not have.
        """
        named = record.identity.mlflow_run_id
        if named is not None and self.mlflow.run(named) is not None:
            return named
        names = {record.identity.project or UNTAGGED, UNTAGGED}
        experiments = [found for name in sorted(names) if (found := self.mlflow.find_experiment(name)) is not None]
        return self.mlflow.find_run(experiments, RUN_TAG, record.run_id) if experiments else None

    def _make(self, record: RunRecord, wanted: MlflowRun) -> str:
        made = self.mlflow.post(
            "runs/create",
            experiment_id=self.mlflow.experiment_id(record.identity.project or UNTAGGED),
            run_name=wanted.name,
            start_time=wanted.started_ms,
            tags=[{"key": RUN_TAG, "value": record.run_id}],
        )
        return str(made["run"]["info"]["run_id"])

    def _bring_up_to_date(self, run: Mapping[str, Any], wanted: MlflowRun) -> None:
        """Write what the run lacks or has otherwise. MLflow's params cannot change, and metrics only grow."""
        info, held = run["info"], run["data"]
        tags = {tag["key"]: tag["value"] for tag in held.get("tags", [])}
        params = {param["key"] for param in held.get("params", [])}
        last = {metric["key"]: (int(metric.get("step", 0)), metric["value"]) for metric in held.get("metrics", [])}
        timestamp = wanted.ended_ms or _now_ms()
        self.mlflow.log(
            info["run_id"],
            params={key: value for key, value in wanted.params.items() if key not in params},
            metrics=[
                {"key": name, "value": value, "timestamp": timestamp, "step": step}
                for (name, step), value in sorted(wanted.metrics.items(), key=lambda found: found[0][1])
                if name not in last or (step, value) > last[name]
            ],
            tags={key: value for key, value in wanted.tags.items() if tags.get(key) != value},
        )
        if (info["status"], info.get("end_time")) != (wanted.status, wanted.ended_ms):
            self.mlflow.post("runs/update", run_id=info["run_id"], status=wanted.status, end_time=wanted.ended_ms)

    def _parent(self, record: RunRecord) -> str | None:
        """The MLflow run of the execution or tuning job that a run is part of, if it is shown already."""
        parents = (run_id for run_id, found in record.parents.items() if found.relation in ("tuning", "execution"))
        for run_id in parents:
            try:
                return self.store.record(run_id).identity.mlflow_run_id
            except RunNotFoundError:
                continue
        return None


def _shown_as(record: RunRecord, mlflow_run_id: str) -> Observation:
    """The first MLflow run of a record stays its run."""
    facts = {"identity": {"mlflow_run_id": mlflow_run_id}}
    return Observation(run_id=record.run_id, source="mlflow", order=order_of(_now_ms()), facts=facts, is_pin=True)


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
