"""`train`: script mode. Fetches the source, installs its requirements, runs the program, and writes the failure file."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .dependencies import Installer
from .hyperparameters import arguments, decoded, refuse_distributions
from .places import CODE, CONFIGURATION, ToolkitError, fetch_source, write_failure
from .sm_variables import Run, training_variables

_ERROR_LINES = 40


def main(words: list[str]) -> int:
    """Run the user's training program; its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--installer", required=True)
    installer = Installer.read(parser.parse_args(words).installer)
    try:
        given = decoded(json.loads((CONFIGURATION / "hyperparameters.json").read_text()))
        refuse_distributions(given)
        program = _program(given)
        fetch_source(str(given["sagemaker_submit_directory"]), CODE)
        return _run(program, given, installer)
    except ToolkitError as error:
        print(error, file=sys.stderr, flush=True)
        write_failure(str(error))
        return 1


def _program(given: dict[str, Any]) -> str:
    missing = [name for name in ("sagemaker_program", "sagemaker_submit_directory") if name not in given]
    if missing:
        raise ToolkitError(
            "ClientError",
            f"hyperparameter {missing[0]!r} is missing: the embedded AWS runs images in script mode, with an entry point and "
            "its source; it has no built-in algorithms",
        )
    return str(given["sagemaker_program"])


def _run(program: str, given: dict[str, Any], installer: Installer) -> int:
    settings = {name: value for name, value in given.items() if name.startswith("sagemaker_")}
    hyperparameters = {name: value for name, value in given.items() if name not in settings}
    run = Run(program, hyperparameters, arguments(hyperparameters), settings)
    python = installer.python_for(CODE)
    package = CODE.parent / "package"
    if (CODE / "setup.py").is_file():
        installer.install_package(CODE, package)
    command = [*_launcher(program, python), *run.arguments]
    environment = {
        **os.environ,
        **training_variables(run),
        "PATH": f"{Path(python).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": os.pathsep.join([str(CODE), *([str(package)] if package.is_dir() else [])]),
    }
    exit_code, errors = _follow(command, environment)
    if exit_code != 0:
        shown = " ".join([Path(command[0]).name, *command[1:]])
        write_failure(f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{errors}"\nCommand "{shown}"')
    return exit_code


def _launcher(program: str, python: str) -> list[str]:
    """A package with setup.py is run as a module, a `.py` file by Python, anything else by the shell, as the toolkit does."""
    if (CODE / "setup.py").is_file():
        return [python, "-m", program.removesuffix(".py").replace("/", ".")]
    if not (CODE / program).is_file():
        raise ToolkitError("ClientError", f"entry point {program!r} is not in the source directory: {_listing()}")
    if program.endswith(".py"):
        return [python, program]
    (CODE / program).chmod(0o777)
    return ["/bin/sh", "-c", f'./{program} "$@"', program]


def _listing() -> str:
    return ", ".join(sorted(path.name for path in CODE.iterdir())) or "it is empty"


def _follow(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run to the end with the output as the job's own; the exit code, and the end of what went to standard error."""
    process = subprocess.Popen(
        command, cwd=CODE, env=environment, stderr=subprocess.PIPE, text=True, errors="replace", bufsize=1
    )
    lines: list[str] = []
    for line in process.stderr or ():
        sys.stderr.write(line)
        sys.stderr.flush()
        lines = [*lines[-_ERROR_LINES:], line]
    return process.wait(), "".join(lines).strip()[-800:]
