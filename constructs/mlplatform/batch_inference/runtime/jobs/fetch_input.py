"""Container script of the step PrepareInput, before the team's own: brings the input, each object in the version that the run recorded.

SageMaker would bring what is current when it comes to each object, which may be none that BeginRun listed. A version never changes,
so however often and however late this runs, the run is made of what its record names.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import HTTPClientError, IncompleteReadError

from batch_jobs.files import DEFAULT_MESSAGE_FILE, JobError, leave_message, read_json

OBJECTS_AT_ONCE = 16
TRIES = 5
_CHUNK_BYTES = 1 << 20
_GONE = ("NoSuchKey", "NoSuchVersion")


def main() -> None:
    """Fetch, or say why not."""
    options = arguments()
    try:
        count = fetch(read_json(options.record), options.output)
    except JobError as error:
        leave_message(error, options.message_file)
        sys.exit(1)
    print(f"fetched {count} objects", flush=True)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--record", type=Path, required=True, help="input.json of the run")
    parser.add_argument("--output", type=Path, required=True, help="directory for the objects")
    parser.add_argument("--message-file", type=Path, default=DEFAULT_MESSAGE_FILE, help="where to say why it failed")
    return parser.parse_args(words)


def fetch(record: Mapping[str, Any], output: Path) -> int:
    """Bring all objects of a record; how many. Raises `JobError` when one is not to be had, or would lie elsewhere."""
    bucket, _, prefix = record["uri"].removeprefix("s3://").partition("/")
    targets = [target_of(output, found["key"], prefix) for found in record["objects"]]
    s3 = boto3.client("s3", config=Config(max_pool_connections=OBJECTS_AT_ONCE))
    with ThreadPoolExecutor(OBJECTS_AT_ONCE) as pool:
        for _ in pool.map(partial(_bring, s3, bucket), record["objects"], targets):
            """Errors are raised here."""
    return len(targets)


def _bring(s3: Any, bucket: str, found: Mapping[str, Any], target: Path) -> None:
    """One object, from its beginning again when the connection breaks; botocore itself tries again only until it has an answer."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in reversed(range(TRIES)):
        try:
            answer = s3.get_object(Bucket=bucket, Key=found["key"], VersionId=found["version_id"])
            with target.open("wb") as file:
                shutil.copyfileobj(answer["Body"], file, _CHUNK_BYTES)
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            raise JobError(
                f"InputChanged: version {found['version_id']} of s3://{bucket}/{found['key']} has been deleted since the run "
                "listed its input; the next attempt lists it anew: do not delete versions while a run is at work"
            ) from error
        except (HTTPClientError, IncompleteReadError):
            if not left:
                raise
        else:
            return


def target_of(output: Path, key: str, prefix: str) -> Path:
    """Where an object lies, as SageMaker would have put it: the prefix is a folder, a whole key, or the beginning of names in a folder."""
    folder = prefix if prefix.endswith("/") or key.startswith(f"{prefix}/") else prefix.rpartition("/")[0]
    path = Path(key[len(folder) :].lstrip("/"))
    if ".." in path.parts:
        raise JobError(
            f"InvalidKey: object '{key}' would lie outside of the input's directory; give it a key without '..'"
        )
    return output / path


if __name__ == "__main__":
    main()
