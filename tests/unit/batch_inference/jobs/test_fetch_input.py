"""What PrepareInput brings: the versions that the run recorded, on a real S3 server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from batch_jobs.files import JobError
from botocore.exceptions import HTTPClientError
from fetch_input import TRIES, arguments, fetch, main, target_of

from runs.begin_run import current_objects
from tests.unit.servers import ACCOUNT, REGION


@pytest.fixture(autouse=True)
def as_in_a_job(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.meta.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


def recorded(s3: Any, bucket: str, **content: bytes) -> dict[str, Any]:
    """What BeginRun records of `<name>.csv` under `day/`."""
    for name, body in content.items():
        s3.put_object(Bucket=bucket, Key=f"day/{name}.csv", Body=body)
    uri = f"s3://{bucket}/day/"
    return {"uri": uri, "objects": current_objects(s3, uri)}


def files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_what_comes_goes_or_is_replaced_after_the_listing_changes_nothing(s3: Any, bucket: str, tmp_path: Path) -> None:
    record = recorded(s3, bucket, replaced=b"1", removed=b"2", large=b"3" * (9 << 20))
    s3.put_object(Bucket=bucket, Key="day/replaced.csv", Body=b"another")
    s3.delete_object(Bucket=bucket, Key="day/removed.csv")
    s3.put_object(Bucket=bucket, Key="day/added.csv", Body=b"4")

    assert fetch(record, tmp_path) == 3

    assert files(tmp_path) == {"replaced.csv": b"1", "removed.csv": b"2", "large.csv": b"3" * (9 << 20)}


@pytest.mark.parametrize(("breaks", "comes"), [(TRIES - 1, True), (TRIES, False)])
def test_an_object_comes_from_its_beginning_again_when_the_connection_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: int, comes: bool
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    record = {"uri": "s3://data/day/", "objects": [{"key": "day/a.csv", "version_id": "7"}]}

    with breaking_server(breaks) as endpoint, nullcontext() if comes else pytest.raises(HTTPClientError):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        fetch(record, tmp_path)

    assert (files(tmp_path)["a.csv"] == b"0123456789") is comes


@contextmanager
def breaking_server(breaks: int) -> Iterator[str]:
    """A server that closes so many connections in the middle of its answer."""
    left = iter(range(breaks))

    class Breaking(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"0123456789" if next(left, None) is None else b"0123")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_version_that_is_gone_is_said_with_the_word_that_the_controller_knows(
    s3: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = recorded(s3, bucket, a=b"1", b=b"2")
    version = record["objects"][1]["version_id"]
    s3.delete_object(Bucket=bucket, Key="day/b.csv", VersionId=version)
    (tmp_path / "input.json").write_text(json.dumps(record))
    words = ["--record", "input.json", "--output", "data", "--message-file", "message"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fetch_input.arguments", lambda: arguments(words))

    with pytest.raises(SystemExit):
        main()

    message = (tmp_path / "message").read_text()
    assert message.startswith(f"InputChanged: version {version} of s3://{bucket}/day/b.csv has been deleted since")


@pytest.mark.parametrize(
    ("prefix", "key", "expected"),
    [
        ("sales/", "sales/2026/a.csv", "2026/a.csv"),
        ("sales", "sales/2026/a.csv", "2026/a.csv"),
        ("sales/20", "sales/2026/a.csv", "2026/a.csv"),
        ("sales/a.csv", "sales/a.csv", "a.csv"),
        ("", "a.csv", "a.csv"),
    ],
)
def test_objects_lie_where_sagemaker_would_have_put_them(prefix: str, key: str, expected: str) -> None:
    assert target_of(Path("data"), key, prefix) == Path("data", expected)


def test_no_object_lies_outside_of_the_inputs_directory() -> None:
    with pytest.raises(JobError, match=r"InvalidKey: object 'sales/\.\./code/a\.py' would lie outside"):
        target_of(Path("data"), "sales/../code/a.py", "sales/")
