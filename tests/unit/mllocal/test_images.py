"""Which local environment stands for an image, and how a team adds one."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from mllocal.errors import EngineError
from mllocal.images import LocalImage, UnknownImageError, environments, image_for, known_images, register
from mllocal.images.catalog import REGISTRATIONS_VARIABLE
from mllocal.images.environments import Environment

LOCK = "six==1.17.0 \\\n    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which `mlp up` runs, with an image directory `mine`."""
    monkeypatch.setenv(REGISTRATIONS_VARIABLE, str(tmp_path / "images.toml"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "requirements.txt").write_text(LOCK)
    return tmp_path


@pytest.fixture
def scratch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for environments, so that they are built in the test."""
    monkeypatch.setattr(environments, "home", lambda: tmp_path / "environments")
    return tmp_path / "environments"


@pytest.mark.parametrize(
    "registry", ["683313688378.dkr.ecr.us-east-1.amazonaws.com", "354813040037.dkr.ecr.ap-northeast-1.amazonaws.com"]
)
def test_an_image_is_known_in_every_region(registry: str) -> None:
    assert image_for(f"{registry}/sagemaker-scikit-learn:1.9-0-cpu-py3").name == "scikit_learn_1_9_0"


@pytest.mark.parametrize("uri", ["sagemaker-scikit-learn", "team/image:latest", "sagemaker-scikit-learn:0.1"])
def test_an_unknown_image_is_an_error_that_names_those_there_are(uri: str) -> None:
    with pytest.raises(UnknownImageError, match=f"image '{uri}' has no local environment.*1.9-0-cpu-py3"):
        image_for(uri)


@pytest.mark.parametrize(
    ("uri", "line"),
    [
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/forecast:7",
            "mlp images register team/forecast:7 <directory>",
        ),
        ("localhost:5000/forecast:7", "mlp images register forecast:7 <directory>"),
        ("forecast", "mlp images register forecast:latest <directory>"),
        ("forecast@sha256:0000", "mlp images register forecast:latest <directory>"),
    ],
)
def test_an_unknown_image_is_an_error_with_the_line_that_registers_one(uri: str, line: str) -> None:
    with pytest.raises(UnknownImageError) as error:
        image_for(uri)

    assert line in str(error.value)


@pytest.mark.parametrize(
    ("tag", "python", "environment"),
    [
        ("1.2-1-cpu-py3", (3, 11), "scikit_learn_1_2_1"),
        ("1.2-1-cpu-py3", (3, 12), "scikit_learn_1_4_2"),
        ("1.2-1-cpu-py3", (3, 13), "scikit_learn_1_9_0"),
        ("1.4-2-cpu-py3", (3, 11), "scikit_learn_1_4_2"),
        ("1.4-2-cpu-py3", (3, 13), "scikit_learn_1_9_0"),
    ],
)
def test_an_older_image_runs_in_the_nearest_environment_that_installs_on_this_python(
    tag: str, python: tuple[int, ...], environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", python)

    assert image_for(f"registry.example/sagemaker-scikit-learn:{tag}").name == environment


def test_every_image_of_the_catalog_has_a_locked_environment_and_the_default_set_is_scikit_learn() -> None:
    images = known_images()

    assert all("--hash=sha256:" in image.entry.environment.requirements.read_text() for image in images.values())
    assert {label for label, image in images.items() if image.entry.is_default} == {
        "sagemaker-scikit-learn:1.9-0-cpu-py3"
    }
    assert {"sagemaker-xgboost:3.2-0", "mlplatform-lightgbm:4.7.0"} <= images.keys()


def test_locks_show_no_path_of_the_machine_they_were_made_on() -> None:
    for image in known_images().values():
        header = image.entry.environment.requirements.read_text().splitlines()[:3]
        assert not any(" /" in line and "/dev/fd" not in line for line in header), header


def test_a_registered_directory_stands_for_its_image_at_once(team: Path) -> None:
    register("team/forecast:1", team / "mine", at=team)

    image = image_for("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/forecast:1")

    assert image.name == "team_team_forecast_1"
    assert image.entry.directory == team / "mine"
    assert 'directory = "mine"' in (team / "images.toml").read_text()


def test_registering_again_replaces_the_directory_and_keeps_the_others(team: Path) -> None:
    (team / "other").mkdir()
    (team / "other" / "requirements.txt").write_text(LOCK)
    register("team/a:1", team / "mine", at=team)
    register("team/b:1", team / "mine", at=team)

    register("team/a:1", team / "other", at=team)

    assert image_for("team/a:1").entry.directory == team / "other"
    assert image_for("team/b:1").entry.directory == team / "mine"


def test_a_team_can_take_the_name_of_a_built_in_image(team: Path) -> None:
    register("sagemaker-xgboost:3.2-0", team / "mine", at=team)

    assert image_for("1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0").name == "team_sagemaker_xgboost_3.2_0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"has no requirements.txt; write a requirements.in there and lock it: uv pip compile"),
        ("six==1.17.0\n", r"is not locked: 'six==1.17.0' has no exact version with a hash"),
        ("six>=1 --hash=sha256:00\n", "is not locked: 'six>=1"),
    ],
)
def test_a_directory_without_a_lock_is_refused_with_the_command_that_locks_it(
    team: Path, content: str | None, message: str
) -> None:
    requirements = team / "mine" / "requirements.txt"
    requirements.unlink() if content is None else requirements.write_text(content)

    with pytest.raises(EngineError, match=message):
        register("team/forecast:1", team / "mine", at=team)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[[image]]\ndirectory = 'mine'\n", "images.toml, image 1 has no 'image'"),
        ("[[image]]\nimage = 'a:1'\ndirectory = 'mine'\npython = '3'\n", "image 1 has the unknown field 'python'"),
        ("[[image]]\nimage = 'a'\ndirectory = 'mine'\n", "'a' is not the name of an image; write repository:tag"),
        ("[[image", "is not TOML"),
    ],
)
def test_a_wrong_registration_is_refused_naming_the_entry(team: Path, toml: str, message: str) -> None:
    (team / "images.toml").write_text(toml)

    with pytest.raises(EngineError, match=message):
        image_for("a:1")


def test_a_teams_programs_run_instead_of_the_toolkit(team: Path, scratch_home: Path) -> None:
    for name in ("train.py", "serve.sh", "entrypoint"):
        (team / "mine" / name).touch()
    register("team/forecast:1", team / "mine", at=team)

    image = image_for("team/forecast:1")

    assert image.train_command == [str(image.directory / "bin/python"), str(team / "mine/train.py"), "train"]
    assert image.serve_command == ["sh", str(team / "mine/serve.sh"), "serve"]
    assert image.entrypoint == [str(team / "mine/entrypoint")]


def test_concurrent_first_uses_build_an_environment_once(team: Path, scratch_home: Path) -> None:
    environment = Environment("once", team / "mine" / "requirements.txt")
    said: list[str] = []
    threads = [threading.Thread(target=environment.build, args=(said.append,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert environment.is_built
    assert sum(line.startswith("building the local environment of once") for line in said) == 1
    assert [path.name for path in scratch_home.glob(".building-*")] == []


def test_a_build_that_fails_leaves_nothing_and_says_what_the_installer_said(team: Path, scratch_home: Path) -> None:
    wrong = team / "wrong.txt"
    wrong.write_text("no-such-package-of-this-project==1.0 --hash=sha256:" + "0" * 64 + "\n")
    environment = Environment("wrong", wrong)

    with pytest.raises(EngineError, match=r"building a local image failed(.|\n)*no-such-package-of-this-project"):
        environment.build(lambda line: None)

    assert not environment.is_built
    assert not list(scratch_home.glob(".building-*"))


def test_the_job_is_told_which_versions_run_where_they_are_not_those_of_aws(team: Path, scratch_home: Path) -> None:
    entry = image_for("sagemaker-scikit-learn:1.2-1-cpu-py3").entry
    small = Environment("small", team / "mine" / "requirements.txt")
    image = LocalImage("sagemaker-scikit-learn:1.2-1-cpu-py3", type(entry)("x", ("1",), "", small, aws="six 1.0"))
    said: list[str] = []

    image.prepare(said.append)

    assert said[-1].startswith("AWS's image x:1 has six 1.0; here it runs with Python 3.")
