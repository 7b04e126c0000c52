"""These tests run in .tools/conformance and .tools/conformance-sdk-2, which have the `sagemaker` SDK: `make conformance`.

Any other environment has no SDK, so there is nothing in it to collect.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tests

if TYPE_CHECKING:
    from tests.conformance.online import Online

REPOSITORY = Path(__file__).parents[2]
# The engine has its own environment: the one of `make setup`, unless this says another.
ENGINE_PYTHON = os.environ.get("MLPLATFORM_PYTHON", str(REPOSITORY / ".venv" / "bin" / "python"))
_UP = "import json, mllocal, pathlib, sys; print(json.dumps(mllocal.up(pathlib.Path(sys.argv[1])).environment()))"
_DOWN = "import mllocal, pathlib, sys; mllocal.down(pathlib.Path(sys.argv[1]))"

# A package that the SDK brings has a top-level package `tests`, which would hide this one.
if hasattr(tests.__path__, "insert"):
    tests.__path__.insert(0, str(REPOSITORY / "tests"))

os.environ.pop("AWS_PROFILE", None)  # A developer's own: boto3 fails where it does not find it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # SDK 3 wants one when it is imported.
os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"
warnings.filterwarnings("ignore", message="Running within a PipelineSession")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Each environment has the tests of its SDK: `test_sdk_2_*` for SDK 2, all others for SDK 3."""
    if not collection_path.name.startswith("test_"):
        return None
    return None if sdk_version() == (2 if collection_path.name.startswith("test_sdk_2") else 3) else True


def sdk_version() -> int | None:
    """The major version of the SDK that is installed here; None where there is none."""
    try:
        return int(importlib.metadata.version("sagemaker").split(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return None


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running embedded AWS, as the environment variables that lead to it."""
    directory = tmp_path_factory.mktemp("engine")
    run = [ENGINE_PYTHON, "-c"]
    started = subprocess.run([*run, _UP, str(directory)], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    environment: dict[str, str] = json.loads(started.stdout.splitlines()[-1])
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield environment
    finally:
        subprocess.run([*run, _DOWN, str(directory)], check=True)
        log = directory / ".mlp" / "engine.log"
        print(log.read_text()[-3000:] if log.exists() else "the engine left no log")
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture
def online(engine: dict[str, str], request: pytest.FixtureRequest) -> Online:
    """The SDK's session at the engine, a bucket of its own, and the pieces that its documentation's examples share."""
    from tests.conformance.online import Online

    return Online.create(request.node.name)
