"""The digest of a local image, and what its label says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mllocal.images import UnknownImageError, image_for
from mllocal.images.catalog import Entry
from mllocal.images.environments import Environment
from mllocal.images.manifests import Manifest, packages_of
from mlrecords.packages import LABEL, normal_name

SIX = "six==1.17.0 \\\n    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n"
ELSEWHERE = "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn"


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    """A team's image."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(SIX)
    (tmp_path / "train.py").write_text("pass")
    environment = Environment("team", lock)
    return Entry("team/image", ("1",), "a team's", environment, directory=tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "is_another"),
    [
        ("requirements.txt", "# a comment\n" + SIX, False),
        ("requirements.txt", ELSEWHERE + SIX, False),
        ("requirements.in", "six", False),
        ("requirements.txt", SIX.replace("1.17.0", "1.16.0"), True),
        ("requirements.txt", SIX.replace("4721", "4722"), True),
        ("train.py", "print()", True),
        ("serve.py", "pass", True),
    ],
)
def test_the_digest_changes_exactly_when_the_environment_does(
    entry: Entry, file: str, content: str, *, is_another: bool
) -> None:
    before = Manifest(entry).digest
    assert entry.directory is not None
    (entry.directory / file).write_text(content)

    assert (Manifest(entry).digest != before) == is_another


def test_the_label_says_what_the_lock_installs(entry: Entry) -> None:
    entry.environment.requirements.write_text(ELSEWHERE + SIX)

    label = json.loads(json.loads(Manifest(entry).config)["config"]["Labels"][LABEL])

    assert label["packages"] == {"six": "1.17.0"}


def test_the_lock_is_what_is_installed() -> None:
    image = image_for(f"{SCIKIT_LEARN}:1.9-0-cpu-py3")
    assert image.is_built
    found = (path.stem for path in image.directory.glob("lib/python*/site-packages/*.dist-info"))
    installed = {normal_name(name): version for name, version in (stem.rsplit("-", 1) for stem in found)}

    assert packages_of(image.entry.environment.requirements) == installed


def test_an_image_is_found_by_its_digest_and_by_no_other() -> None:
    tagged = image_for(f"{SCIKIT_LEARN}:1.9-0-cpu-py3")
    digest = Manifest(tagged.entry).digest

    assert image_for(f"{SCIKIT_LEARN}@{digest}").name == tagged.name
    assert image_for(f"{SCIKIT_LEARN}:moved@{digest}").name == tagged.name
    for other in (f"{SCIKIT_LEARN}@sha256:{'0' * 64}", f"somewhere/else@{digest}"):
        with pytest.raises(UnknownImageError, match=re.escape(other)):
            image_for(other)


def test_two_names_of_one_environment_are_one_image(entry: Entry) -> None:
    assert Manifest(replace(entry, tags=("2",))).digest == Manifest(entry).digest
