"""The inference toolkit of local images: scripts that answer, and the workers that run them."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mllocal.images import image_for
from mllocal.ports import free_port
from tests.unit.mllocal.toolkit import IMAGE, Ml

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
