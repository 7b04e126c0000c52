"""One instance of a variant: a process that serves the model, and the requests that are at it."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import urllib3

from mllocal.aws import Aws
from mllocal.endpoints.variants import Variant
from mllocal.images import LocalImage
from mllocal.jobs.container import container_environment, prepare_image, resolve_image
from mllocal.jobs.faults import NO_CAPACITY
from mllocal.jobs.hosts import Host
from mllocal.jobs.inference_client import InferenceClient, InvocationError
from mllocal.jobs.logs import JobLog
from mllocal.jobs.model_data import unpack_model
from mllocal.jobs.process import ContainerProcess
from mllocal.jobs.runner import JobFailedError
from mllocal.ports import free_port
from mllocal.sagemaker.store import Scope
from mllocal.scaling_clock import ScalingClock

CONNECTIONS = 64
# The developer guide, "Custom Inference Code with Hosting Services": a container has 60 seconds to answer.
ANSWER_SECONDS = 60
DRAIN_SECONDS = 60
ATTEMPTS = 2  # A port that was free may be taken when the container comes to listen on it.
RESTART_SECONDS = 1
POLL_SECONDS = 0.05
_TIMED_OUT = "Your invocation timed out while waiting for a response from container primary."
_LOG = logging.getLogger("mllocal.endpoints")


class NoAnswerError(Exception):
    """A container that did not answer: too late, or since it ended. The message says which."""


@dataclass(frozen=True)
class Place:
    """Where the instances of an endpoint are: in whose account, under which name, in which directory, by which clock, with which log."""

    scope: Scope
    endpoint: str
    directory: Path
    clock: ScalingClock
    log_group: str
    scarce: Callable[[], Collection[str]]
    """The instance types of which there are none at this moment."""

    @property
    def provisioning_seconds(self) -> float:
        """How much later than its process an instance comes."""
        return self.clock.real_seconds(self.clock.provisioning_seconds)


@dataclass(frozen=True)
class Reply:
    """What a container answered; status 0 stands for no answer, and `body` says why."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_error(self) -> bool:
        """Whether it is the model's failure, or the lack of an answer."""
        return not self.status or self.status >= HTTPStatus.BAD_REQUEST


class Instance:
    """An instance from its provisioning to its end. A container that ends after it was in service is started again.

    The thread that starts a container lives as long as it does (see `children`).
    """

    def __init__(self, place: Place, variant: Variant) -> None:
        self.id = f"i-{secrets.token_hex(8)}"
        self.failure: str | None = None
        self._place = place
        self._variant = variant
        self._host = Host("algo-1", place.directory / self.id)
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(variant.concurrency)
        self._outstanding = 0
        self._process: ContainerProcess | None = None
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._leaving = threading.Event()
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name=f"{place.endpoint}-{self.id}", daemon=True).start()

    @property
    def is_in_service(self) -> bool:
        """Whether it takes requests."""
        return self._pool is not None and not self._leaving.is_set()

    @property
    def instance_type(self) -> str:
        """What it is an instance of."""
        return self._variant.instance_type

    @property
    def is_leaving(self) -> bool:
        """Whether it takes no more requests, and has not ended yet."""
        return self._leaving.is_set() and not self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is left."""
        return self._ended.is_set()

    @property
    def outstanding(self) -> int:
        """Requests in work or waiting."""
        return self._outstanding

    def wait_until_settled(self) -> bool:
        """Return when it is in service, or never will be; whether it is."""
        self._settled.wait()
        return self.failure is None and not self._stopping.is_set()

    def admit(self, most: int | None = None) -> bool:
        """Take a place in the queue, or one of `most`; False when there is none. `invoke` or `release` gives it back."""
        places = self._variant.concurrency + self._variant.queue if most is None else most
        with self._lock:
            if not self.is_in_service or self._outstanding >= places:
                return False
            self._outstanding += 1
            return True

    def invoke(self, body: bytes, headers: Mapping[str, str], seconds: float = ANSWER_SECONDS) -> Reply:
        """Have the container answer when it is this request's turn. Raises `NoAnswerError`."""
        deadline = time.monotonic() + seconds
        try:
            if not self._turns.acquire(timeout=seconds):
                raise NoAnswerError(_TIMED_OUT)
            try:
                return self._ask(body, headers, max(deadline - time.monotonic(), POLL_SECONDS))
            finally:
                self._turns.release()
        finally:
            self.release()

    def release(self) -> None:
        """Give a place back."""
        with self._lock:
            self._outstanding -= 1

    def _ask(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        pool = self._pool
        if pool is None:
            raise NoAnswerError("The container ended before it answered.")
        try:
            answer = pool.request("POST", "/invocations", body=body, headers=headers, timeout=seconds)
        except urllib3.exceptions.TimeoutError:
            raise NoAnswerError(_TIMED_OUT) from None
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(f"The container closed the connection: {error}") from None
        return Reply(answer.status, answer.headers, answer.data)

    def retire(self) -> None:
        """Take no more requests, answer those that are here, and end."""
        self._leaving.set()
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._outstanding and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.stop()

    def stop(self) -> None:
        """End at once."""
        self._leaving.set()
        self._stopping.set()
        process = self._process
        if process is not None:
            process.stop()
        self._ended.wait()

    def _run(self) -> None:
        try:
            if not self._stopping.wait(self._place.provisioning_seconds):
                self._serve()
        except (JobFailedError, InvocationError) as error:
            self.failure = str(error)
        except Exception as error:  # noqa: BLE001 - a defect of the engine must fail the deployment, not leave it waiting
            _LOG.exception("an instance of %s failed inside the engine", self._place.endpoint)
            self.failure = f"InternalServerError: {type(error).__name__}: {error}"
        finally:
            self._settled.set()
            shutil.rmtree(self._host.directory, ignore_errors=True)
            self._ended.set()

    def _serve(self) -> None:
        if self.instance_type in self._place.scarce():
            raise JobFailedError(NO_CAPACITY)
        image = resolve_image(self._variant.container["Image"])
        aws = Aws(self._place.scope)
        unpack_model(aws.client("s3"), self._host, self._variant.container.get("ModelDataUrl"))
        stream = f"{self._variant.name}/{self.id}"
        log = JobLog(aws.client("logs"), self._place.log_group, stream)
        try:
            prepare_image(image, log)
            self._keep_serving(image, log)
        finally:
            log.close()

    def _keep_serving(self, image: LocalImage, log: JobLog) -> None:
        attempts, deadline = ATTEMPTS, time.monotonic() + self._variant.startup_seconds
        while not self._stopping.is_set():
            try:
                self._serve_once(image, log)
                attempts = ATTEMPTS
            except InvocationError:
                attempts -= 1
                # One that was in service before is worth any number of attempts, as on AWS.
                is_hopeless = not attempts or time.monotonic() > deadline
                if is_hopeless and not self._settled.is_set():
                    raise
            if not self._stopping.wait(RESTART_SECONDS):
                log.note("the container ended: it is started again")

    def _serve_once(self, image: LocalImage, log: JobLog) -> None:
        """Start the container, and return when it has ended. Raises `InvocationError` if it never served."""
        port = free_port()
        variables = {
            **self._variant.environment,
            "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }
        environment = container_environment(self._place.scope, self._host, image, variables)
        limit = self._variant.memory_limit_bytes
        process = ContainerProcess(self._host.directory, image.serve_command, environment, log, limit)
        self._process = process
        try:
            if self._stopping.is_set():
                return
            with InferenceClient(port, {}) as client:
                client.wait_until_ready(process, self._variant.startup_seconds)
            self._pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=CONNECTIONS, retries=False)
            self._settled.set()
            process.wait(threading.TIMEOUT_MAX)
        finally:
            self._pool = None
            process.stop()
