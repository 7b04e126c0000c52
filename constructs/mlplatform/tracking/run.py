"""`Run`: what a script says of its run while it goes on."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlplatform.tracking import content
from mlplatform.tracking.destinations import Destination, Reproduction
from mlplatform.tracking.errors import TrackError
from mlplatform.tracking.mlflow_run import MlflowRun
from mlplatform.tracking.target import Target
from mlrecords.canonical import digest
from mlrecords.masking import masked, masked_text
from mlrecords.metrics import metric_of
from mlrecords.observations import Observation, facts_of, order_of
from mlrecords.record import Algorithm, Data, Metric, Note
from mlrecords.seeds import seeds_of

SOURCE = "track"
NOTE_KINDS = ("question", "interpretation", "decision", "note")


class Run:
    """A run that goes on; `with track(...) as run` makes it.

    What it is told goes to MLflow at once. Inputs, outputs and notes go to the record at once as well; params, seeds and
    metrics when the run is over, together with what autologging left in MLflow.

    Attributes:
        run_id: of the record: `mlp runs show <run_id>`.
    """

    def __init__(
        self,
        run_id: str,
        *,
        root: Path | None,
        author: str,
        mlflow: MlflowRun,
        target: Target,
        destination: Destination,
    ) -> None:
        self.run_id = run_id
        self._root, self._author, self._mlflow, self._target, self._destination = (
            root,
            author,
            mlflow,
            target,
            destination,
        )
        self._params: dict[str, str] = {}
        self._seeds: dict[str, str] = {}
        self._histories: dict[str, list[tuple[int, float]]] = {}
        self._inputs: dict[str, Data] = {}
        self._outputs: dict[str, str | None] = {}
        self._downloads = tempfile.TemporaryDirectory(prefix="mlplatform-inputs-")

    def input(self, name: str, place: str | Path) -> Path:
        """Pin data that the run reads, and say where it is: read it from there.

        A file or directory is pinned by its content, which is kept in the store up to 64 MiB a file. An S3 object or prefix is pinned
        by its versions, which are downloaded; use `input_uri` where something else reads S3.

        Raises `TrackError` if there is nothing, or if the name was given to other data before.
        """
        prepared = self._prepared(name)
        if prepared is not None:
            return prepared
        if str(place).startswith("s3://"):
            uri = str(place)
            data, objects = content.of_objects(self._target.client("s3"), uri, self._destination.keep)
            self._pin_input(name, data)
            return content.download(self._target.client("s3"), uri, objects, Path(self._downloads.name, name))
        path = Path(place)
        data, _ = content.of_path(path, self._root, self._destination.keep)
        self._pin_input(name, data)
        return path

    def input_uri(self, name: str, uri: str) -> str:
        """Pin an S3 object or prefix that something else reads, such as a query engine; nothing is downloaded. Returns what to read."""
        prepared = self._prepared(name)
        if prepared is not None:
            return str(prepared)
        data, _ = content.of_objects(self._target.client("s3"), uri, self._destination.keep)
        self._pin_input(name, data)
        return uri

    def output(self, name: str, place: str | Path) -> None:
        """Record what the run made: a file, a directory, or an S3 object or prefix. Files are shown in MLflow, too."""
        if str(place).startswith("s3://"):
            data, objects = content.of_objects(self._target.client("s3"), str(place), self._destination.keep)
        else:
            data, objects = content.of_path(Path(place), self._root, self._destination.keep)
            self._mlflow.log_artifact(Path(place), name)
        self._outputs[name] = objects[0].sha256 if len(objects) == 1 else data.version
        self._say(outputs={name: data})

    def param(self, name: str, value: object) -> None:
        """Record a setting of the algorithm."""
        self.params(**{name: value})

    def params(self, **params: object) -> None:
        """Record settings of the algorithm, by name."""
        shown = {name: str(value) for name, value in masked({key: str(value) for key, value in params.items()}).items()}
        self._params |= shown
        for name, value in shown.items():
            self._mlflow.log_param(name, value)

    def seed(self, seed: int) -> int:
        """Seed Python's `random`, and NumPy's and PyTorch's global generators if they are imported; record the seed and return it."""
        random.seed(seed)
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed(seed)
        if torch := sys.modules.get("torch"):
            torch.manual_seed(seed)
        self.seeds(seed=seed)
        return seed

    def seeds(self, **seeds: int) -> None:
        """Record seeds that the script sets itself, by name."""
        self._seeds |= {name: str(value) for name, value in seeds.items()}
        for name, value in seeds.items():
            self._mlflow.log_param(name, str(value))

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Record a figure, at a step of the run where there are several. The last step's is the metric of the run."""
        self._histories.setdefault(name, []).append((step, float(value)))
        self._mlflow.log_metric(name, float(value), step)

    def metrics(self, step: int = 0, **values: float) -> None:
        """Record several figures, by name."""
        for name, value in values.items():
            self.metric(name, value, step)

    def note(self, text: str, kind: str = "note") -> None:
        """Write down what this run asks or shows: `kind` is `question`, `interpretation`, `decision` or `note`.

        Raises `TrackError` for another kind.
        """
        if kind not in NOTE_KINDS:
            raise TrackError(f"a note is no {kind!r}; use one of {', '.join(NOTE_KINDS)}")
        note = Note(kind=kind, text=masked_text(text), author=self._author, at=datetime.now(UTC))
        self._say(notes={digest(f"{note.at.isoformat()} {text}".encode())[7:19]: note})
        if kind == "question":
            self._mlflow.set_tag("mlflow.note.content", note.text)

    def tag(self, name: str, value: str) -> None:
        """Tag the run."""
        self._say(tags=masked({name: value}))
        self._mlflow.set_tag(name, value)

    def conclude(self) -> dict[str, Any]:
        """Facts that are complete when the run is over. `track` calls it."""
        params, metrics = self._mlflow.logged()
        said = {name: found for name, history in self._histories.items() if (found := metric_of(history)) is not None}
        hyperparameters = {**masked(params), **self._params}
        hyperparameters = {name: value for name, value in hyperparameters.items() if name not in self._seeds}
        found_seeds = {name: seed for name, seed in seeds_of(hyperparameters).items() if seed != "None"}
        algorithm = Algorithm(hyperparameters=hyperparameters, seeds={**found_seeds, **self._seeds})
        self._downloads.cleanup()
        self._leave_result({**metrics, **said})
        return facts_of({"algorithm": algorithm, "metrics": {**metrics, **said}, "tags": self._not_finite()})

    def _not_finite(self) -> dict[str, str]:
        last = {name: max(history, key=lambda one: one[0])[1] for name, history in self._histories.items()}
        return {f"metric.{name}": str(value) for name, value in last.items() if metric_of([(0, value)]) is None}

    def _leave_result(self, metrics: Mapping[str, Metric]) -> None:
        if isinstance(self._destination, Reproduction):
            self._destination.write_result({name: found.value for name, found in metrics.items()}, self._outputs)

    def _prepared(self, name: str) -> Path | None:
        return self._destination.input(name) if isinstance(self._destination, Reproduction) else None

    def _pin_input(self, name: str, data: Data) -> None:
        known = self._inputs.setdefault(name, data)
        if known.version != data.version:
            raise TrackError(f"input {name!r} was {known.uri} before and has other content now; give it another name")
        self._say(is_pin=True, inputs={name: data})

    def _say(self, *, is_pin: bool = False, **facts: Any) -> None:
        self._destination.send(observation(self.run_id, facts_of(facts), is_pin=is_pin))


def observation(run_id: str, facts: Mapping[str, Any], *, is_pin: bool = False, decided: bool = False) -> Observation:
    """What is known of a run at this moment."""
    order = order_of(time.time_ns() // 1_000_000, decided=decided)
    return Observation(run_id=run_id, source=SOURCE, order=order, facts=facts, is_pin=is_pin)
