"""An endpoint whose models are inference components: the instances that it has for them, and where a request goes."""

from __future__ import annotations

import threading
from typing import Any

from mllocal.endpoints.asynchronous import Accepted
from mllocal.endpoints.capture import Capture
from mllocal.endpoints.component import ComponentHost
from mllocal.endpoints.copies import ComponentRoute
from mllocal.endpoints.fleet import metric_period_seconds
from mllocal.endpoints.hosted import Hosted
from mllocal.endpoints.instance import Place
from mllocal.endpoints.invocations import COMPONENT, Call, refused
from mllocal.endpoints.machines import Machines
from mllocal.endpoints.measurements import NO_CAPACITY, ComponentSeries, Measurements
from mllocal.endpoints.summaries import event
from mllocal.sagemaker.kinds import INFERENCE_COMPONENT
from mllocal.sagemaker.service import EventSink, arn_of
from mllocal.sagemaker.store import Document, Store

# As the AWS blog post "Unlock cost savings with the new scale down to zero feature in SageMaker Inference" shows it.
_NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if configured) or try "
    "to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)


class ComponentEndpointHost(Hosted):
    """The endpoint of an ARN, from its creation to its deletion. Its components come and go while it is in service."""

    def __init__(self, store: Store, emit: EventSink, place: Place, arn: str, measurements: Measurements) -> None:
        super().__init__(store, arn)
        self._emit = emit
        self._place = place
        self._measurements = measurements
        self._machines: Machines | None = None
        self._deployed: Document = {}
        self._components: dict[str, ComponentHost] = {}

    def component(self, arn: str) -> ComponentHost:
        """The host of a component; it is made when it is first asked for, and anew after a deletion."""
        if self._machines is None:
            raise ValueError(f"endpoint {self._place.endpoint} has no instances for {arn} yet")
        if arn not in self._components or self._components[arn].is_over:
            host = ComponentHost(self._store, self._place, arn, self._machines, self._measurements)
            self._components[arn] = host
        return self._components[arn]

    def serving(self, call: Call) -> ComponentRoute | None:
        """The component that a request names. Raises `InvocationRefusedError`."""
        if self._machines is None:
            return None
        name = call.headers.get(COMPONENT)
        if name is None:
            raise refused(
                "Inference Component Name header is required for endpoints to which you plan to deploy inference components. "
                "Please include Inference Component Name header or consider using SageMaker models."
            )
        host = self._components.get(arn_of(INFERENCE_COMPONENT, call.scope, name))
        copies = None if host is None or host.is_over else host.copies
        if copies is None:
            raise refused(f"Inference component {name} of endpoint {call.endpoint} not found.")
        if not copies.in_service:
            self._measurements.record(ComponentSeries(call.scope, name).of(NO_CAPACITY), 1)
            raise refused(_NO_CAPACITY)
        capture = Capture.of(self._deployed.get("DataCaptureConfig"))
        return ComponentRoute(copies, capture, metric_period_seconds(self._deployed))

    def submit(self, call: Call) -> Accepted:
        """Refused: components answer at once. Raises `InvocationRefusedError`."""
        raise refused(f"Endpoint {call.endpoint} is not asynchronous; use InvokeEndpoint.")

    def sample(self) -> None:
        """Tell CloudWatch what waits, and let instances go that nobody needs."""
        for component in list(self._components.values()):
            component.sample()
        machines = self._machines
        if machines is None or self._closing.is_set():
            return
        machines.release_idle()
        found = self._store.get(self.arn)
        if found is not None and _count(found) not in (None, machines.count):
            self._store.update(self.arn, lambda stored: stored.update(self._summary(machines)))

    def close(self) -> None:
        """End everything, and leave the documents as they are."""
        self._worker.close()
        threads = [threading.Thread(target=one.close, daemon=True) for one in list(self._components.values())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._worker.join()

    def _deploy(self) -> None:
        pending: Document = self._document()["Pending"]
        (variant,) = pending["Variants"]
        if self._machines is None:
            self._machines = Machines(self._place, variant)
        elif (problem := _unlike(self._machines.variant, variant)) is not None:
            self._reject(problem)
            return
        else:
            self._machines.become(variant)
        self._machines.wait_until_ready(self._closing)
        self._in_service(pending)

    def _in_service(self, deployed: Document) -> None:
        if self._machines is None or self._closing.is_set():
            return
        self._deployed = deployed
        self._change(
            EndpointStatus="InService",
            EndpointConfigName=deployed["EndpointConfigName"],
            LastDeploymentConfig=deployed["DeploymentConfig"],
            Deployed=deployed,
            Pending=None,
            FailureReason=None,
            **self._summary(self._machines),
        )

    def _scale(self) -> None:
        document = self._document()
        (wanted,) = document["ProductionVariants"]
        if self._machines is not None:
            (deployed,) = document["Deployed"]["Variants"]
            count = wanted.get("DesiredInstanceCount", self._machines.count)
            self._machines.become({**deployed, "InitialInstanceCount": count})
            self._machines.wait_until_ready(self._closing)
            self._in_service({**document["Deployed"], "Variants": [self._machines.variant]})

    def _restore(self) -> None:
        document = self._document()
        if document["Deployed"] is not None:
            (variant,) = document["Deployed"]["Variants"]
            self._machines = Machines(self._place, variant, document["ProductionVariants"][0]["DesiredInstanceCount"])
            self._deployed = document["Deployed"]
            for one in self._store.everywhere(INFERENCE_COMPONENT.name):
                if one["EndpointArn"] == self.arn:
                    self.component(one["InferenceComponentArn"]).resume(one["InferenceComponentStatus"])
            if not document["Pending"]:
                self._in_service(document["Deployed"])
        if document["Pending"]:
            self._deploy()

    def _delete(self) -> None:
        self._forget()

    def _reject(self, reason: str) -> None:
        status = "Failed" if self._machines is None else "InService"
        self._change(EndpointStatus=status, FailureReason=reason[:1024], Pending=None)

    def _summary(self, machines: Machines) -> dict[str, Any]:
        """The members that say what is deployed."""
        members = ("VariantName", "ManagedInstanceScaling", "RoutingConfig")
        weight = machines.variant.get("InitialVariantWeight", 1.0)
        return {
            "ProductionVariants": [
                {
                    **{name: machines.variant[name] for name in members if name in machines.variant},
                    "CurrentWeight": weight,
                    "DesiredWeight": weight,
                    "CurrentInstanceCount": machines.count,
                    "DesiredInstanceCount": machines.count,
                }
            ]
        }

    def _change(self, **changes: Any) -> Document:
        document = super()._change(**changes)
        self._emit(self._place.scope, *event(document))
        return document


def _count(document: Document) -> int | None:
    """How many instances a document says there are; None while the endpoint changes."""
    if document["EndpointStatus"] != "InService":
        return None
    count: int = document["ProductionVariants"][0]["CurrentInstanceCount"]
    return count


def _unlike(old: Document, new: Document) -> str | None:
    """Why the instances of one variant cannot become those of the other; None if they can."""
    for name in ("VariantName", "InstanceType"):
        if old[name] != new[name]:
            return (
                f"{name} of an endpoint with inference components is {old[name]} and cannot become {new[name]} on the embedded AWS; "
                "make another endpoint"
            )
    return None
