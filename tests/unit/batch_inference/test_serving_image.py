"""The build of the tabular serving image, and what the embedded AWS makes of its name."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mllocal.images import image_for
from mlplatform.batch_inference.serving_image import TabularImage
from mlplatform.project import MlProject
from mlrecords.packages import LABEL, installed_of
from tests.unit.pipeline.synthesis import Synthesized, flat, synthesize_project


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    def define(project: MlProject) -> None:
        TabularImage(project, "TabularImage", project=project)

    return synthesize_project(tmp_path_factory.mktemp("serving"), define)


def test_the_build_has_the_dockerfile_the_server_and_the_loader(synthesized: Synthesized) -> None:
    archives = [zipfile.ZipFile(io.BytesIO(path.read_bytes())) for path in synthesized.directory.glob("asset.*.zip")]
    (names,) = [set(archive.namelist()) for archive in archives if "serving/Dockerfile" in archive.namelist()]

    assert {"serving/serve.py", "serving/requirements.txt", "runtime/jobs/batch_jobs/models.py"} <= names
    dockerfile = (Path("constructs") / "mlplatform" / "batch_inference" / "serving" / "Dockerfile").read_text()
    copied = [line.split()[1] for line in dockerfile.splitlines() if line.startswith("COPY")]
    assert all(any(name == path or name.startswith(f"{path}/") for name in names) for path in copied)


def test_the_build_pushes_to_the_images_own_repository(synthesized: Synthesized) -> None:
    repositories = synthesized.resources("AWS::ECR::Repository")
    (build,) = synthesized.resources("AWS::CodeBuild::Project").values()
    variables = {it["Name"]: it["Value"] for it in build["Environment"]["EnvironmentVariables"]}

    assert "demo/mlplatform-tabular" in {it["RepositoryName"] for it in repositories.values()}
    assert variables["REPOSITORY_URI"] == "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/mlplatform-tabular"
    commands = json.loads(flat(build["Source"]["BuildSpec"]))["phases"]["build"]["commands"]
    assert 'docker build --tag "$IMAGE" --file serving/Dockerfile .' in commands


def test_the_build_labels_the_image_with_what_is_installed_in_it(synthesized: Synthesized, tmp_path: Path) -> None:
    """The shell of the build runs, with a `docker` that runs Python here and notes what it is asked for."""
    (build,) = synthesized.resources("AWS::CodeBuild::Project").values()
    commands = json.loads(flat(build["Source"]["BuildSpec"]))["phases"]["build"]["commands"]
    (tmp_path / "docker").write_text(
        f'#!/bin/sh\nif [ "$1" = run ]; then shift 5; exec {sys.executable} "$@"; fi\nprintf "%s\\n" "$@" >> {tmp_path}/asked\n'
    )
    (tmp_path / "docker").chmod(0o755)
    script = "\n".join(command for command in commands if not command.startswith("aws "))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REPOSITORY_URI": "registry/demo", "IMAGE_TAG": "1"}
    subprocess.run(["sh", "-ec", script], env=environment, check=True)

    asked = (tmp_path / "asked").read_text().splitlines()
    label = next(word for word in asked if word.startswith(f"{LABEL}="))
    assert installed_of(json.loads(label.partition("=")[2])).packages["hypothesis"]
    assert asked[-2:] == ["push", "registry/demo:1"]


def test_the_embedded_aws_runs_the_very_server_for_any_tag() -> None:
    image = image_for("123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/mlplatform-tabular:0123456789abcdef")

    assert image.entry.directory is not None
    assert (image.entry.directory / "serve.py").is_file()
    assert image.entry.environment.requirements == image.entry.directory / "requirements.txt"
