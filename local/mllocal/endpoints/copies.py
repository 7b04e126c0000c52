"""The copies of an inference component: serving processes on the instances of its endpoint."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mllocal.endpoints.capture import Capture
from mllocal.endpoints.fleet import VariantFleet, retire_all
from mllocal.endpoints.instance import Instance, Place
from mllocal.endpoints.machines import Machines, NoRoomError, Room
from mllocal.endpoints.measurements import MINUTE, ComponentSeries
from mllocal.endpoints.variants import Variant
from mllocal.sagemaker.store import Document, Scope


def component_variant(machines: Machines, served: Document) -> Variant:
    """What a copy is made of: the container of a component, with its share of an instance."""
    specification = served["Specification"]
    hosted = machines.variant
    return Variant(
        {
            "VariantName": hosted["VariantName"],
            "InstanceType": hosted["InstanceType"],
            "Container": served["Container"],
            **specification.get("StartupParameters", {}),
            **specification["ComputeResourceRequirements"],
            "SchedulingConfig": specification.get("SchedulingConfig", {}),
        }
    )


class Copies(VariantFleet):
    """Of one component; while it is updated, of two specifications. Requests go to the one with the fewest."""

    def __init__(
        self, place: Place, component: str, variant: Variant, machines: Machines, closing: threading.Event
    ) -> None:
        super().__init__(replace(place, log_group=f"/aws/sagemaker/InferenceComponents/{component}"), variant, 0, 1.0)
        self.component = component
        self._machines = machines
        self._closing = closing

    def series(self, scope: Scope, endpoint: str, period_seconds: float = MINUTE) -> ComponentSeries:
        """Its metrics."""
        return ComponentSeries(scope, self.component, period_seconds)

    def remove(self, leaving: list[Instance]) -> None:
        """Let these go, when they have answered what they have."""
        self._instances = [copy for copy in self._instances if copy not in leaving]
        retire_all(leaving)

    def _start(self, count: int) -> list[Instance]:
        room = Room.needed(self.variant.document)
        pack = self.variant.document["SchedulingConfig"].get("PlacementStrategy") == "BINPACK"
        started: list[Instance] = []
        try:
            for _ in range(count):
                started.append(self._machines.put(room, self._copy, pack=pack, closing=self._closing))
        except NoRoomError:
            retire_all(started)
            raise
        return started

    def _copy(self, place: Place) -> Instance:
        return Instance(replace(place, log_group=self._place.log_group), self.variant)


@dataclass(frozen=True)
class ComponentRoute:
    """The way of a request to a component: what `Fleet` is for endpoints without components."""

    copies: Copies
    capture: Capture | None
    metric_period_seconds: float
    is_retired: bool = False

    @property
    def production(self) -> Mapping[str, VariantFleet]:
        """The copies, which are all that there is."""
        return {self.copies.variant.name: self.copies}

    @property
    def shadows(self) -> Mapping[str, VariantFleet]:
        """None: components have none."""
        return {}

    def choose(self, target_variant: str | None) -> VariantFleet | None:
        """The copies, unless the request names another variant."""
        return self.copies if target_variant in (None, self.copies.variant.name) else None
