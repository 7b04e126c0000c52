"""Puts the parts of the engine together."""

from __future__ import annotations

from mllocal.directories import StateDirectory
from mllocal.emulator import bridge
from mllocal.emulator.resource_types import resource_types
from mllocal.execution.executor import Executor
from mllocal.jobs.runner import JobRunner
from mllocal.operations import executions, jobs, mlflow_apps, models, pipelines, registry, tags
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Store

# Importing these registers their operations.
OPERATION_MODULES = (executions, jobs, mlflow_apps, models, pipelines, registry, tags)


def build_service(directory: StateDirectory, mlflow_url: str) -> Service:
    """The embedded SageMaker, registered with the emulator."""
    directory.jobs.mkdir(parents=True, exist_ok=True)
    store = Store(directory.database)
    service = Service(
        store=store,
        emit=bridge.emit_event,
        runner=JobRunner(store, bridge.emit_event, directory.jobs),
        executor=Executor(),
        mlflow_url=mlflow_url,
    )
    bridge.register_sagemaker(service)
    bridge.register_pipeline_targets(service)
    bridge.register_resource_types(resource_types(service))
    return service
