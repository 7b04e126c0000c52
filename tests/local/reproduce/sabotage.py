"""Twenty-four ways in which a run cannot come out again as recorded, each with its cause."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlp.reproduce.verdict import Cause, Verdict
from mlrecords.record import Algorithm, Environment, Image, Metric
from tests.local.reproduce.chain import Chain
from tests.local.reproduce.recording import Laboratory, environment, git
from tests.local.workbench import Workbench

SERIES = ("series.py", "--model", "linear")
CLUSTERS = ("plain.py", "clusters", "--random-state", "3")
SEEDED = {"random_state": "3"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is done, and the cause that has to be found. Cases that are slow do not run in each `make test`."""

    name: str
    cause: Cause
    verdict: Callable[[Workbench, Path], Verdict]
    is_representative: bool = False


def _script(record: Callable[[Laboratory], str], after: Callable[[Laboratory], object] = lambda _: None) -> Any:
    def verdict(workbench: Workbench, directory: Path) -> Verdict:
        laboratory = Laboratory.create(workbench, directory)
        run_id = record(laboratory)
        after(laboratory)
        return laboratory.judge(run_id, directory / "clean")

    return verdict


def _job(record: Callable[[Chain], str], after: Callable[[Chain], object] = lambda _: None, **options: bool) -> Any:
    def verdict(workbench: Workbench, directory: Path) -> Verdict:
        chain = Chain.create(workbench)
        run_id = record(chain)
        after(chain)
        return chain.judge(run_id, directory / "clean", **options)

    return verdict


def _series(laboratory: Laboratory, **facts: Any) -> str:
    return laboratory.record(SERIES, inputs={"history": laboratory.file("data/hourly.csv")}, **facts)


def _series_from_s3(laboratory: Laboratory) -> str:
    return laboratory.record(SERIES, inputs={"history": laboratory.upload("hourly.csv", "data/hourly.csv")})


def _clusters(laboratory: Laboratory, **facts: Any) -> str:
    return laboratory.record(CLUSTERS, seeds=SEEDED, **facts)


def _in(**changes: Any) -> Environment:
    return dataclasses.replace(environment(), **changes)


def _change(path: str, old: str = "", new: str = "") -> Callable[[Laboratory], object]:
    def change(laboratory: Laboratory) -> None:
        file = laboratory.repository / path
        file.write_text(file.read_text().replace(old, new, 1) if old else file.read_text() + "\n# changed\n")

    return change


def _delete_versions(laboratory: Laboratory) -> None:
    versions = laboratory.s3.list_object_versions(Bucket=laboratory.workbench.bucket, Prefix="hourly.csv")["Versions"]
    for version in versions:
        laboratory.s3.delete_object(
            Bucket=laboratory.workbench.bucket, Key=version["Key"], VersionId=version["VersionId"]
        )


def _of_a_dirty_tree(laboratory: Laboratory) -> str:
    _change("plain.py", "range(20)", "range(2)")(laboratory)
    return _clusters(laboratory, code=laboratory.code(CLUSTERS, dirty=True))


def _with_a_patch_for_other_code(laboratory: Laboratory) -> str:
    _change("plain.py", "range(20)", "range(2)")(laboratory)
    patch = git(laboratory.repository, "diff") + "\n"
    git(laboratory.repository, "checkout", "--", ".")
    _change("plain.py", "range(20)", "range(30)")(laboratory)
    laboratory.commit()
    name = laboratory.store.keep(patch.encode())
    return _clusters(laboratory, code=laboratory.code(CLUSTERS, dirty=True, diff=name))


def _rewrite_history(laboratory: Laboratory) -> None:
    git(laboratory.repository, "commit", "--quiet", "--amend", "--message", "rewritten")
    git(laboratory.repository, "push", "--quiet", "--force", "origin", "main")
    for place in (laboratory.repository, laboratory.remote):
        git(place, "reflog", "expire", "--expire=now", "--all")
        git(place, "gc", "--quiet", "--prune=now")


def _with_a_seed_in_the_code(laboratory: Laboratory) -> str:
    _change("plain.py", "default_rng(given.random_state)", "default_rng(8)")(laboratory)
    laboratory.commit()
    return laboratory.record(("plain.py", "clusters"), seeds={"random_state": "7"})


def _with_the_metrics_of_another_seed(laboratory: Laboratory) -> str:
    found = laboratory.run(("plain.py", "clusters", "--random-state", "11"))["metrics"]
    return _clusters(laboratory, metrics={name: Metric(value=value) for name, value in found.items()})


def _with_a_file_that_only_the_author_has(laboratory: Laboratory) -> str:
    return laboratory.record(SERIES)


def _with_a_script_that_was_never_committed(laboratory: Laboratory) -> str:
    return _clusters(laboratory, code=laboratory.code(("forgotten.py", *CLUSTERS[1:])))


def _with_a_secret(laboratory: Laboratory) -> str:
    code = 'import os\nassert len(os.environ["FEATURE_STORE_TOKEN"]) == 5\n'
    file = laboratory.repository / "plain.py"
    file.write_text(file.read_text().replace("import argparse\n", f"import argparse\n{code}", 1))
    laboratory.commit()
    masked = _in(variables={"FEATURE_STORE_TOKEN": "*** masked: its name says token"})
    return laboratory.record(CLUSTERS, seeds=SEEDED, variables={"FEATURE_STORE_TOKEN": "12345"}, environment=masked)


def _trained(chain: Chain, **facts: Any) -> str:
    chain.train(seed=7)
    return chain.record("training", "train", **facts)


def _with_an_image(chain: Chain) -> str:
    chain.train(seed=7)
    return chain.record("training", "train", environment=Environment(image=_pushed(chain, "one")))


def _pushed(chain: Chain, content: str) -> Image:
    ecr, engine = chain.workbench.engine.client("ecr"), chain.workbench.engine
    repository = f"team/{chain.workbench.bucket}"
    if content == "one":
        ecr.create_repository(repositoryName=repository)
    found = ecr.put_image(repositoryName=repository, imageManifest=json.dumps({"is": content}), imageTag="1")["image"]
    uri = f"{engine.account}.dkr.ecr.{engine.region}.amazonaws.com/{repository}:1"
    return Image(uri=uri, digest=found["imageId"]["imageDigest"])


def _with_loose_requirements(chain: Chain) -> str:
    loose = Environment(python=environment().python, requirements="six>=1.15\n", packages={"six": "1.15.0"})
    return _trained(chain, environment=loose)


def _with_another_seed_in_its_request(chain: Chain) -> str:
    return _trained(chain, algorithm=Algorithm(hyperparameters={"seed": "7"}, seeds={"seed": "8"}))


CASES = (
    Case(
        name="a local file was changed",
        cause=Cause.DATA,
        verdict=_script(_series, _change("data/hourly.csv", ",16\n", ",17\n")),
        is_representative=True,
    ),
    Case(
        name="an object was overwritten",
        cause=Cause.DATA,
        verdict=_script(_series_from_s3, lambda laboratory: laboratory.workbench.put("hourly.csv", "bikers\n1\n")),
    ),
    Case(
        name="an object was deleted, its version is kept",
        cause=Cause.DATA,
        verdict=_script(
            _series_from_s3,
            lambda laboratory: laboratory.s3.delete_object(Bucket=laboratory.workbench.bucket, Key="hourly.csv"),
        ),
    ),
    Case(
        name="an object was deleted with its versions",
        cause=Cause.MISSING_FILE,
        verdict=_script(_series_from_s3, _delete_versions),
    ),
    Case(
        name="a local file that nobody kept is gone",
        cause=Cause.MISSING_FILE,
        verdict=_script(
            lambda laboratory: laboratory.record(
                SERIES, inputs={"history": laboratory.file("data/hourly.csv", keep=False)}
            ),
            lambda laboratory: (laboratory.repository / "data" / "hourly.csv").unlink(),
        ),
    ),
    Case(
        name="a file was read that is no input of the record",
        cause=Cause.MISSING_FILE,
        verdict=_script(_with_a_file_that_only_the_author_has),
    ),
    Case(
        name="the script was never committed",
        cause=Cause.MISSING_FILE,
        verdict=_script(_with_a_script_that_was_never_committed),
    ),
    Case(
        name="a dirty tree without a patch",
        cause=Cause.CODE,
        verdict=_script(_of_a_dirty_tree),
        is_representative=True,
    ),
    Case(name="a patch for other code", cause=Cause.CODE, verdict=_script(_with_a_patch_for_other_code)),
    Case(name="history was rewritten", cause=Cause.CODE, verdict=_script(_clusters, _rewrite_history)),
    Case(
        name="a patch that nobody has",
        cause=Cause.CODE,
        verdict=_script(
            lambda laboratory: _clusters(
                laboratory, code=laboratory.code(CLUSTERS, dirty=True, diff=f"sha256:{'0' * 64}")
            )
        ),
    ),
    Case(
        name="a version that is on no index",
        cause=Cause.PACKAGE,
        verdict=_script(
            lambda laboratory: _clusters(
                laboratory, environment=_in(packages={**environment().packages, "joblib": "0.0.99"})
            )
        ),
        is_representative=True,
    ),
    Case(
        name="a package that the record does not have",
        cause=Cause.PACKAGE,
        verdict=_script(
            lambda laboratory: _series(laboratory, environment=_in(packages={"numpy": environment().packages["numpy"]}))
        ),
    ),
    Case(
        name="no Python of that version",
        cause=Cause.ENVIRONMENT,
        verdict=_script(lambda laboratory: _clusters(laboratory, environment=_in(python="3.99.0"))),
    ),
    Case(
        name="a secret that no record holds",
        cause=Cause.ENVIRONMENT,
        verdict=_script(_with_a_secret),
    ),
    Case(
        name="the command has another seed than the record",
        cause=Cause.SEED,
        verdict=_script(lambda laboratory: laboratory.record(CLUSTERS, seeds={"random_state": "4"})),
    ),
    Case(
        name="the code has another seed than the record",
        cause=Cause.SEED,
        verdict=_script(_with_a_seed_in_the_code),
        is_representative=True,
    ),
    Case(
        name="the metrics are those of another seed",
        cause=Cause.SEED,
        verdict=_script(_with_the_metrics_of_another_seed),
    ),
    Case(
        name="a metric was made better by hand",
        cause=Cause.UNEXPLAINED,
        verdict=_script(lambda laboratory: _clusters(laboratory, metrics={"inertia": Metric(value=1.0)})),
    ),
    Case(
        name="a job's data was overwritten",
        cause=Cause.DATA,
        verdict=_job(_trained, lambda chain: chain.workbench.put("raw/rows.csv", "1\n2\n4\n")),
    ),
    Case(
        name="a job's image tag was moved",
        cause=Cause.IMAGE,
        verdict=_job(_with_an_image, lambda chain: _pushed(chain, "two")),
        is_representative=True,
    ),
    Case(
        name="a job's packed code was replaced",
        cause=Cause.CODE,
        verdict=_job(
            _trained,
            lambda chain: chain.workbench.put_archive(f"{chain.job('train')}/source.tar.gz", {"train.py": "print(1)"}),
        ),
    ),
    Case(
        name="a job's unpinned package was upgraded",
        cause=Cause.PACKAGE,
        verdict=_job(_with_loose_requirements),
        is_representative=True,
    ),
    Case(
        name="a job's request has another seed than the record",
        cause=Cause.SEED,
        verdict=_job(_with_another_seed_in_its_request),
    ),
)
