"""The image and the code that a run used are pinned, on a real ECR and S3 emulator."""

from __future__ import annotations

from mllocal.images import image_for
from mlrecords.pins import Clients
from mlrecords.pins.images import at_digest
from mlrecords.record import Code, Environment, Image
from mlrecords.store import RecordStore
from tests.local.pins.pinning import a_run, with_pins
from tests.local.workbench import IMAGE, Workbench


def test_an_image_is_pinned_by_its_digest_with_what_is_installed(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    environment = with_pins(a_run(environment=Environment(image=Image(uri=IMAGE))), store, clients).environment

    assert environment.image is not None
    assert environment.packages["scikit-learn"] == "1.9.0"
    assert environment.python is not None
    by_digest = at_digest(IMAGE, environment.image.digest)
    assert image_for(by_digest).name == "scikit_learn_1_9_0"
    described = workbench.engine.client("ecr").describe_images(
        registryId="683313688378",
        repositoryName="sagemaker-scikit-learn",
        imageIds=[{"imageTag": "1.9-0-cpu-py3"}],
    )
    assert described["imageDetails"][0]["imageDigest"] == environment.image.digest


def test_a_digest_that_was_pinned_stays_though_its_tag_moves(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    known = Image(uri=IMAGE, digest=f"sha256:{'0' * 64}")

    assert with_pins(a_run(environment=Environment(image=known)), store, clients).environment.image == known


def test_a_probe_tells_what_a_label_does_not(workbench: Workbench, store: RecordStore, clients: Clients) -> None:
    image = f"sha256:{'1' * 64}"
    uri = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/mine@{image}"
    store.keep_environment(image, {"python": "3.10.1", "packages": {"numpy": "1.26.0"}})

    environment = with_pins(a_run(environment=Environment(image=Image(uri=uri))), store, clients).environment

    assert environment.image == Image(uri=uri, digest=image)
    assert (environment.python, environment.packages) == ("3.10.1", {"numpy": "1.26.0"})


def test_the_archive_of_code_is_pinned_with_its_requirements_and_where_it_came_from(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    name = "ab" * 32
    uri = workbench.put_archive(
        f"assets/{name}.gz",
        {"requirements.txt": "--index-url https://me:hunter2@host/\npandas==3.0\n", "train.py": "pass"},
    )
    workbench.put(f"assets/{name}.gz.sig", "a neighbour")
    workbench.put(
        f"assets/provenance/{name}.json",
        '{"schema_version":"1.0","commit":"c0ffee","remote":null,"directory":"jobs","dirty":true,"left_out":[],"patch":"cGF0Y2g="}',
    )

    found = with_pins(a_run(code=Code(archive_uri=uri)), store, clients)

    assert found.code.archive_sha256 is not None
    assert (found.code.commit, found.code.directory, found.code.dirty) == ("c0ffee", "jobs", True)
    assert store.blob(found.code.diff or "") == b"patch"
    assert (found.environment.requirements or "").endswith("pandas==3.0\n")
    assert "hunter2" not in (found.environment.requirements or "")
