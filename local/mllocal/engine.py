"""Puts the parts of the engine together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from mllocal.autoscaling.api import AutoScalingApi
from mllocal.autoscaling.controller import Controller
from mllocal.directories import StateDirectory
from mllocal.emulator import bridge
from mllocal.emulator.alarms import Alarms
from mllocal.emulator.corrections import register_corrections
from mllocal.emulator.deliveries import Outbox
from mllocal.emulator.metrics import put_metrics
from mllocal.emulator.registries import register_registries
from mllocal.emulator.resource_types import resource_types
from mllocal.emulator.runtime_api import RuntimeApi
from mllocal.emulator.schedules import Schedules, register_schedules
from mllocal.emulator.whole_objects import register_whole_objects
from mllocal.endpoints.hosting import Hosting
from mllocal.execution.executor import Executor
from mllocal.execution.interrupted import fail_interrupted
from mllocal.jobs import secondary
from mllocal.jobs.runner import JobRunner
from mllocal.operations import (
    callbacks,
    endpoint_configs,
    endpoints,
    executions,
    inference_components,
    jobs,
    mlflow_apps,
    models,
    pipelines,
    registry,
    studio_apps,
    studio_domains,
    studio_images,
    studio_members,
    tags,
    tuning,
    versions,
)
from mllocal.sagemaker.kinds import HYPER_PARAMETER_TUNING_JOB, PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Store
from mllocal.scaling_clock import ScalingClock

# Importing these registers their operations.
OPERATION_MODULES = (
    callbacks,
    endpoint_configs,
    endpoints,
    executions,
    inference_components,
    jobs,
    mlflow_apps,
    models,
    pipelines,
    registry,
    studio_apps,
    studio_domains,
    studio_images,
    studio_members,
    tags,
    tuning,
    versions,
)


@dataclass(frozen=True)
class EngineParts:
    """What runs in the background of an engine."""

    service: Service
    hosting: Hosting
    controller: Controller

    def resume(self) -> None:
        """Go on with what the last engine served, once this one answers."""
        self.hosting.resume()
        self.controller.start()

    def start_no_more(self) -> None:
        """Let executions wait for the next engine: while this one stops answering, jobs fail, and whoever waits would take their slots."""
        self.service.executor.close()

    def close(self) -> None:
        """End everything that runs, and return when it has ended."""
        self.start_no_more()
        self.controller.close()
        self.hosting.close()
        self.service.runner.stop_all()


def build_engine(directory: StateDirectory, mlflow_url: str, clock: ScalingClock) -> EngineParts:
    """The embedded SageMaker, registered with the emulator."""
    directory.jobs.mkdir(parents=True, exist_ok=True)
    store = Store(directory.database)
    controller = Controller(store, clock)
    alarms = Alarms(clock.speed, controller.tell)
    hosting = Hosting(store, bridge.emit_event, put_metrics, directory.endpoints, clock)
    service = Service(
        store=store,
        emit=bridge.emit_event,
        runner=JobRunner(store, bridge.emit_event, directory.jobs),
        executor=Executor(),
        hosting=hosting,
        mlflow_url=mlflow_url,
    )
    _fail_interrupted_jobs(store)
    fail_interrupted(service)
    bridge.register_sagemaker(service, RuntimeApi(hosting))
    bridge.register_autoscaling(AutoScalingApi(store))
    bridge.register_pipeline_targets(service)
    bridge.register_alarm_events()
    bridge.keep_events_in_queues()
    bridge.retry_functions_of_rules()
    alarms.register()
    register_schedules(Schedules(Outbox(directory.services / "schedules_owed.json")), alarms.evaluate_all)
    bridge.give_s3_its_managed_key()
    bridge.register_resource_types(resource_types(service))
    register_corrections()
    register_whole_objects()
    register_registries()
    return EngineParts(service, hosting, controller)


def _fail_interrupted_jobs(store: Store) -> None:
    """Jobs that ran when the last engine ended did not end well: say so, never that they run."""
    for kind in (PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB, HYPER_PARAMETER_TUNING_JOB):
        ended = {
            str(kind.status_field): "Failed",
            "FailureReason": "InternalServerError: the embedded AWS stopped while this job ran; start the job again",
            "LastModifiedTime": time.time(),
        }
        for job in store.everywhere(kind.name):
            if job[str(kind.status_field)] in ("InProgress", "Stopping"):
                store.update(job[kind.arn_field], partial(Document.update, **ended, **secondary.ended(job, "Failed")))
