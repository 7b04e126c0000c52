"""Observations of one run, made up."""

from __future__ import annotations

from typing import Any

from mlrecords.observations import Observation, order_of, run_id_of

RUN = run_id_of("arn:aws:sagemaker:us-east-1:123456789012:training-job/demo")


def seen(second: int, *, is_pin: bool = False, source: str = "event", **facts: Any) -> Observation:
    return Observation(run_id=RUN, source=source, order=order_of(second * 1000), facts=facts, is_pin=is_pin)


def state(second: int, word: str, **status: Any) -> Observation:
    identity = {"kind": "training-job", "name": "demo", "project": "demo"}
    return seen(second, identity=identity, status={"state": word, **status})
