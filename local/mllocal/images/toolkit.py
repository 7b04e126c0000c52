"""What `train` and `serve` do in a local image, as SageMaker's training and inference toolkits do it in AWS's framework images.

Runs with the image's own Python and imports nothing of mllocal. `train` is script mode: it fetches `sagemaker_submit_directory`,
runs `sagemaker_program` with the hyperparameters as arguments and the `SM_*` variables, and writes the failure file.
`serve` loads `SAGEMAKER_PROGRAM` from the model's code and answers /ping, /execution-parameters and /invocations.
The prefix of all paths is ML_ROOT (default /opt/ml), so that it also works where that path cannot be mounted.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

ML = Path(os.environ.get("ML_ROOT", "/opt/ml"))
FAILURE_CHARACTERS = 1024
DEFAULT_PORT = 8080


def train() -> int:
    """Run the user's training script; its exit code."""
    configuration = ML / "input" / "config"
    given = {
        name: decode(value) for name, value in json.loads((configuration / "hyperparameters.json").read_text()).items()
    }
    program = given.get("sagemaker_program")
    if program is None:
        raise SystemExit("hyperparameter 'sagemaker_program' is missing: name the script to run")
    code = ML / "code"
    extract(str(given["sagemaker_submit_directory"]), code)
    hyperparameters = {name: value for name, value in given.items() if not name.startswith("sagemaker_")}
    arguments = [word for name, value in hyperparameters.items() for word in (f"--{name}", text(value))]
    command = [sys.executable, str(program), *arguments]
    process = subprocess.Popen(
        command,
        cwd=code,
        env={**os.environ, **training_environment(configuration, hyperparameters, str(program), arguments)},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    errors: list[str] = []
    for line in process.stderr or ():
        sys.stderr.write(line)
        errors = [*errors[-40:], line]
    exit_code = process.wait()
    if exit_code != 0:
        message = "".join(errors).strip()[-FAILURE_CHARACTERS:]
        failure = (
            f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{message}"\nCommand "{" ".join(command)}"'
        )
        (ML / "output").mkdir(parents=True, exist_ok=True)
        (ML / "output" / "failure").write_text(failure)
    return exit_code


def training_environment(
    configuration: Path, hyperparameters: dict[str, Any], program: str, arguments: list[str]
) -> dict[str, str]:
    """The `SM_*` variables of the training toolkit."""
    channels = json.loads((configuration / "inputdataconfig.json").read_text())
    resources = json.loads((configuration / "resourceconfig.json").read_text())
    directories = {name: str(ML / "input" / "data" / name) for name in channels}
    variables: dict[str, Any] = {
        "SM_MODEL_DIR": str(ML / "model"),
        "SM_INPUT_DIR": str(ML / "input"),
        "SM_INPUT_CONFIG_DIR": str(configuration),
        "SM_OUTPUT_DIR": str(ML / "output"),
        "SM_OUTPUT_DATA_DIR": str(ML / "output" / "data"),
        "SM_CHANNELS": sorted(channels),
        "SM_HPS": hyperparameters,
        "SM_USER_ARGS": arguments,
        "SM_USER_ENTRY_POINT": program,
        "SM_MODULE_NAME": Path(program).stem,
        "SM_HOSTS": resources["hosts"],
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_CURRENT_INSTANCE_TYPE": resources["current_instance_type"],
        "SM_NETWORK_INTERFACE_NAME": resources["network_interface_name"],
        "SM_INPUT_DATA_CONFIG": channels,
        "SM_RESOURCE_CONFIG": resources,
        "SM_NUM_CPUS": os.cpu_count() or 1,
        "SM_NUM_GPUS": 0,
        **{f"SM_CHANNEL_{name.upper()}": directory for name, directory in directories.items()},
        **{f"SM_HP_{name.upper()}": value for name, value in hyperparameters.items()},
    }
    return {name: text(value) for name, value in variables.items()}


def decode(value: str) -> Any:
    """A hyperparameter as the SDK encodes it (JSON), or the plain string it is."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def text(value: Any) -> str:
    """A value as a command-line argument or variable."""
    return value if isinstance(value, str) else json.dumps(value)


def extract(source: str, target: Path) -> None:
    """Unpack a source archive from S3 or from a path."""
    target.mkdir(parents=True, exist_ok=True)
    path = Path(source)
    if source.startswith("s3://"):
        import boto3

        location = urlsplit(source)
        path = target.parent / "sourcedir.tar.gz"
        boto3.client("s3").download_file(location.netloc, location.path.lstrip("/"), str(path))
    with tarfile.open(path, "r:gz") as archive:
        archive.extractall(target, filter="data")


class Handlers:
    """The four functions of an inference script; those it leaves out are the toolkit's defaults."""

    def __init__(self, script: ModuleType, model_directory: Path) -> None:
        self._input: Callable[[Any, str], Any] = getattr(script, "input_fn", default_input)
        self._predict: Callable[[Any, Any], Any] = getattr(script, "predict_fn", default_predict)
        self._output: Callable[[Any, str], Any] = getattr(script, "output_fn", default_output)
        if not hasattr(script, "model_fn"):
            raise SystemExit(f"{script.__file__} has no model_fn(model_dir), which loads the model")
        self._model = script.model_fn(str(model_directory))

    def transform(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """One request: body in, body and content type out."""
        given = body.decode() if content_type.startswith(("text/", "application/json")) else body
        answer = self._output(self._predict(self._input(given, content_type), self._model), accept)
        content, answered_type = answer if isinstance(answer, tuple) else (answer, accept)
        return (content.encode() if isinstance(content, str) else content), answered_type


def default_input(body: Any, content_type: str) -> Any:
    """CSV or JSON to a numpy array."""
    import numpy

    if content_type.startswith("text/csv"):
        return numpy.array(list(csv.reader(io.StringIO(body))), dtype=float)
    if content_type.startswith("application/json"):
        return numpy.array(json.loads(body))
    raise ValueError(f"content type {content_type!r} is not text/csv or application/json; write an input_fn for it")


def default_predict(data: Any, model: Any) -> Any:
    """`model.predict`."""
    return model.predict(data)


def default_output(prediction: Any, accept: str) -> tuple[str, str]:
    """A numpy array to CSV (one row a line) or JSON."""
    if accept.startswith("application/json"):
        return json.dumps(prediction.tolist()), "application/json"
    rows = prediction.reshape(len(prediction), -1)
    return "\n".join(",".join(repr(float(value)) for value in row) for row in rows), "text/csv"


def load_script() -> ModuleType:
    """`SAGEMAKER_PROGRAM` from `SAGEMAKER_SUBMIT_DIRECTORY`."""
    directory = Path(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", str(ML / "model" / "code")))
    path = directory / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    if not path.is_file():
        raise SystemExit(f"inference script {path} is not there; put it into the model's code directory")
    sys.path.insert(0, str(directory))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise SystemExit(f"inference script {path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def serve() -> int:
    """Answer requests until the process is ended."""
    handlers = Handlers(load_script(), ML / "model")

    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = {
                "/ping": {},
                "/execution-parameters": {
                    "MaxConcurrentTransforms": os.cpu_count() or 1,
                    "BatchStrategy": "MULTI_RECORD",
                    "MaxPayloadInMB": 6,
                },
            }
            found = known.get(self.path)
            self.reply(404 if found is None else 200, json.dumps(found or {}).encode(), "application/json")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                content, content_type = handlers.transform(
                    body, self.headers.get("Content-Type", "text/csv"), self.headers.get("Accept", "text/csv")
                )
            except Exception as error:  # noqa: BLE001 - whatever the user's code raises is the answer of this request
                traceback.print_exc()
                self.reply(500, f"{type(error).__name__}: {error}".encode(), "text/plain")
                return
            self.reply(200, content, content_type)

        def reply(self, status: int, content: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Access lines are left out of the job's log: there is one for each batch."""

    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT))
    ThreadingHTTPServer(("127.0.0.1", port), RequestHandler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit({"train": train, "serve": serve}[sys.argv[1]]())
