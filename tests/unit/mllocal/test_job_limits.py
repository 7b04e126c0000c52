"""Instance types and the memory limit, without an engine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mllocal.jobs.faults import FaultError, Faults
from mllocal.jobs.memory import MemoryGuard, memory_limit
from mllocal.sagemaker.wire import service_model
from mlpipelines.instance_types import BYTES_PER_GIB, INSTANCE_TYPES

_MEBIBYTE = 1024**2


def test_every_instance_type_of_the_table_is_one_that_sagemaker_has() -> None:
    shapes = ("TrainingInstanceType", "ProcessingInstanceType", "TransformInstanceType")
    known = {name for shape in shapes for name in service_model().shape_for(shape).enum}

    assert set(INSTANCE_TYPES) - known == set()


def test_the_limit_is_that_of_the_type_and_never_more_than_the_machine() -> None:
    assert memory_limit("ml.m5.large", machine_bytes=64 * BYTES_PER_GIB).limit_bytes == 8 * BYTES_PER_GIB
    small = memory_limit("ml.m5.large", machine_bytes=4 * BYTES_PER_GIB)
    assert small.limit_bytes == 4 * BYTES_PER_GIB
    assert "ml.m5.large has 8 GiB of memory, this machine 4.0 GiB" in (small.note or "")


def test_a_type_outside_the_table_has_no_limit_and_a_note() -> None:
    limit = memory_limit("ml.x99.large")

    assert limit.limit_bytes is None
    assert "does not know the memory of ml.x99.large" in (limit.note or "")


def _hoard(mebibytes: int) -> subprocess.Popen[bytes]:
    script = f"import time; hoard = b'x' * ({mebibytes} * 2**20); time.sleep(60)"
    return subprocess.Popen([sys.executable, "-c", script], start_new_session=True)


def test_processes_over_their_limit_are_killed() -> None:
    process = _hoard(200)
    guard = MemoryGuard(process.pid, 100 * _MEBIBYTE, process.kill)

    assert process.wait(30) == -9
    assert guard.exceeded


def test_processes_within_their_limit_are_left_alone() -> None:
    process = _hoard(20)
    guard = MemoryGuard(process.pid, 400 * _MEBIBYTE, process.kill)

    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    guard.close()
    process.kill()
    process.wait()

    assert not guard.exceeded


def test_faults_come_in_the_order_given() -> None:
    faults = Faults.parse("capacity:1 internal:2 spot:1.5s")

    assert [reason.split(":")[0] for reason in faults.reasons] == [
        "CapacityError",
        "InternalServerError",
        "InternalServerError",
    ]
    assert faults.spot_seconds == 1.5
    assert faults.has_spot
    assert not Faults.parse("spot:none").has_spot


@pytest.mark.parametrize("text", ["capacity", "capacity:x", "spot:3", "internal:1,capacity:1"])
def test_text_that_asks_for_no_fault_is_an_error(text: str) -> None:
    with pytest.raises(FaultError, match="asks for no fault there is"):
        Faults.parse(text)
