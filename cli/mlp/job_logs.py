"""What the steps of an execution printed, read from CloudWatch Logs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlp.model import LogSource
    from mlp.target import Target

_LATE_ARRIVAL = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line and when it was written."""

    time: datetime
    text: str


class JobLogs:
    """The CloudWatch Logs of one target."""

    def __init__(self, target: Target) -> None:
        self._client = target.client("logs")

    def read(self, source: LogSource) -> tuple[LogLine, ...]:
        """Every line of a step, oldest first; none when it has printed nothing yet."""
        arguments: dict[str, Any] = {"logGroupName": source.group}
        if source.stream_prefix is not None:
            arguments["logStreamNamePrefix"] = source.stream_prefix
        if source.start is not None:
            arguments["startTime"] = _milliseconds(source.start)
        if source.end is not None:
            arguments["endTime"] = _milliseconds(source.end + _LATE_ARRIVAL)
        return tuple(sorted(self._lines(arguments), key=lambda line: line.time))

    def _lines(self, arguments: Mapping[str, Any]) -> list[LogLine]:
        prefix = arguments.get("logStreamNamePrefix", "")
        try:
            pages = self._client.get_paginator("filter_log_events").paginate(**arguments)
            events = (event for page in pages for event in page["events"])
            # Emulators return every stream of the group whatever the prefix; asking twice is cheap.
            return [_line(event) for event in events if event["logStreamName"].startswith(prefix)]
        except ClientError as error:
            # The group is made by the first job that prints.
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                return []
            raise


def _line(event: Mapping[str, Any]) -> LogLine:
    time = datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC)
    return LogLine(time=time, text=str(event["message"]).rstrip("\n"))


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
