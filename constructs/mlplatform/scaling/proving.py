"""`ScalingProof`: what a policy has to be proved on before it ships, as part of the synthesis."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlplatform.pipeline.problems import InvalidPropsError, raise_if_any
from mlscaling import InvalidForecastError, InvalidHistoryError, InvalidScalingError, Objective, Scaling
from mlscaling.forecasts.published import read_forecasts
from mlscaling.measurements.load_test import InvalidLoadTestError, LoadTest

if TYPE_CHECKING:
    from mlscaling.proof import Verdict


@dataclass(frozen=True, kw_only=True)
class ScalingProof:
    """Known demand, and what the policy has to keep when it is played on it.

    When to use: for every endpoint whose demand is known, from `mlp scaling history` or from the logs of what it replaces. The
    last two weeks are played, each hour with the forecasts that were possible then, and each event of the calendar with a `demand` is
    rehearsed, as if it had been at its time of day on each of those days. A policy that misses stops `cdk synth` with the minute, or the
    event, and with the policy that would not. numpy is needed: `pip install 'mlplatform[scaling]'`.

    Parameters:
        demand: a CSV file of a time and a count of requests, three days or more; it belongs beside the code, in git.
        warm_up_seconds: how long a new instance serves half of what it serves later, as one does that fills its caches; 0 when not given.
        longest_wait_seconds: how long a request may wait. When not given: 1 for an instance, and 900 for the answer of an
            asynchronous endpoint, 21600 at most, after which its requests expire.
        load_test: the file that `mlp loadtest --out` has written, of an endpoint with the same instance type and model.
        requests_per_second: in the place of it, what one instance serves at the latency objective.
        objective: which share of the requests has to be served in time, and which of those in each event; 0.999 and 0.99 when not given.
        although: why a policy that misses may go out nevertheless. The reason stands in the template.
        usd_per_instance_hour: of the instance type, for messages that say what it costs.
        forecasts: for a policy with a published forecast, all that was published: a CSV file with the columns published_at, time
            and requests, of which each hour knows what was published before it. When not given, such a policy is proved as if
            nothing had been published: by its quantile.
        provisioning_seconds: from the decision until a new instance serves; 300 when not given. Published figures are 134 to 525. None
            is published of a warm container.
        cold_start_seconds: of a serverless endpoint, which has to say it: until a container that is started takes its request, as the
            metric `ModelSetupTime` has it. `requests_per_second` is then what one container answers, one request after the other.

    Raises `InvalidPropsError` with every number that cannot be one.
    """

    demand: str | Path
    requests_per_second: float | None = None
    load_test: str | Path | None = None
    objective: Objective = field(default_factory=Objective)
    although: str | None = None
    usd_per_instance_hour: float | None = None
    provisioning_seconds: float = 300
    warm_up_seconds: int = 0
    longest_wait_seconds: float | None = None
    forecasts: str | Path | None = None
    cold_start_seconds: float | None = None

    def __post_init__(self) -> None:
        raise_if_any("ScalingProof", [*self._bad_paths(), *self._bad_numbers()])

    def _bad_paths(self) -> Iterator[str]:
        for name in ("demand", "load_test", "forecasts"):
            value = getattr(self, name)
            if not isinstance(value, str | Path) and (value is not None or name == "demand"):
                yield f"{name} is {value!r}; give the path of a file"

    def _bad_numbers(self) -> Iterator[str]:
        if (self.requests_per_second is None) == (self.load_test is None):
            yield "what one instance serves has to be said once; give load_test, as `mlp loadtest` writes it, or requests_per_second"
        for name in ("requests_per_second", "provisioning_seconds", "longest_wait_seconds", "cold_start_seconds"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                yield f"{name} is {value}; use more than 0"
        if not (isinstance(self.warm_up_seconds, int) and self.warm_up_seconds >= 0):
            yield f"warm_up_seconds is {self.warm_up_seconds}; use a whole number, 0 or more"
        for name, usual in (("served_share", 0.999), ("served_share_in_events", 0.99)):
            share = getattr(self.objective, name)
            if not 0 <= share <= 1:
                yield f"{name} of the objective is {share}; use 0 to 1, such as {usual}"
        if self.although is not None and not self.although.strip():
            yield "although is empty; say why the policy may go out without meeting its objective, or leave it out"
        if self.usd_per_instance_hour is not None and not self.usd_per_instance_hour >= 0:
            yield f"usd_per_instance_hour is {self.usd_per_instance_hour}; use 0 or more, or leave it out"

    def _kind_problems(self, max_concurrency: int | None) -> Iterator[str]:
        """Of what a serverless endpoint needs, and no other has."""
        if max_concurrency is None:
            if self.cold_start_seconds is not None:
                yield "the proof has cold_start_seconds, and the endpoint is not serverless; leave it out"
            return
        if self.cold_start_seconds is None:
            yield "the proof has no cold_start_seconds; give what a container takes to start, as the metric ModelSetupTime has it"

    def _unit_problems(self, unit: str, *, is_component: bool) -> Iterator[str]:
        """A copy has a part of an instance, so that a test of the one says nothing of the other. `LoadTest` looks after containers."""
        if self.load_test is not None and unit == ("instance" if is_component else "copy"):
            tested = "an instance" if is_component else "a copy"
            scaled = "copies of an inference component" if is_component else "instances of a variant"
            yield f"{self.load_test} is of {tested}, and this scales {scaled}; test one of those"

    def prove(
        self,
        scaling: Scaling,
        *,
        is_component: bool = False,
        max_concurrency: int | None = None,
        max_queued_requests: int | None = None,
        subject: str = "ScalingProof",
    ) -> Verdict:
        """What the replay says of a policy; errors name the `subject`. The same files say the same.

        With `is_component`, the policy is of the copies of an inference component. With `max_concurrency`, it is one of the warm
        containers of a serverless endpoint that has so many in all. With `max_queued_requests`, each instance lets so many requests
        wait, and refuses the others.

        Raises `InvalidPropsError` for demand that cannot be read, for a policy that misses the objective, and without numpy.
        """
        raise_if_any(subject, self._kind_problems(max_concurrency))
        try:
            from mlscaling.proof import ObjectiveMissedError, prove
            from mlscaling.replay.cases import Case
            from mlscaling.replay.fleet import Fleet, OnDemand, Provisioning
        except ModuleNotFoundError as error:
            problem = f"{error}, which plays policies; install it: pip install 'mlplatform[scaling]'"
            raise InvalidPropsError(subject, [problem]) from error
        try:
            load_test = None if self.load_test is None else Path(self.load_test)
            tested = LoadTest.given(load_test, self.requests_per_second, is_serverless=max_concurrency is not None)
            raise_if_any(subject, self._unit_problems(tested.unit, is_component=is_component))
            provisioning = Provisioning.fixed(self.provisioning_seconds)
            fleet = replace(Fleet.tested(tested, provisioning), warm_up_seconds=self.warm_up_seconds)
            forecasts = () if self.forecasts is None else read_forecasts(Path(self.forecasts), scaling)
            if max_concurrency is not None and self.cold_start_seconds is not None:
                on_demand = OnDemand(max_concurrency=max_concurrency, cold_start_seconds=self.cold_start_seconds)
                fleet = replace(fleet, on_demand=on_demand)
            return prove(
                scaling,
                replace(Case.of_file(Path(self.demand)), forecasts=forecasts),
                fleet.for_policy(scaling, self.longest_wait_seconds, max_queued_requests),
                self.objective,
                usd_per_instance_hour=self.usd_per_instance_hour,
                although=self.although,
                tune=self._tune(scaling, max_queued_requests),
            )
        except ObjectiveMissedError as error:
            raise InvalidPropsError(subject, [str(error).replace("\n", "\n    ")]) from error
        except (InvalidForecastError, InvalidHistoryError, InvalidLoadTestError, InvalidScalingError, OSError) as error:
            raise InvalidPropsError(subject, [str(error)]) from error

    def _tune(self, scaling: Scaling, max_queued_requests: int | None) -> str:
        """The command that finds what a proof finds, as it is typed where the synthesis runs."""
        options: dict[str, object] = {
            "--load-test": None if self.load_test is None else _from_here(self.load_test),
            "--rps": self.requests_per_second,
            "--provisioning-seconds": self.provisioning_seconds,
            "--warm-up-seconds": self.warm_up_seconds or None,
            "--longest-wait-seconds": self.longest_wait_seconds,
            "--max-queued-requests": max_queued_requests,
            "--served": self.objective.served_share,
            "--served-in-events": self.objective.served_share_in_events if scaling.announced else None,
            "--minimum": scaling.minimum,
            "--maximum": scaling.maximum,
            "--calendar": "events.csv" if scaling.calendar else None,
            "--out": "policy.json",
        }
        given = [f"{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None]
        command = " ".join(["mlp scaling tune", shlex.quote(_from_here(self.demand)), *given])
        return f"`{command}`{', with the calendar as events.csv,' if scaling.calendar else ''}"


def _from_here(path: str | Path) -> str:
    absolute, here = Path(path).absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else path)
