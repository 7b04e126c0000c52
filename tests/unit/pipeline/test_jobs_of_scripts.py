from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlplatform import JobResources
from mlplatform.pipeline import archives
from mlplatform.pipeline.jobs import script_entrypoint

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"


def test_the_entrypoint_unpacks_the_source_and_hands_over_its_arguments(tmp_path: Path) -> None:
    """Run for real, with /opt/ml rewritten as an engine without private mounts does it, into a path with a space."""
    private = tmp_path / "opt ml"
    (private / "processing/input/code").mkdir(parents=True)
    source = {"show.py": b"import sys, helper\nprint(helper.NAME, sys.argv[1:])\n", "helper.py": b"NAME = 'helper'\n"}
    (private / "processing/input/code/0123.gz").write_bytes(archives.tar_gz(source))
    command = [part.replace("/opt/ml", str(private)) for part in script_entrypoint("show.py")]
    answer = subprocess.run([*command, "--input", "two words"], capture_output=True, text=True, check=True)
    assert answer.stdout == "helper ['--input', 'two words']\n"


def test_a_failing_script_fails_the_container(tmp_path: Path) -> None:
    (tmp_path / "processing/input/code").mkdir(parents=True)
    (tmp_path / "processing/input/code/0123.gz").write_bytes(archives.tar_gz({"fail.py": b"raise SystemExit(7)\n"}))
    command = [part.replace("/opt/ml", str(tmp_path)) for part in script_entrypoint("fail.py")]
    assert subprocess.run(command, check=False).returncode == 7


def test_the_entrypoint_stays_within_what_sagemaker_takes() -> None:
    assert all(len(part) <= 256 for part in script_entrypoint("s" * 60 + ".py"))


@pytest.mark.parametrize(
    "instance_type", ["ml.m5d.large", "ml.c6id.xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge", "ml.p4d.24xlarge"]
)
def test_instances_with_disks_of_their_own_get_no_volume_key(instance_type: str) -> None:
    assert JobResources(instance_type=instance_type).volume_kms_key_id(KEY) is None


@pytest.mark.parametrize(
    "instance_type", ["ml.m5.large", "ml.c5n.xlarge", "ml.r6i.large", "ml.p3.2xlarge", "ml.t3.medium"]
)
def test_other_instances_encrypt_their_volume(instance_type: str) -> None:
    assert JobResources(instance_type=instance_type).volume_kms_key_id(KEY) == KEY
