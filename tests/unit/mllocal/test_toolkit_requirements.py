"""The requirements of a source directory, on top of what its local image has."""

from __future__ import annotations

from mllocal.images import image_for
from tests.unit.mllocal.toolkit import IMAGE, Ml


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
