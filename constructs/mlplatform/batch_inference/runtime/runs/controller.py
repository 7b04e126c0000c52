"""The Lambda that decides about the runs of one pipeline: it alone starts, retries, replaces and tells.

Events: `{"start": {"scheduled_at", "because", "again", "input_uri"}}`, `{"starts": [...], "parallel": 2}`, the state change
of an execution of this pipeline, or of the one that measures its quality, `{"tick": true}`, or a deployment's. Whatever the
event is, everything is looked at: an event that got lost is made up for by the next one, and one that comes twice finds
nothing to do. That a measurement failed is told by its event alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from attempts.failures import Failure
from attempts.looks import plan_look
from mlrecords.codec import InvalidDocumentError, from_json
from runs import alerts, deployment, outbox
from runs.executions import Executions
from runs.forecast import Forecast, forecasts
from runs.metrics import put_metrics
from runs.outbox import Effect, LookAgain, StartExecution, StopExecution, Tell
from runs.settings import Settings
from runs.state import Because, QueuedRun, State, Subject
from runs.store import Store
from runs.transitions import Answer, Ending, Policy, end, start, tell_late, tell_unmeasured

TICK = {"tick": True}
NEXT_LOOK = "next-look"
ROUNDS = 5  # Each confirmation may ask for something new; what is left, the next event finds.

Change = Callable[[State], State]


@dataclass(frozen=True)
class Start:
    """A run that is due. Runs for a moment are called by it; `run_id` is for those that are not."""

    scheduled_at: datetime
    because: Because = Because.SCHEDULE
    again: bool = False
    input_uri: str | None = None
    run_id: str | None = None

    def queued(self) -> QueuedRun:
        """The run, as the state holds it."""
        run_id = self.run_id or run_id_of(self.scheduled_at)
        return QueuedRun(run_id, self.scheduled_at, self.because, self.again, self.input_uri)


@dataclass(frozen=True)
class Event:
    """What the controller is asked for; nothing in particular, when it is to look around."""

    start: Start | None = None
    starts: tuple[Start, ...] = ()
    parallel: int | None = None
    tick: bool = False
    failed_execution: str | None = None

    @property
    def wanted(self) -> list[QueuedRun]:
        """All runs that are due."""
        return [found.queued() for found in (*([self.start] if self.start else []), *self.starts)]


class UnfinishedError(Exception):
    """Something that had to be done in AWS failed; it stays in the state, and is tried again with the next event."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Decide, act, answer what became of each wanted run. What is raised brings the event back, twice."""
    if not deployment.is_request(event):
        return _controller(context).handle(event_of(event), datetime.now(UTC))
    try:
        return {} if deployment.is_deletion(event) else _controller(context).handle(Event(tick=True), datetime.now(UTC))
    finally:
        # Also if it could not look: to tell that is up to the alarms.
        deployment.answer(event)


def _controller(context: Any) -> "Controller":
    settings = Settings.from_environment()
    s3 = boto3.client("s3")
    return Controller(
        settings=settings,
        store=Store(s3, settings.state_uri),
        executions=Executions(boto3.client("sagemaker"), s3, settings),
        sns=boto3.client("sns"),
        cloudwatch=boto3.client("cloudwatch"),
        scheduler=boto3.client("scheduler"),
        function_arn=context.invoked_function_arn,
    )


def event_of(event: Mapping[str, Any]) -> Event:
    """What an event asks for. Raises InvalidDocumentError with every problem."""
    if "detail-type" in event:
        detail = event["detail"]
        failed = detail.get("currentPipelineExecutionStatus") == "Failed"
        return Event(failed_execution=detail["pipelineExecutionArn"] if failed else None)
    asked = from_json(Event, dict(event), "event")
    if asked.parallel is not None and asked.parallel < 1:
        raise InvalidDocumentError(f"event.parallel is {asked.parallel}; at least 1 backfill run has to be allowed")
    if not (asked.wanted or asked.tick):
        raise InvalidDocumentError("event asks for nothing; give start, starts or tick")
    return asked


def run_id_of(scheduled_at: datetime) -> str:
    """The id of the run for a moment: `2026-11-24T080000Z`."""
    return scheduled_at.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")


@dataclass(frozen=True)
class Controller:
    """The controller, with what it needs of AWS."""

    settings: Settings
    store: Store
    executions: Executions
    sns: Any
    cloudwatch: Any
    scheduler: Any
    function_arn: str
    problems: list[str] = field(default_factory=list)

    def handle(self, event: Event, now: datetime) -> dict[str, Any]:
        """Look, decide in one change of the state, then act. Raises UnfinishedError with all that could not be done."""
        looked = (self.executions.ending(run_id, run) for run_id, run in self.store.read().active.items())
        endings = [ending for ending in looked if ending is not None]
        unmeasured = self._unmeasured(event)
        answers, effects = self.store.transact(lambda state: self._decide(state, event, endings, unmeasured, now))
        self._act(effects, now)
        if event.tick:
            self._measure(self.store.read(), now)
        if self.problems:
            raise UnfinishedError(f"not all is done, the rest is tried again: {'; '.join(self.problems)}")
        return {"runs": {run_id: answer.value for run_id, answer in answers.items()}}

    def _decide(
        self,
        state: State,
        event: Event,
        endings: Sequence[Ending],
        unmeasured: tuple[str, Failure] | None,
        now: datetime,
    ) -> tuple[State, tuple[dict[str, Answer], tuple[Effect, ...]]]:
        policy, answers = Policy.of(self.settings), {}
        for ending in endings:
            state = end(state, ending, now, policy)
        if event.parallel is not None:
            state = replace(state, backfill_parallel=event.parallel)
        for wanted in event.wanted:
            # Looked up after the state was read: a run that is not active by then has published, or never will.
            published = not wanted.again and self.executions.published_generation(wanted.run_id) is not None
            state, answers[wanted.run_id] = start(state, wanted, now, policy, published=published)
        if unmeasured is not None:
            state = tell_unmeasured(state, *unmeasured, now)
        for late in self._forecasts(state, now):
            if late.late_seconds > 0:
                state = tell_late(state, late.run_id, late.finish_at, late.deadline_at, now)
        state, effects = outbox.due(state, now)
        return state, (answers, effects)

    def _unmeasured(self, event: Event) -> tuple[str, Failure] | None:
        """The execution that failed, and why, if it is not of this pipeline: the rule lets in only one other, which measures."""
        arn = event.failed_execution
        if arn is None or arn.startswith(f"{self.settings.pipeline_arn}/"):
            return None
        return arn, self.executions.failure(arn)

    def _forecasts(self, state: State, now: datetime) -> list[Forecast]:
        return [] if self.settings.deadline is None else forecasts(state, self.settings.deadline, now)

    def _act(self, effects: Iterable[Effect], now: datetime) -> None:
        """Carry out and confirm, until nothing new is asked for. One effect that fails stops no other."""
        for _ in range(ROUNDS):
            confirmations = [change for effect in effects if (change := self._carry_out(effect, now)) is not None]
            if not confirmations:
                return

            def confirm(state: State, changes: Sequence[Change] = confirmations) -> tuple[State, tuple[Effect, ...]]:
                for change in changes:
                    state = change(state)
                return outbox.due(state, now)

            effects = self.store.transact(confirm)

    def _carry_out(self, effect: Effect, now: datetime) -> Change | None:
        """Do one thing; what confirms it, if it needs to be."""
        try:
            if isinstance(effect, StartExecution):
                return self._start(effect, now)
            if isinstance(effect, StopExecution):
                self.executions.stop(effect.execution_arn)
            elif isinstance(effect, LookAgain):
                self._look_again(effect.at)
            else:
                return self._tell(effect)
        except ClientError as error:
            self.problems.append(f"{type(effect).__name__}: {error}")
        return None

    def _start(self, effect: StartExecution, now: datetime) -> Change | None:
        started = self.executions.start(effect)
        if isinstance(started, Ending):
            ending = started
            return lambda state: end(state, ending, now, Policy.of(self.settings))
        if started is None:
            return None
        arn = started
        return lambda state: outbox.confirm_started(state, effect.run_id, effect.fence, arn)

    def _tell(self, effect: Tell) -> Change:
        notice = effect.notice
        if notice.subject is not Subject.PUBLISHED and self.settings.topic_arn is not None:
            alerts.publish(self.sns, notice, self.settings)
        if notice.subject not in (Subject.LATE, Subject.UNMEASURED):
            failed = notice.subject is Subject.FAILED
            self._put({"Attempts": float(notice.attempts), "FailedRuns": float(failed)}, notice.at)
        return lambda state: outbox.confirm_told(state, notice.notice_id)

    def _look_again(self, at: datetime) -> None:
        """Wake this function when an attempt is due. Without it, or if it fails to, a tick does."""
        look = self.settings.next_look
        if look is not None:
            plan_look(self.scheduler, look, NEXT_LOOK, at, function_arn=self.function_arn, event=TICK)

    def _measure(self, state: State, now: datetime) -> None:
        """What alarms are made of. Before the first output, its age is that of the pipeline: that nothing comes shows, too."""
        newest = state.published_at or state.created_at
        figures = {"OutputAgeSeconds": (now - newest).total_seconds()}
        late = [forecast.late_seconds for forecast in self._forecasts(state, now)]
        if late:
            figures["ForecastLateSeconds"] = max(late)
        self._put(figures, now)

    def _put(self, figures: Mapping[str, float], at: datetime) -> None:
        put_metrics(self.cloudwatch, self.settings.metric_namespace, self.settings.pipeline_name, figures, at)
