"""`track`: a block or a function whose run is recorded."""

from __future__ import annotations

import functools
import getpass
import inspect
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TypeVar

from mlplatform.tracking import surroundings
from mlplatform.tracking.destinations import REPRODUCING, Outbox, Reproduction
from mlplatform.tracking.errors import TrackError
from mlplatform.tracking.mlflow_run import MlflowRun
from mlplatform.tracking.run import Run, observation
from mlplatform.tracking.target import OfflineError, Target, find_target
from mlrecords.git import Checkout
from mlrecords.masking import masked, masked_text
from mlrecords.observations import facts_of, run_id_of
from mlrecords.record import Identity, Parent, Pinned, Status

Function = TypeVar("Function", bound=Callable[..., Any])

UNTAGGED = "untagged"
_LONGEST_REASON = 1024  # As SageMaker's own reasons of failure.
_JOB_ARNS = ("TRAINING_JOB_ARN", "PROCESSING_JOB_ARN")
_MLFLOW_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}


class Terminated(SystemExit):
    """SIGTERM while a run was tracked; it ends the process as it would without."""


class track:  # noqa: N801 - it reads as a statement
    """Record what a block, or each call of a function, does: what it ran as, on what, with what, and what came out.

        with track("residuals by age", question="Does age alone do?") as run:
            data = run.input("train", "data/train.csv")
            run.params(depth=3)
            run.metric("rmse", 41.2)
            run.output("model", "model.pkl")

    As a decorator it also records arguments that are texts, numbers or flags, and passes the run to a parameter called `run`.

    When it starts, the record holds the commit and a patch of what is not committed, the command, Python and every installed
    package, and who runs it; a process that is killed leaves that. It is an MLflow run as well: `mlflow.autolog()` before or in it
    works, and what it logs is in the record. Failures and interrupts are recorded with their reason and passed on.

    Without a network the work goes on: a warning says where the record waits for the next run.

    Args:
        name: of the run; the script's or function's name when not given.
        question: what the run is to answer.
        project: the experiment; MLFLOW_EXPERIMENT_NAME when not given, or else `untagged`.
        tags: of the run.
        variables: names of further environment variables to record; secrets are masked.

    Raises `TrackError` when the account has no experiment store, or MLflow is not there: before the work, not after it.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        question: str | None = None,
        project: str | None = None,
        tags: Mapping[str, str] | None = None,
        variables: Iterable[str] = (),
    ) -> None:
        self._name = name
        self._question = question
        self._project = project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or UNTAGGED
        self._tags = dict(tags or {})
        self._variables = tuple(variables)

    def __call__(self, function: Function) -> Function:
        """The function, each call of which is a run. Raises `TrackError` for one that has not done its work when it returns."""
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise TrackError(f"{function.__qualname__} goes on after its call; use `with track(...)` inside of it")
        signature = inspect.signature(function)

        @functools.wraps(function)
        def tracked(*args: Any, **kwargs: Any) -> Any:
            with self._again(function.__qualname__) as run:
                if "run" in signature.parameters:
                    kwargs.setdefault("run", run)
                bound = signature.bind(*args, **kwargs)
                bound.apply_defaults()
                simple = {key: it for key, it in bound.arguments.items() if isinstance(it, str | int | float | bool)}
                run.params(**simple)
                return function(*args, **kwargs)

        return tracked  # type: ignore[return-value]

    def __enter__(self) -> Run:
        target = find_target(Path.cwd())
        self._destination = _destination(target)
        who = _Who.of(self._destination)
        found = surroundings.checkout()
        name = self._name or _script_name()
        self._mlflow = MlflowRun.start(name, self._project, self._tracking_uri(who))
        self._run = Run(
            self._mlflow.run_id if who.is_known else uuid.uuid4().hex,
            root=None if found is None else found.root,
            author=who.name,
            mlflow=self._mlflow,
            target=target,
            destination=self._destination,
        )
        self._pin(found)
        self._begin(name, who)
        self._handler = _raise_when_terminated()
        return self._run

    def _pin(self, found: Checkout | None) -> None:
        pins = {
            "code": surroundings.code(found, self._destination.keep),
            "environment": surroundings.environment(self._variables),
            "pinned": Pinned(at=datetime.now(UTC), state="InProgress"),
        }
        self._destination.send(observation(self._run.run_id, facts_of(pins), is_pin=True))

    def _begin(self, name: str, who: _Who) -> None:
        now = datetime.now(UTC)
        identity = Identity(
            kind="script",
            name=name,
            project=self._project,
            account=who.account,
            region=who.region,
            created_at=now,
            created_by=who.name,
            mlflow_run_id=self._mlflow.run_id if who.is_known else None,
        )
        started = {
            "identity": identity,
            "status": Status(state="InProgress", started_at=now),
            "tags": masked(self._tags),
            "parents": _jobs_around(),
        }
        self._destination.send(observation(self._run.run_id, facts_of(started)))
        if self._question is not None:
            self._run.note(self._question, kind="question")

    def _tracking_uri(self, who: _Who) -> Callable[[], str]:
        """MLflow's, or a database of its own for what MLflow of the account cannot show now."""
        if who.is_known and isinstance(self._destination, Outbox):
            target = self._destination.target
            return lambda: target.mlflow_uri(self._project)
        self._destination.directory.mkdir(parents=True, exist_ok=True)
        return lambda: f"sqlite:///{self._destination.directory / 'mlflow.db'}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)
        state, reason = _outcome(error)
        status = Status(state=state, ended_at=datetime.now(UTC), failure_reason=reason)
        facts = {**self._run.conclude(), **facts_of({"status": status})}
        self._destination.send(observation(self._run.run_id, facts, decided=True))
        self._mlflow.end(_MLFLOW_STATUS[state])

    def _again(self, function_name: str) -> track:
        """One of its own for each call, since calls may be nested or at once."""
        return track(
            self._name or function_name,
            question=self._question,
            project=self._project,
            tags=self._tags,
            variables=self._variables,
        )


@dataclass(frozen=True)
class _Who:
    """Whoever runs this: known to AWS, or only to this machine."""

    name: str
    account: str | None = None
    region: str | None = None

    @property
    def is_known(self) -> bool:
        return self.account is not None

    @classmethod
    def of(cls, destination: Outbox | Reproduction) -> _Who:
        """Raises `TrackError` if AWS can be reached and has no store: before the work, not after it."""
        if isinstance(destination, Outbox):
            with suppress(OfflineError):
                _ = destination.store
                caller = destination.target.caller
                return cls(caller["arn"], caller["account"], caller["region"])
        return cls(getpass.getuser())


def _destination(target: Target) -> Outbox | Reproduction:
    reproducing = os.environ.get(REPRODUCING)
    return Outbox.of(target) if reproducing is None else Reproduction(Path(reproducing))


def _outcome(error: BaseException | None) -> tuple[str, str | None]:
    """How the run ended, in SageMaker's words."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "Completed", None
    reason = masked_text(f"{type(error).__name__}: {error}".removesuffix(": "))[:_LONGEST_REASON]
    stopped = isinstance(error, KeyboardInterrupt | Terminated)
    return "Stopped" if stopped else "Failed", reason


def _script_name() -> str:
    file = surroundings.script()
    return "notebook" if file is None else file.stem


def _jobs_around() -> Mapping[str, Parent]:
    """The SageMaker job in which this runs."""
    arns = [os.environ[name] for name in _JOB_ARNS if name in os.environ]
    return {run_id_of(arn): Parent(relation="job", arn=arn) for arn in arns}


def _raise_when_terminated() -> Any:
    """Have SIGTERM, which spot capacity and schedulers send, end the block in order; the handler that was there, or None."""
    is_default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if threading.current_thread() is not threading.main_thread() or not is_default:
        return None

    def raise_terminated(number: int, frame: FrameType | None) -> None:
        raise Terminated(128 + number)

    return signal.signal(signal.SIGTERM, raise_terminated)
