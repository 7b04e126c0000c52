"""The instances of an endpoint: of each variant of one configuration, as many as are wanted."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence

from mllocal.endpoints.capture import Capture
from mllocal.endpoints.instance import Instance, Place
from mllocal.endpoints.machines import NoRoomError
from mllocal.endpoints.measurements import MINUTE, ComponentSeries, VariantSeries
from mllocal.endpoints.variants import Variant
from mllocal.sagemaker.store import Document, Scope


class VariantFleet:
    """The instances of one variant. Requests go to the one with the fewest."""

    def __init__(self, place: Place, variant: Variant, count: int, weight: float) -> None:
        self.variant = variant
        self.weight = weight
        self._place = place
        self._instances = self._start(count)

    @property
    def instances(self) -> Sequence[Instance]:
        """All that were asked for and have not been taken away."""
        return self._instances

    @property
    def in_service(self) -> list[Instance]:
        """Those that take requests."""
        return [instance for instance in self._instances if instance.is_in_service]

    def admit(self, most: int | None = None) -> Instance | None:
        """An instance that has taken a request, and has `most` at most if that is given; None when none can."""
        # Of those with equally many, any: else the first would get every request of a slow stream.
        candidates = sorted(self.in_service, key=lambda instance: (instance.outstanding, random.random()))  # noqa: S311
        return next((instance for instance in candidates if instance.admit(most)), None)

    def failures(self) -> list[str]:
        """Wait until each instance is in service or has failed; why those failed that did."""
        return [str(instance.failure) for instance in list(self._instances) if not instance.wait_until_settled()]

    def grow(self, count: int) -> str | None:
        """Start so many more and wait for them; the reason if they did not all come, and then none of them stays."""
        try:
            new = self._start(count)
        except NoRoomError as error:
            return str(error)
        self._instances = [*self._instances, *new]
        failures = [str(instance.failure) for instance in new if not instance.wait_until_settled()]
        if failures:
            self._instances = [instance for instance in self._instances if instance not in new]
            stop_all(new)
            return failures[0]
        return None

    def shrink(self, count: int) -> None:
        """Take so many away: of the least preferred types, and then those with the fewest requests. They answer what they have."""
        preferred = [pool["InstanceType"] for pool in self.variant.pools] or [self.variant.instance_type]
        leaving = sorted(self._instances, key=lambda one: (-preferred.index(one.instance_type), one.outstanding))[
            :count
        ]
        self._instances = [instance for instance in self._instances if instance not in leaving]
        retire_all(leaving)

    def stop(self) -> None:
        """End every instance, and return when all have ended."""
        stop_all(self._instances)

    def series(self, scope: Scope, endpoint: str, period_seconds: float = MINUTE) -> VariantSeries | ComponentSeries:
        """Its metrics."""
        return VariantSeries(scope, endpoint, self.variant.name, period_seconds)

    def _start(self, count: int) -> list[Instance]:
        variant = self.variant.without(self._place.scarce())
        return [Instance(self._place, variant) for _ in range(count)]


class Fleet:
    """All variants of one configuration: those that answer, and shadows that get a copy of what those get."""

    def __init__(self, place: Place, deployed: Document, summaries: Mapping[str, Document]) -> None:
        """`summaries` say by variant how many instances it has and what it weighs; those not there begin as configured."""

        def start(document: Document) -> VariantFleet:
            wanted = summaries.get(document["VariantName"], {})
            variant = Variant(document)
            if "DesiredServerlessConfig" in wanted:
                variant = variant.provisioned(wanted["DesiredServerlessConfig"])
            count = wanted.get("DesiredInstanceCount", variant.initial_count)
            return VariantFleet(place, variant, count, wanted.get("DesiredWeight", variant.initial_weight))

        self.is_retired = False
        self.capture = Capture.of(deployed.get("DataCaptureConfig"))
        self.asynchronous: Document | None = deployed.get("AsyncInferenceConfig")
        self.metric_period_seconds = metric_period_seconds(deployed)
        self.production = {fleet.variant.name: fleet for fleet in map(start, deployed["Variants"])}
        self.shadows = {fleet.variant.name: fleet for fleet in map(start, deployed["Shadows"])}

    @property
    def variants(self) -> list[VariantFleet]:
        """Of both sorts."""
        return [*self.production.values(), *self.shadows.values()]

    def failures(self) -> dict[str, str]:
        """Wait until every instance is in service or has failed; by variant, why."""
        return {fleet.variant.name: found[0] for fleet in self.variants if (found := fleet.failures())}

    def choose(self, target_variant: str | None) -> VariantFleet | None:
        """The variant for a request: the one it names, else one at random by weight. None for a name that is not there."""
        if target_variant is not None:
            return self.production.get(target_variant)
        fleets = list(self.production.values())
        weights = [fleet.weight for fleet in fleets]
        return random.choices(fleets, weights if any(weights) else None)[0]  # noqa: S311 - it only spreads requests

    def retire(self) -> None:
        """Take every instance away, when it has answered what it has."""
        self.is_retired = True
        for fleet in self.variants:
            fleet.shrink(len(fleet.instances))

    def stop(self) -> None:
        """End every instance, and return when all have ended."""
        stop_all([instance for fleet in self.variants for instance in fleet.instances])


def metric_period_seconds(deployed: Document) -> float:
    """How often the metrics have a value: each minute, or more often with enhanced metrics."""
    config = deployed.get("MetricsConfig") or {}
    return (
        float(config.get("MetricPublishFrequencyInSeconds", MINUTE)) if config.get("EnableEnhancedMetrics") else MINUTE
    )


def retire_all(instances: Sequence[Instance]) -> None:
    """Let instances end in the background."""
    for instance in instances:
        threading.Thread(target=instance.retire, name=f"retire-{instance.id}", daemon=True).start()


def stop_all(instances: Sequence[Instance]) -> None:
    """End instances, all at once, and wait until each has ended."""
    threads = [threading.Thread(target=instance.stop, daemon=True) for instance in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
