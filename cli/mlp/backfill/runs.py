"""The runs of one pipeline of batch inference in AWS: its schedule, its controller, what it published, its state."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mlp.backfill.moments import Schedule
from mlp.errors import CliError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlp.target import Target

_STARTS_IN_ONE_CALL = 100
_STRFTIME_CODE = re.compile(r"%[a-zA-Z]")
_MISSING = ("NoSuchKey", "404")


def is_by_moment(input_uri: object) -> bool:
    """Whether an input is another one for each moment: it holds codes of strftime, such as `%Y/%m/%d`."""
    return isinstance(input_uri, str) and _STRFTIME_CODE.search(input_uri) is not None


@dataclass(frozen=True)
class BatchRuns:
    """A pipeline that `BatchInference` made. Raises CliError for what it does not have."""

    target: Target
    pipeline: str

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """What the controller was deployed with."""
        try:
            function = self.target.client("lambda").get_function_configuration(FunctionName=self._controller)
            settings: Mapping[str, Any] = json.loads(function["Environment"]["Variables"]["RUNS"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise self._no_controller(f"there is no function '{self._controller}'") from error
        except KeyError as error:
            raise self._no_controller(f"function '{self._controller}' has no setting {error}") from error
        return settings

    def schedule(self) -> Schedule:
        """The pipeline's schedule; its group and its name are the pipeline's."""
        try:
            found = self.target.client("scheduler").get_schedule(GroupName=self.pipeline, Name=self.pipeline)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            cause = f"pipeline '{self.pipeline}' has no schedule, so no moment was missed"
            fix = f"give it one in its construct (schedule=...), or start one run with `mlp run {self.pipeline}`"
            raise CliError(cause, fix=fix, exit_code=ExitCode.NOT_FOUND) from error
        return Schedule(
            expression=found["ScheduleExpression"],
            time_zone=found.get("ScheduleExpressionTimezone", "UTC"),
            start_date=found.get("StartDate"),
            end_date=found.get("EndDate"),
            created_at=found["CreationDate"],
        )

    def published(self) -> set[str]:
        """The ids of all runs that have a manifest."""
        bucket, prefix = _split(f"{self._root_uri}/manifests/")
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key.removeprefix(prefix).removesuffix(".json") for key in keys if key.endswith(".json")}

    def manifest(self, run_id: str) -> Mapping[str, Any]:
        """The manifest of a published run."""
        return self._document(f"{self._root_uri}/manifests/{run_id}.json") or {}

    def state(self) -> Mapping[str, Any]:
        """What the controller knows; nothing before its first run."""
        return self._document(self.settings["state_uri"]) or {}

    def input_change(self, run_id: str) -> str | None:
        """How the input of a published run differs from what it was made of; None if it does not."""
        made_of: Mapping[str, Any] = self.manifest(run_id).get("input", {})
        bucket, prefix = _split(made_of["uri"])
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        now = {
            item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", []) if item["Size"]
        }
        before = {item["key"]: item["etag"] for item in made_of["objects"]}
        counts = {
            "new": len(now.keys() - before.keys()),
            "gone": len(before.keys() - now.keys()),
            "replaced": sum(now[key] != before[key] for key in now.keys() & before.keys()),
        }
        return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or None

    def start(self, starts: Sequence[Mapping[str, object]], *, parallel: int) -> dict[str, str]:
        """Have the controller start these runs, at most `parallel` at once; what became of each, by its id."""
        answers: dict[str, str] = {}
        for begin in range(0, len(starts), _STARTS_IN_ONE_CALL):
            asked = {"starts": list(starts[begin : begin + _STARTS_IN_ONE_CALL]), "parallel": parallel}
            answers |= self._call(asked)
        return answers

    def wake(self) -> None:
        """Have the controller go on with what is under way, in case it died while it was asked; it would in five minutes."""
        self._call({"tick": True})

    def _call(self, event: Mapping[str, object]) -> dict[str, str]:
        answer = self.target.client("lambda").invoke(FunctionName=self._controller, Payload=json.dumps(event).encode())
        said = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            cause = f"the controller failed: {said.get('errorMessage', said)}"
            fix = f"run the same command again; its log is /aws/lambda/{self._controller} in CloudWatch Logs"
            raise CliError(cause, fix=fix, exit_code=ExitCode.RUN_FAILED)
        runs: dict[str, str] = said["runs"]
        return runs

    @property
    def _controller(self) -> str:
        return f"{self.pipeline}-controller"

    @property
    def _root_uri(self) -> str:
        return str(self.settings["root_uri"])

    @cached_property
    def _s3(self) -> Any:
        return self.target.client("s3")

    def _document(self, uri: str) -> Mapping[str, Any] | None:
        bucket, key = _split(uri)
        try:
            document: Mapping[str, Any] = json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None
        return document

    def _no_controller(self, cause: str) -> CliError:
        fix = f"'{self.pipeline}' has to be a BatchInference that is deployed; `mlp pipelines` lists what there is"
        return CliError(cause, fix=fix, exit_code=ExitCode.NOT_FOUND)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
