"""The training toolkit of local images: what reaches a script, what may be one, and why a start failed."""

from __future__ import annotations

import json
import subprocess

import pytest

from mllocal.images import image_for
from tests.unit.mllocal.toolkit import IMAGE, Ml

REPORT = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "environment": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}))
"""


def test_hyperparameters_reach_a_script_as_the_toolkit_passes_them(ml: Ml) -> None:
    done = ml.train({"train.py": REPORT}, rate=0.5, b=1, verbose=True, grid={"y": 2, "x": 1}, label="plain text")

    seen = json.loads(done.stdout)
    assert seen["arguments"] == (
        ["-b", "1", "--grid", "x=1,y=2", "--label", "plain text", "--rate", "0.5", "--verbose", "True"]
    )
    assert seen["environment"]["SM_HP_VERBOSE"] == "true"
    assert json.loads(seen["environment"]["SM_HPS"])["grid"] == {"y": 2, "x": 1}


def test_a_script_finds_its_hosts_its_channels_and_its_log_level(ml: Ml) -> None:
    done = ml.train({"train.py": REPORT}, sagemaker_container_log_level=10)

    seen = json.loads(done.stdout)["environment"]
    assert (seen["SM_CURRENT_HOST"], json.loads(seen["SM_HOSTS"])) == ("algo-2", ["algo-1", "algo-2"])
    assert seen["SM_CHANNEL_TRAIN"] == str(ml.root / "input/data/train")
    assert seen["SM_LOG_LEVEL"] == "10"
    whole = json.loads(seen["SM_TRAINING_ENV"])
    assert (whole["is_master"], whole["master_hostname"]) == (False, "algo-1")


def test_a_shell_script_is_an_entry_point(ml: Ml) -> None:
    done = ml.train({"run.sh": 'echo "shell $SM_CURRENT_HOST $*"'}, sagemaker_program="run.sh", depth=3)

    assert done.stdout == "shell algo-2 --depth 3\n"


def test_a_source_directory_with_setup_py_is_installed_and_run_as_a_module(ml: Ml) -> None:
    setup = "from setuptools import setup; setup(name='team', packages=['team'], package_dir={'': 'src'})"
    files = {
        "setup.py": setup,
        "src/team/__init__.py": "",
        "src/team/fit.py": "import sys; print('module', sys.argv[1:])",
    }

    done = ml.train(files, sagemaker_program="team.fit", depth=3)

    assert done.stdout == "module ['--depth', '3']\n", done.stderr


@pytest.mark.parametrize(
    ("hyperparameter", "name"),
    [
        ("sagemaker_mpi_enabled", "MPI"),
        ("sagemaker_distributed_dataparallel_enabled", "smdistributed dataparallel"),
        ("mp_parameters", "smdistributed modelparallel"),
    ],
)
def test_a_distribution_is_refused_by_its_name(ml: Ml, hyperparameter: str, name: str) -> None:
    done = ml.train({"train.py": REPORT}, **{hyperparameter: True})

    assert done.returncode == 1
    assert f"distribution {name} is not run by the embedded AWS" in ml.failure


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"other.py": ""}, "entry point 'train.py' is not in the source directory: other.py"),
        ({"train.py": "raise ValueError('bad target')"}, "ValueError: bad target"),
        ({"train.py": "import sys; sys.exit(3)"}, "ExitCode 3"),
    ],
)
def test_a_failed_start_leaves_its_reason(ml: Ml, files: dict[str, str], message: str) -> None:
    assert ml.train(files).returncode != 0
    assert message in ml.failure


def test_training_without_a_script_says_that_there_are_no_built_in_algorithms(ml: Ml) -> None:
    ml.write("input/config/hyperparameters.json", json.dumps({"num_round": "10"}))
    command = image_for(IMAGE).train_command

    assert subprocess.run(command, env=ml.environment, capture_output=True, check=False).returncode == 1
    assert "hyperparameter 'sagemaker_program' is missing" in ml.failure
