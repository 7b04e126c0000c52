"""The training and inference toolkit of local images, run as a job runs it: by a Python of its own, with the contract's files."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mllocal.images import image_for
from mllocal.ports import free_port

IMAGE = "sagemaker-scikit-learn:1.9-0-cpu-py3"
REPORT = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "environment": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}))
"""


@dataclass
class Ml:
    """A job's /opt/ml."""

    root: Path

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "ML_ROOT": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}

    @property
    def failure(self) -> str:
        return (self.root / "output" / "failure").read_text()

    def train(self, files: dict[str, str], **hyperparameters: Any) -> subprocess.CompletedProcess[str]:
        """Run `train` on a source directory."""
        archive = self.root / "source.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive), **hyperparameters}
        encoded = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
        self.write("input/config/hyperparameters.json", json.dumps(encoded))
        return subprocess.run(
            image_for(IMAGE).train_command, env=self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def ml(tmp_path: Path) -> Ml:
    ml = Ml(tmp_path / "ml")
    hosts = ["algo-1", "algo-2"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": hosts}
    resources = {
        "current_host": "algo-2",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
    ml.write("input/config/resourceconfig.json", json.dumps(resources))
    ml.write("input/config/inputdataconfig.json", json.dumps({"train": {"TrainingInputMode": "File"}}))
    return ml


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


def test_requirements_the_image_has_already_are_not_installed_again(ml: Ml) -> None:
    done = ml.train({"train.py": "import sklearn, sys; print(sys.prefix)", "requirements.txt": "scikit-learn>=1.9\n"})

    assert done.stdout.strip() == str(image_for(IMAGE).directory)


def test_requirements_the_image_does_not_have_are_installed_once_on_top_of_it(ml: Ml) -> None:
    files = {
        "train.py": "import sys, cachetools, sklearn; print(cachetools.__version__)",
        "requirements.txt": "cachetools==6.2.2\n",
    }

    first, second = ml.train(files), ml.train(files)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout.splitlines()[-1] == "6.2.2"
    assert second.stdout == "6.2.2\n"


def test_requirements_that_name_files_of_the_source_directory_follow_those_files(ml: Ml) -> None:
    def files(version: str) -> dict[str, str]:
        train = "import cachetools; print(cachetools.__version__)"
        return {"train.py": train, "requirements.txt": "-r more.txt\n", "more.txt": f"cachetools=={version}\n"}

    printed = [ml.train(files(version)).stdout.splitlines()[-1] for version in ("6.2.2", "6.2.1")]

    assert printed == ["6.2.2", "6.2.1"]


def test_requirements_that_cannot_be_had_fail_the_job_naming_them_and_the_fix(ml: Ml) -> None:
    done = ml.train({"train.py": "", "requirements.txt": "no-such-package-of-this-project==1\n"})

    assert done.returncode == 1
    assert "InstallRequirementsError" in ml.failure
    assert "no-such-package-of-this-project" in ml.failure
    assert "mlp images register" in ml.failure


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


Post = Callable[..., tuple[int, bytes, str]]


@pytest.fixture
def serve(ml: Ml) -> Iterator[Callable[..., Post]]:
    """Starts `serve` for an inference script; gives a function that posts to /invocations."""
    started: list[subprocess.Popen[bytes]] = []

    def start(script: str, **environment: str) -> Post:
        ml.write("model/code/inference.py", script)
        port = free_port()
        variables = {**ml.environment, "SAGEMAKER_BIND_TO_PORT": str(port), **environment}
        started.append(subprocess.Popen(image_for(IMAGE).serve_command, env=variables, start_new_session=True))
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/ping", started[-1])
        return lambda body, content_type="text/csv", accept="text/csv": _post(url, body, content_type, accept)

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).read()  # noqa: S310 - loopback
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{url} does not answer; exit code {process.poll()}")


def _post(url: str, body: bytes, content_type: str, accept: str) -> tuple[int, bytes, str]:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/invocations", data=body, headers={"Content-Type": content_type, "Accept": accept}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers["Content-Type"]


SUMS = """
class Model:
    def predict(self, data):
        import numpy
        return numpy.asarray(data).sum(axis=1)
def model_fn(directory):
    return Model()
"""


def _npy(values: Any) -> bytes:
    import numpy

    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array(values))
    return buffer.getvalue()


def _parquet(values: Any) -> bytes:
    import pandas

    buffer = io.BytesIO()
    pandas.DataFrame(values, columns=["a", "b"]).to_parquet(buffer)
    return buffer.getvalue()


def test_a_script_with_model_fn_only_answers_every_content_type(serve: Callable[..., Post]) -> None:
    post = serve(SUMS)
    rows = [[1.0, 2.0], [3.0, 4.0]]
    bodies = {
        "text/csv": b"1,2\n3,4\n",
        "application/json": json.dumps(rows).encode(),
        "application/jsonlines": b'{"features": [1, 2]}\n[3, 4]\n',
        "application/x-npy": _npy(rows),
        "application/x-parquet": _parquet(rows),
    }

    answers = {name: post(body, name) for name, body in bodies.items()}

    assert {name: [float(line) for line in answer[1].split()] for name, answer in answers.items()} == {
        name: [3.0, 7.0] for name in bodies
    }
    assert post(b"1,2\n", accept="application/json") == (200, b"[3.0]", "application/json")
    assert post(b"1,2\n3,4\n", accept="application/jsonlines") == (200, b"3.0\n7.0", "application/jsonlines")
    assert post(b"1,2\n", accept="application/x-npy")[1] == _npy([3.0])


def test_transform_fn_answers_alone(serve: Callable[..., Post]) -> None:
    post = serve(
        "def model_fn(directory): return 'm'\n"
        "def transform_fn(model, body, content_type, accept): return f'{model}|{body}|{content_type}|{accept}', 'text/plain'\n"
    )

    assert post(b"x") == (200, b"m|x|text/csv|text/csv", "text/plain")


def test_an_error_of_the_script_is_the_answer(serve: Callable[..., Post]) -> None:
    post = serve(SUMS)

    assert post(b"a,b\n")[0] == 500
    assert post(b"x", "image/png")[1].startswith(b"ValueError: content type 'image/png' is not one of text/csv")


def test_workers_answer_slow_requests_at_the_same_time(serve: Callable[..., Post]) -> None:
    post = serve(
        "import time, os\n"
        "def model_fn(directory): return None\n"
        "def transform_fn(model, body, content_type, accept):\n"
        "    time.sleep(0.5); return str(os.getpid()), 'text/plain'\n",
        SAGEMAKER_MODEL_SERVER_WORKERS="3",
    )
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(12) as pool:
        workers = {answer[1] for answer in pool.map(lambda _: post(b"x"), range(12))}

    assert len(workers) > 1


def test_a_model_that_cannot_be_loaded_ends_the_server(serve: Callable[..., Post]) -> None:
    with pytest.raises(AssertionError, match="exit code 1"):
        serve("def model_fn(directory): raise OSError('no weights')", SAGEMAKER_MODEL_SERVER_WORKERS="2")


def test_workers_end_with_their_server_even_when_it_is_killed(serve: Callable[..., Post], ml: Ml) -> None:
    ml.write("model/code/inference.py", SUMS)
    port = free_port()
    variables = {**ml.environment, "SAGEMAKER_BIND_TO_PORT": str(port), "SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
    server = subprocess.Popen(image_for(IMAGE).serve_command, env=variables)
    _wait_for(f"http://127.0.0.1:{port}/ping", server)

    server.kill()
    server.wait()

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError("a worker still listens")


def test_what_runs_inside_an_image_imports_nothing_of_this_project() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import mlp_toolkit.train, mlp_toolkit.serve; print('mllocal' in sys.modules)"
    image = image_for(IMAGE)
    inside = Path(image.train_command[1]).parent

    done = subprocess.run(
        [str(image.bin_directory / "python"), "-c", program, str(inside)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
    assert sys.prefix not in done.stderr
