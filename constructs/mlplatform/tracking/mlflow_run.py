"""The MLflow side of a run: what people look at, and what autologging writes to."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mlplatform.tracking.errors import TrackError
from mlrecords.metrics import metric_of
from mlrecords.record import Metric

_SYSTEM_METRICS = "system/"  # MLflow's own, of the machine.


@dataclass(frozen=True)
class MlflowRun:
    """An active run of MLflow. MLflow shows a run and is not the record of it: when it fails, a warning says so and the work goes on."""

    run_id: str
    _mlflow: Any

    @classmethod
    def start(cls, name: str, project: str, tracking_uri: Callable[[], str]) -> MlflowRun:
        """Start a run, nested in the one that is active, with the project's experiment. Raises `TrackError`.

        A tracking URI that was set before counts.
        """
        try:
            mlflow: Any = import_module("mlflow")  # Takes seconds, so only now.
        except ImportError as error:
            raise TrackError("MLflow is not installed; pip install 'mlplatform[track]'") from error
        if not mlflow.is_tracking_uri_set():
            mlflow.set_tracking_uri(tracking_uri())
        try:
            is_nested = mlflow.active_run() is not None
            if not is_nested:
                mlflow.set_experiment(project)
            started = mlflow.start_run(run_name=name, nested=is_nested)
        except Exception as error:
            uri = mlflow.get_tracking_uri()
            raise TrackError(f"MLflow at {uri} does not start a run: {error}") from error
        return cls(started.info.run_id, mlflow)

    def log_param(self, name: str, value: str) -> None:
        """Show a param."""
        with self._shown(f"param {name}"):
            self._client.log_param(self.run_id, name, value)

    def log_metric(self, name: str, value: float, step: int) -> None:
        """Show a metric."""
        with self._shown(f"metric {name}"):
            self._client.log_metric(self.run_id, name, value, step=step)

    def set_tag(self, name: str, value: str) -> None:
        """Show a tag."""
        with self._shown(f"tag {name}"):
            self._client.set_tag(self.run_id, name, value)

    def log_artifact(self, path: Path, name: str) -> None:
        """Show a file or a directory."""
        with self._shown(f"artifact {name}"):
            log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
            log(self.run_id, str(path), name)

    def logged(self) -> tuple[dict[str, str], dict[str, Metric]]:
        """Params and metrics that the run has in MLflow, whoever logged them."""
        params: dict[str, str] = {}
        metrics: dict[str, Metric] = {}
        with self._shown("what was logged"):
            data = self._client.get_run(self.run_id).data
            params = dict(data.params)
            for name in data.metrics:
                if name.startswith(_SYSTEM_METRICS):
                    continue
                history = self._client.get_metric_history(self.run_id, name)
                found = metric_of((one.step, one.value) for one in history)
                if found is not None and math.isfinite(found.value):
                    metrics[name] = found
        return params, metrics

    def end(self, status: str) -> None:
        """End it as FINISHED, FAILED or KILLED."""
        with self._shown("the end of the run"):
            self._mlflow.end_run(status)

    @property
    def _client(self) -> Any:
        return self._mlflow.MlflowClient()

    @contextmanager
    def _shown(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever MLflow or its plugins raise must not end hours of training
            warnings.warn(f"MLflow does not show {what}: {error}; the record of the run has it", stacklevel=4)
