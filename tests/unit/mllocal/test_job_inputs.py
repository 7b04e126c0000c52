"""How objects of S3 are dealt out to hosts, and merged from them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mllocal.jobs.artifacts import merged
from mllocal.jobs.hosts import Cluster
from mllocal.jobs.inputs import deal
from mllocal.s3 import S3Object, S3Uri


@given(st.integers(0, 40), st.integers(1, 9))
def test_every_object_goes_to_one_host_and_shares_differ_by_one_at_most(objects: int, hosts: int) -> None:
    items = [S3Object(S3Uri("bucket", f"key-{number:02}"), f"key-{number:02}") for number in range(objects)]

    shares = deal(items, hosts)

    assert sorted((item for share in shares for item in share), key=lambda item: item.uri.key) == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert all(share == sorted(share, key=lambda item: item.uri.key) for share in shares)


def test_each_host_finds_itself_and_all_others_in_its_configuration(tmp_path: Path) -> None:
    cluster = Cluster.create(tmp_path, "ml.m5.large", 3)

    configuration = cluster.resource_config(cluster.hosts[1])

    assert configuration["current_host"] == "algo-2"
    assert configuration["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert all(host.ml.is_dir() for host in cluster.hosts)


def test_files_of_all_hosts_are_merged_and_the_first_host_wins(tmp_path: Path) -> None:
    for host, names in (("a", ("same", "deep/one")), ("b", ("same", "two"))):
        for name in names:
            path = tmp_path / host / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(host)

    found = merged([tmp_path / "a", tmp_path / "b"])

    contents = {name: path.read_text() for name, path in found.items() if path.is_file()}
    assert contents == {"same": "a", "deep/one": "a", "two": "b"}
