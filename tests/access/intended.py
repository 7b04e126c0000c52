"""What each role is meant to do in its own project: kinds of resources, and the verbs on them. In others: nothing at all."""

from __future__ import annotations

_READ, _WRITE = "read", "read write"
_JOBS = ("processing job", "training job", "transform job")
_MODELS = {"model package group": _WRITE, "model version": _READ}
_LOGS = {"function log": _READ, "job log of people": _READ}

INTENDED: dict[str, dict[str, str]] = {
    "training job": {
        "key": _WRITE,
        "data bucket": _READ,
        "data objects": _READ,
        "artifacts bucket": _READ,
        "artifacts objects": _WRITE,
        "output bucket": _READ,
        "output objects": _READ,
        "model of pipelines": _READ,
        "own experiments": _READ,
    },
    "inference job": {
        "key": _WRITE,
        "data bucket": _READ,
        "data objects": _READ,
        "artifacts bucket": _READ,
        "artifacts objects": _READ,
        "output bucket": _READ,
        "output objects": _WRITE,
        "own experiments": _READ,
    },
    "pipeline": {
        "key": _WRITE,
        "artifacts bucket": _READ,
        "artifacts objects": _READ,
        "output bucket": _READ,
        "output objects": _READ,
        **_MODELS,
        **{f"{job} of pipelines": "read start stop" for job in _JOBS},
        "tuning job": "read start stop",
        "model of pipelines": "read start",
        "function": "start",
        "job role": "pass",
    },
    "data scientist": {
        "key": _WRITE,
        "data bucket": _READ,
        "data objects": "read write delete",
        "artifacts bucket": _READ,
        "artifacts objects": "read write delete",
        "output bucket": _READ,
        "output objects": _READ,
        "repository": _WRITE,
        **_MODELS,
        "model version": _WRITE,
        "pipeline": "read start",
        "pipeline execution": "read stop",
        "controller": "read start",
        "schedule": _READ,
        **{f"{job} of pipelines": "read stop" for job in _JOBS},
        **{f"{job} of people": "read start stop" for job in _JOBS},
        "job role": "pass",
        "workgroup": "read start",
        "table": _READ,
        "own experiments": "read start",
        "endpoint": _READ,
        "asynchronous endpoint": _READ,
        "endpoint log": _READ,
        "model of approvals": "start",  # They create models for transform jobs, by names of the project.
        **_LOGS,
    },
    "deploy": {
        "key": _WRITE,
        "artifacts bucket": _READ,
        "artifacts objects": _READ,
        "output bucket": _READ,
        "output objects": _READ,
        "repository": _WRITE,
        **_MODELS,
        "model version": _WRITE,
        "pipeline": "read write start",
        "pipeline execution": "read stop",
        "endpoint": "start",
        "asynchronous endpoint": "start",
        "inference component": "start",
        **_LOGS,
    },
    "auditor": {
        "data bucket": _READ,
        "artifacts bucket": _READ,
        "output bucket": _READ,
        "access logs bucket": _READ,
        "access logs objects": _READ,
        "model package group": _READ,
        "model version": _READ,
        "pipeline": _READ,
        "pipeline execution": _READ,
        **{f"{job} of {whose}": _READ for job in _JOBS for whose in ("pipelines", "people")},
        "job role": _READ,
        "other role": _READ,
        "budget": _READ,
        **_LOGS,
    },
}


def is_intended(role: str, kind: str, verb: str) -> bool:
    """Whether a role is meant to do this in its own project."""
    return verb in INTENDED[role].get(kind, "").split()
