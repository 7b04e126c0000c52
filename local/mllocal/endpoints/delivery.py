"""What asynchronous endpoints do with their backlog: requests to instances that have room, answers to S3, notices to topics."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mllocal.aws import Aws
from mllocal.endpoints.asynchronous import Backlog, Request
from mllocal.endpoints.fleet import Fleet, VariantFleet
from mllocal.endpoints.instance import Instance, NoAnswerError
from mllocal.endpoints.measurements import Measurements, Series, VariantSeries
from mllocal.s3 import S3Uri
from mllocal.sagemaker.store import Scope

POLL_SECONDS = 0.05
BUSY_SECONDS = 1
_LOG = logging.getLogger("mllocal.endpoints")


class RequestFailedError(Exception):
    """A request that has no answer, and will have none. The message is what its failure object says."""


class Delivery:
    """Gives out the backlog of one endpoint, as long as the engine runs."""

    def __init__(
        self,
        scope: Scope,
        endpoint: str,
        backlog: Backlog,
        fleet: Callable[[], Fleet | None],
        measurements: Measurements,
    ) -> None:
        self._scope = scope
        self._endpoint = endpoint
        self._backlog = backlog
        self._fleet = fleet
        self._measurements = measurements
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"async-{endpoint}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give out no more. What is worked on stays in the store, for the next engine."""
        self._closing.set()
        self._thread.join()

    def sample(self, instances: int) -> None:
        """Tell CloudWatch how long the backlog is."""
        waiting = len(self._backlog)
        self._record("ApproximateBacklogSize", waiting)
        self._record("HasBacklogWithoutCapacity", float(waiting > 0 and instances == 0))
        if instances:
            self._record("ApproximateBacklogSizePerInstance", waiting / instances)

    def _record(self, name: str, value: float) -> None:
        self._measurements.record(Series(self._scope, name, (("EndpointName", self._endpoint),)), value)

    def _run(self) -> None:
        while not self._closing.is_set():
            if not self._give_out():
                self._closing.wait(POLL_SECONDS)

    def _give_out(self) -> bool:
        """Hand the oldest request to an instance; False when there is none, or no room."""
        fleet, first = self._fleet(), self._backlog.first()
        if fleet is None or fleet.asynchronous is None or first is None:
            return False
        variant = next(iter(fleet.production.values()))
        most = fleet.asynchronous.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance")
        instance = variant.admit(most or variant.variant.concurrency)
        if instance is None:
            return False
        arguments = (self._backlog.take(), instance, variant, fleet.asynchronous["OutputConfig"])
        threading.Thread(target=self._work_on, args=arguments, daemon=True).start()
        return True

    def _work_on(self, request: Request, instance: Instance, variant: VariantFleet, output: dict[str, Any]) -> None:
        began = time.time()
        try:
            content_type = self._answer(request, instance)
        except NoAnswerError as error:
            # An engine that ends leaves it to the next one; an instance that ends, to another.
            if self._closing.is_set():
                return
            if not instance.is_in_service and self._backlog.is_worth_another(request):
                self._backlog.put_back(request)
                return
            self._fail(request, str(error), output)
        except BotoCoreError as error:
            # This engine does not answer itself: it ends, or is too busy.
            _LOG.warning("a request to %s is tried again: %s", self._endpoint, error)
            self._closing.wait(BUSY_SECONDS)
            self._backlog.put_back(request)
            return
        except RequestFailedError as error:
            self._fail(request, str(error), output)
        else:
            self._measure(variant, request, began)
            self._tell(request, output, "SuccessTopic", "Completed", contentType=content_type)
        self._backlog.done(request)

    def _answer(self, request: Request, instance: Instance) -> str:
        """Put the container's answer where it was promised; its content type."""
        try:
            body = self._body(request)
        except BaseException:
            instance.release()
            raise
        reply = instance.invoke(body, request.headers, request.document["TimeoutSeconds"])
        if reply.is_error:
            said = reply.body[:1024].decode(errors="replace")
            raise RequestFailedError(f'Received error ({reply.status}) from primary with message "{said}"')
        content_type = reply.headers.get("content-type", "application/octet-stream")
        self._put(request.document["Output"], reply.body, content_type)
        return content_type

    def _body(self, request: Request) -> bytes:
        if request.is_expired:
            raise RequestFailedError("The request expired: it waited longer than its RequestTTLSeconds.")
        inline = request.inline_body
        if inline is not None:
            return inline
        uri = S3Uri.parse(request.document["Input"])
        try:
            found = Aws(self._scope).client("s3").get_object(Bucket=uri.bucket, Key=uri.key)
            body: bytes = found["Body"].read()
        except ClientError as error:
            raise RequestFailedError(f"The input {uri} cannot be read: {error}") from None
        return body

    def _put(self, location: str, body: bytes, content_type: str) -> None:
        uri = S3Uri.parse(location)
        try:
            Aws(self._scope).client("s3").put_object(
                Bucket=uri.bucket, Key=uri.key, Body=body, ContentType=content_type
            )
        except ClientError as error:
            raise RequestFailedError(f"The answer cannot be written to {uri}: {error}") from None

    def _fail(self, request: Request, reason: str, output: dict[str, Any]) -> None:
        variant = next(iter(fleet.production)) if (fleet := self._fleet()) else ""
        self._measurements.record(VariantSeries(self._scope, self._endpoint, variant).of("InvocationFailures"), 1)
        location = request.document["Failure"]
        try:
            if location is not None:
                self._put(location, reason.encode(), "text/plain")
        except RequestFailedError as error:
            _LOG.warning("a failure of %s was not kept: %s", self._endpoint, error)
        self._tell(request, output, "ErrorTopic", "Failed", failureReason=reason)

    def _measure(self, variant: VariantFleet, request: Request, began: float) -> None:
        series = VariantSeries(self._scope, self._endpoint, variant.variant.name)
        received = request.document["ReceivedAt"]
        self._measurements.record(series.of("InvocationsProcessed"), 1)
        self._measurements.record(series.of("TimeInBacklog", "Milliseconds"), (began - received) * 1000)
        self._measurements.record(series.of("TotalProcessingTime", "Milliseconds"), (time.time() - received) * 1000)

    def _tell(self, request: Request, output: dict[str, Any], topic: str, status: str, **more: str) -> None:
        """The notice to a topic, if there is one: developer guide, "Check prediction results"."""
        arn = output.get("NotificationConfig", {}).get(topic)
        if arn is None:
            return
        document = request.document
        succeeded = status == "Completed"
        response = {"contentType": more["contentType"], "outputLocation": document["Output"]} if succeeded else {}
        message = {
            "awsRegion": self._scope.region,
            "eventTime": datetime.now(UTC).isoformat(),
            "receivedTime": datetime.fromtimestamp(document["ReceivedAt"], UTC).isoformat(),
            "invocationStatus": status,
            **({"responseParameters": response} if succeeded else more),
            "requestParameters": {"endpointName": self._endpoint, "inputLocation": document["Input"]},
            "inferenceId": document["InferenceId"],
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        try:
            Aws(self._scope).client("sns").publish(TopicArn=arn, Message=json.dumps(message))
        except (ClientError, BotoCoreError) as error:
            _LOG.warning("the topic of %s was not told: %s", self._endpoint, error)
