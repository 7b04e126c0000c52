"""The loop that scales: scheduled actions, limits, and what policies want, one change of a target at a time."""

from __future__ import annotations

import logging
import threading
import time
import uuid

from botocore.exceptions import BotoCoreError, ClientError

from mllocal.autoscaling.decisions import Breach, Change, Cooldown, Decision, Judged, cooldown_seconds, decide
from mllocal.autoscaling.documents import (
    ACTIVITY,
    POLICY,
    SCHEDULED_ACTION,
    TARGET,
    activity_arn,
    identity,
    of_target,
)
from mllocal.autoscaling.resources import Resource, State, resource_of
from mllocal.autoscaling.scheduled import due_at, is_one_time
from mllocal.sagemaker.store import Document, Scope, Store, scope_of
from mllocal.scaling_clock import ScalingClock

FASTEST_PERIOD_SECONDS = 10
LOOK_SECONDS = (0.1, 1.0)
STALE_SECONDS = 10  # Alarms are evaluated every second.
_LOG = logging.getLogger("mllocal.autoscaling")


class Controller:
    """Scales every target of a store. Alarms tell it what they see; what it did is in the store."""

    def __init__(self, store: Store, clock: ScalingClock) -> None:
        self._store = store
        self._clock = clock
        self._breaches: dict[tuple[str, str], tuple[float, Breach]] = {}
        self._judged: dict[tuple[str, str], float] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="application-autoscaling", daemon=True)

    def start(self) -> None:
        """Begin. Call it when the engine answers: it asks SageMaker for the state of endpoints."""
        self._thread.start()

    def close(self) -> None:
        """End, and return when it has."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def tell(self, policy: str, alarm: str, breach: Breach | None) -> None:
        """What an alarm of a policy sees; None when it is not in state ALARM."""
        if breach is None:
            self._breaches.pop((policy, alarm), None)
        else:
            self._breaches[policy, alarm] = (time.monotonic(), breach)

    def _run(self) -> None:
        shortest, longest = LOOK_SECONDS
        seconds = min(max(self._clock.real_seconds(FASTEST_PERIOD_SECONDS), shortest), longest)
        while not self._closing.wait(seconds):
            for target in self._store.everywhere(TARGET):
                try:
                    self._look_after(target)
                except (ClientError, BotoCoreError) as error:
                    _LOG.warning("%s could not be scaled: %s", target["ResourceId"], error)
                except Exception:  # noqa: BLE001 - a defect at one target must not end the scaling of the others
                    _LOG.exception("scaling of %s failed inside the engine", target["ResourceId"])

    def _look_after(self, target: Document) -> None:
        scope = scope_of(target["ScalableTargetARN"])
        self._fire_scheduled_actions(scope, target)
        resource = resource_of(scope, target)
        state = None if resource is None else resource.state()
        if resource is None or state is None:
            return
        target = self._store.get(target["ScalableTargetARN"]) or target
        if "Activity" in target and not state.changes:
            target = self._complete(target, state)
        # A value that comes while the endpoint changes moves nothing: the next one asks again.
        fresh = self._fresh(scope, target)
        decision = _limit(target, state) or _within_limits(decide(fresh, state.capacity, time.time()), target, state)
        if decision is not None and not state.changes:
            self._begin(resource, target, state, decision)

    def _fire_scheduled_actions(self, scope: Scope, target: Document) -> None:
        if target["SuspendedState"]["ScheduledScalingSuspended"]:
            return
        for action in of_target(self._store, SCHEDULED_ACTION, scope, target):
            due = due_at(action)
            if due is not None and due <= time.time():
                self._fire(target, action)

    def _fire(self, target: Document, action: Document) -> None:
        limits = {**action["ScalableTargetAction"], "LimitedBy": action["ScheduledActionName"]}
        self._store.update(target["ScalableTargetARN"], lambda stored: stored.update(limits))
        if is_one_time(action):
            self._store.delete(action["ScheduledActionARN"])
        else:
            self._store.update(action["ScheduledActionARN"], lambda stored: stored.update(FiredAt=time.time()))

    def _fresh(self, scope: Scope, target: Document) -> list[Judged]:
        """The target's policies with what their alarms see, if there is a value among it that was not there before."""
        policies = of_target(self._store, POLICY, scope, target)
        judged = [
            Judged(policy, self._breaches_of(policy), Cooldown(**target["Cooldowns"].get(policy["PolicyARN"], {})))
            for policy in policies
        ]
        seen = {(one.arn, breach.alarm): breach.at for one in judged for breach in one.breaches}
        is_new = any(self._judged.get(key) != at for key, at in seen.items())
        self._judged.update(seen)
        return judged if is_new else []

    def _breaches_of(self, policy: Document) -> list[Breach]:
        """Those that its alarms have told lately; one that is deleted tells nothing any more."""
        since = time.monotonic() - STALE_SECONDS
        told = list(self._breaches.items())
        return [breach for (arn, _), (at, breach) in told if arn == policy["PolicyARN"] and at > since]

    def _begin(self, resource: Resource, target: Document, state: State, decision: Decision) -> None:
        activity = {
            "ActivityId": str(uuid.uuid4()),
            **identity(target),
            "Description": f"Setting desired instance count to {decision.desired}.",
            "Cause": decision.cause,
            "StartTime": time.time(),
            "StatusCode": "InProgress",
            "Desired": decision.desired,
            "Before": state.capacity.desired,
            "Policies": list(decision.policies),
        }
        arn = activity_arn(resource.scope, activity["ActivityId"])
        try:
            resource.change(decision.desired)
        except ClientError as error:
            activity.update(
                StatusCode="Failed", EndTime=time.time(), StatusMessage=f"Failed to set desired instance count: {error}"
            )
            self._store.insert(ACTIVITY, arn, activity)
            return
        message = f"Successfully set desired instance count to {decision.desired}. Waiting for change to be fulfilled by sagemaker."
        self._store.insert(ACTIVITY, arn, {**activity, "StatusMessage": message})
        self._store.update(target["ScalableTargetARN"], lambda stored: stored.update(Activity=arn))

    def _complete(self, target: Document, state: State) -> Document:
        """The endpoint has come to rest: the activity has ended, and cooldowns begin."""
        activity = self._store.get(target["Activity"]) or {}
        succeeded = state.capacity.in_service == activity["Desired"]
        count = activity["Desired"]
        message = (
            f"Successfully set desired instance count to {count}. Change successfully fulfilled by sagemaker."
            if succeeded
            else f"Failed to set desired instance count to {count}: {state.failure or 'the endpoint has another count'}"
        )
        now = time.time()
        ended = {"StatusCode": "Successful" if succeeded else "Failed", "EndTime": now, "StatusMessage": message}
        self._store.update(target["Activity"], lambda stored: stored.update(ended))
        policies = of_target(self._store, POLICY, scope_of(target["ScalableTargetARN"]), target)
        cooldowns = self._cooldowns(target, activity, policies, now)

        def end(stored: Document) -> None:
            del stored["Activity"]
            stored["Cooldowns"] = cooldowns

        return self._store.update(target["ScalableTargetARN"], end)

    def _cooldowns(self, target: Document, activity: Document, policies: list[Document], now: float) -> Document:
        """What each policy remembers after an activity."""
        change = Change(activity["Before"], activity["Desired"], activity["StartTime"], now)
        remembered: Document = {}
        for policy in policies:
            arn = policy["PolicyARN"]
            old = Cooldown(**target["Cooldowns"].get(arn, {}))
            seconds = [self._clock.real_seconds(seconds) for seconds in cooldown_seconds(policy)]
            remembered[arn] = vars(old.after(change, arn in activity["Policies"], *seconds))
        return remembered


def _limit(target: Document, state: State) -> Decision | None:
    """A minimum that has risen, or a maximum that has fallen, changes the capacity at once."""
    desired, low = state.capacity.desired, target["MinCapacity"]
    high = max(low, target["MaxCapacity"])
    if low <= desired <= high:
        return None
    name, limit = ("minimum", low) if desired < low else ("maximum", high)
    action = target.get("LimitedBy")
    by = "" if action is None else f"scheduled action name {action} was triggered; "
    return Decision(limit, (), f"{by}{name} capacity was set to {limit}")


def _within_limits(decision: Decision | None, target: Document, state: State) -> Decision | None:
    if decision is None:
        return None
    desired = max(min(decision.desired, target["MaxCapacity"]), target["MinCapacity"])
    direction = "Out" if desired > state.capacity.desired else "In"
    is_suspended = target["SuspendedState"][f"DynamicScaling{direction}Suspended"]
    if desired == state.capacity.desired or is_suspended:
        return None
    return Decision(desired, decision.policies, decision.cause)
