"""The typed ladder: what it may hold, and that the runtime reads what it writes."""

from __future__ import annotations

import re

import pytest

from mlplatform.pipeline.problems import InvalidPropsError
from mlplatform.project.limits import DEFAULT_INSTANCE_TYPES, JobLimits
from mlplatform.scaling import InstanceLadder, Rung
from mlrecords.codec import from_json
from mlscaling.jobs.ladder import Ladder


def test_the_ladder_of_a_project_has_its_types_the_cheapest_first() -> None:
    ladder = InstanceLadder.within(JobLimits())

    assert ladder.instance_types == (
        "ml.t3.medium", "ml.m5.large", "ml.c5.xlarge", "ml.m5.xlarge", "ml.c5.2xlarge", "ml.m5.2xlarge",
    )  # fmt: skip
    assert set(ladder.instance_types) == set(DEFAULT_INSTANCE_TYPES)
    assert list(ladder.problems(JobLimits())) == []


def test_types_without_a_price_come_last_and_gpus_only_when_named() -> None:
    limits = JobLimits(instance_types=("ml.m7i.large", "ml.g5.xlarge", "ml.m5.2xlarge", "ml.x9.large"))

    assert InstanceLadder.within(limits).instance_types == ("ml.m5.2xlarge", "ml.m7i.large")
    assert InstanceLadder.of("ml.g5.xlarge").rungs[0].memory_gib == 16


def test_a_project_without_a_known_type_has_to_give_a_ladder() -> None:
    with pytest.raises(
        InvalidPropsError, match=r"none of the project's instance types \(ml.g5.xlarge\).*give a ladder"
    ):
        InstanceLadder.within(JobLimits(instance_types=("ml.g5.xlarge",)))


def test_types_that_take_a_key_for_their_volume_and_types_that_do_not_are_never_on_one_ladder() -> None:
    """The request for a job is the same whichever type it gets, and SageMaker refuses a key where there is no volume."""
    with pytest.raises(InvalidPropsError, match=re.escape("ml.g5.xlarge encrypt their own NVMe disks and take no key")):
        InstanceLadder.of("ml.m5.large", "ml.g5.xlarge")


def test_an_unknown_type_needs_its_memory() -> None:
    with pytest.raises(InvalidPropsError, match=re.escape("such as Rung('ml.m9.large', memory_gib=16)")):
        InstanceLadder.of("ml.m9.large")

    assert InstanceLadder.of(Rung("ml.m9.large", memory_gib=8)).rungs[0].usd_per_hour is None


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidPropsError) as raised:
        InstanceLadder.of("ml.m5.large", "ml.m5.large", max_instances=0, memory_safety=0.5)

    assert len(raised.value.problems) == 3


def test_a_rung_says_what_is_wrong_with_its_numbers() -> None:
    with pytest.raises(InvalidPropsError) as raised:
        Rung("m5.large", memory_gib=0, usd_per_hour=-1)

    assert len(raised.value.problems) == 3


def test_types_outside_the_project_are_named() -> None:
    (problem,) = InstanceLadder.of("ml.m5.large", "ml.r5.large").problems(JobLimits())

    assert problem.startswith("the ladder has ml.r5.large, which the project may not use; take one of ml.t3.medium,")


def test_the_runtime_reads_what_the_ladder_writes() -> None:
    ladder = InstanceLadder.of("ml.m5.large", Rung("ml.m9.large", memory_gib=12.5), max_instances=7, memory_safety=1.5)

    read = from_json(Ladder, ladder.to_json(), "ladder")

    assert [(rung.instance_type, rung.memory_gib) for rung in read.rungs] == [("ml.m5.large", 8), ("ml.m9.large", 12.5)]
    assert (read.max_instances, read.memory_safety) == (7, 1.5)
