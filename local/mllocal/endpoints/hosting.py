"""All endpoints of an engine."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from pathlib import Path

from mllocal.endpoints.asynchronous import Accepted
from mllocal.endpoints.capture import FLUSH_SECONDS, CaptureFiles
from mllocal.endpoints.component import ComponentHost
from mllocal.endpoints.component_endpoint import ComponentEndpointHost
from mllocal.endpoints.host import EndpointHost
from mllocal.endpoints.instance import Place
from mllocal.endpoints.invocations import Answer, Call, FleetRetiredError, Invocation, unknown_endpoint
from mllocal.endpoints.measurements import Measurements, MetricSink
from mllocal.endpoints.variants import has_components
from mllocal.jobs.faults import requested
from mllocal.sagemaker.kinds import ENDPOINT, INFERENCE_COMPONENT
from mllocal.sagemaker.service import EventSink, arn_of
from mllocal.sagemaker.store import Document, Store, scope_of
from mllocal.scaling_clock import ScalingClock

SAMPLES_PER_PERIOD = 10
_LOG = logging.getLogger("mllocal.endpoints")


class Hosting:
    """Hosts by ARN. Requests may come from any thread."""

    def __init__(
        self, store: Store, emit: EventSink, metrics: MetricSink, directory: Path, clock: ScalingClock
    ) -> None:
        self._store = store
        self._emit = emit
        self._directory = directory
        self._clock = clock
        self._hosts: dict[str, EndpointHost | ComponentEndpointHost] = {}
        self._measurements = Measurements(metrics, clock.speed)
        self._captured = CaptureFiles()
        self._closing = threading.Event()
        shutil.rmtree(directory, ignore_errors=True)  # What instances of a killed engine left.
        for endpoint in store.everywhere(ENDPOINT.name):
            store.update(endpoint["EndpointArn"], _without_instances)
        for component in store.everywhere(INFERENCE_COMPONENT.name):
            store.update(component["InferenceComponentArn"], _without_copies)
        self._watch = threading.Thread(target=self._measure, name="endpoint-metrics", daemon=True)
        self._watch.start()
        threading.Thread(target=self._write_captured, name="endpoint-capture", daemon=True).start()

    def host(self, arn: str) -> EndpointHost | ComponentEndpointHost:
        """The host of an endpoint; it is made when it is first asked for, and anew after a deletion."""
        if arn not in self._hosts or self._hosts[arn].is_over:
            name = arn.rpartition("/")[2]
            scope = scope_of(arn)
            place = Place(
                scope,
                name,
                self._directory / f"{scope.account}-{scope.region}" / name,
                self._clock,
                f"/aws/sagemaker/Endpoints/{name}",
                lambda: requested(self._store.get(arn) or {}).scarce,
            )
            kind = ComponentEndpointHost if has_components(self._store.get(arn) or {}) else EndpointHost
            self._hosts[arn] = kind(self._store, self._emit, place, arn, self._measurements)
        return self._hosts[arn]

    def deploy(self, arn: str) -> None:
        """Bring up the endpoint's pending configuration."""
        self.host(arn).deploy()

    def scale(self, arn: str) -> None:
        """Have the instances and weights that are desired."""
        self.host(arn).scale()

    def delete(self, arn: str) -> None:
        """End the endpoint and forget it."""
        self.host(arn).delete()

    def component(self, arn: str, endpoint_arn: str) -> ComponentHost:
        """The host of a component of an endpoint that is in service."""
        host = self.host(endpoint_arn)
        if not isinstance(host, ComponentEndpointHost):
            raise TypeError(f"{endpoint_arn} has no inference components")
        return host.component(arn)

    def invoke(self, call: Call) -> Answer:
        """Answer a request. Raises `InvocationRefusedError`."""
        while True:
            host = self._host_for(call)
            serving = host.serving(call)
            if serving is None:
                raise unknown_endpoint(call)
            with contextlib.suppress(FleetRetiredError):
                return Invocation(call, serving, self._measurements, self._captured).run()

    def submit(self, call: Call) -> Accepted:
        """Keep a request to an asynchronous endpoint. Raises `InvocationRefusedError`."""
        return self._host_for(call).submit(call)

    def _host_for(self, call: Call) -> EndpointHost | ComponentEndpointHost:
        host = self._hosts.get(arn_of(ENDPOINT, call.scope, call.endpoint))
        if host is None:
            raise unknown_endpoint(call)
        return host

    def resume(self) -> None:
        """Bring up again what the last engine served. Call it when the engine answers: instances need it."""
        for endpoint in self._store.everywhere(ENDPOINT.name):
            self._resume(endpoint)

    def _resume(self, endpoint: Document) -> None:
        host = self.host(endpoint["EndpointArn"])
        match endpoint["EndpointStatus"]:
            case "Deleting":
                host.delete()
            case "SystemUpdating" | "Creating":
                host.restore()

    def close(self) -> None:
        """End every instance, and return when all have ended."""
        self._closing.set()
        threads = [threading.Thread(target=host.close, daemon=True) for host in list(self._hosts.values())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _measure(self) -> None:
        seconds = self._clock.real_seconds(SAMPLES_PER_PERIOD) / SAMPLES_PER_PERIOD
        while not self._closing.wait(seconds):
            for host in list(self._hosts.values()):
                host.sample()
            try:
                self._measurements.publish()
            except Exception:  # noqa: BLE001 - an error of CloudWatch must not end what measures
                _LOG.exception("metrics of endpoints could not be published")

    def _write_captured(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._captured.flush()


def _without_instances(endpoint: Document) -> None:
    """What served before this engine does not yet: it is updated by the system."""
    if endpoint["Deployed"] is not None and endpoint["EndpointStatus"] != "Deleting":
        endpoint["EndpointStatus"] = "SystemUpdating"
        for variant in endpoint["ProductionVariants"]:
            variant["CurrentInstanceCount"] = 0


def _without_copies(component: Document) -> None:
    if component["InferenceComponentStatus"] == "InService":
        component["InferenceComponentStatus"] = "Updating"
    component["CurrentCopyCount"] = 0
