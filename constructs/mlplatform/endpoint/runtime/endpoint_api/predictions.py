"""The prediction log: one JSON line for each sampled request, with the model version that answered, into a Firehose stream.

It never costs a caller the answer: a line that the stream does not take within a second is in the function's own log instead.
"""

import json
import random
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from endpoint_api.circuit import Circuit

BRIEFLY = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
"""For what happens while a caller waits for an answer that is there."""
MOST_BYTES = 100_000
"""Of a request and of an answer as they are in the line, so that it fits into CloudWatch Logs, too, which takes 256 KB (user guide,
"CloudWatch Logs quotas"); a record of Firehose may have 1,000 KiB."""
_LOOK_AGAIN_SECONDS = 60


@dataclass
class Versions:
    """Which version each variant serves, or the inference component, as it was at most a minute ago."""

    sagemaker: Any
    endpoint_name: str
    component: str | None = None
    _looked_at: float | None = None
    _known: dict[str, str] = field(default_factory=dict)
    _unknown_because: str | None = None

    def of(self, variant: str) -> dict[str, str | None]:
        """`model_version`, the number; None for a variant that is not there, or of a model that is of no registry.

        Also None, with the reason, for a minute after SageMaker could not be asked.
        """
        if self._looked_at is None or time.monotonic() > self._looked_at + _LOOK_AGAIN_SECONDS:
            self._looked_at = time.monotonic()
            try:
                self._known, self._unknown_because = self._look(), None
            except (BotoCoreError, ClientError) as error:
                self._known, self._unknown_because = {}, str(error)
        reason = {} if self._unknown_because is None else {"model_version_unknown": self._unknown_because}
        return {"model_version": self._known.get(variant), **reason}

    def _look(self) -> dict[str, str]:
        found = {}
        for variant, model_name in self._models().items():
            model = self.sagemaker.describe_model(ModelName=model_name)
            container = model["PrimaryContainer"] if "PrimaryContainer" in model else model["Containers"][0]
            if package := container.get("ModelPackageName"):
                found[variant] = str(package).rpartition("/")[2]
        return found

    def _models(self) -> dict[str, str]:
        """Which model each variant has. All requests to a component go to the one variant of its endpoint."""
        if self.component is not None:
            described = self.sagemaker.describe_inference_component(InferenceComponentName=self.component)
            return {described["VariantName"]: described["Specification"]["ModelName"]}
        endpoint = self.sagemaker.describe_endpoint(EndpointName=self.endpoint_name)
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        return {it["VariantName"]: it["ModelName"] for it in config["ProductionVariants"]}


@dataclass(frozen=True)
class PredictionLog:
    """Logs `percent` of the requests into the stream; while that fails, into the function's log, without asking the stream each time."""

    versions: Versions
    percent: float
    firehose: Any
    stream_name: str
    circuit: Circuit = field(default_factory=lambda: Circuit(failures=3, open_seconds=60))

    def write(self, *, request: bytes, answer: bytes, variant: str, seconds: float, fallback: bool) -> None:
        """Write a line, if this request is among those."""
        if random.uniform(0, 100) >= self.percent:  # noqa: S311 - a sample, no secret
            return
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(),
            "endpoint": self.versions.endpoint_name,
            **({} if self.versions.component is None else {"component": self.versions.component}),
            "variant": variant,
            **({"model_version": None} if fallback else self.versions.of(variant)),
            "fallback": fallback,
            "seconds": round(seconds, 4),
            "request": _text(request),
            "answer": _text(answer),
        }
        problem = self._put(f"{_written(line)}\n".encode())
        if problem is not None:
            print(_written({"prediction": line, "not_in_the_bucket": problem}))

    def _put(self, record: bytes) -> str | None:
        """Why the stream did not take it; None if it did."""
        if self.circuit.is_open:
            return "the stream failed before, and is asked again within a minute"
        try:
            self.firehose.put_record(DeliveryStreamName=self.stream_name, Record={"Data": record})
        except (BotoCoreError, ClientError) as error:
            self.circuit.failed()
            return str(error)
        self.circuit.succeeded()
        return None


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(content: bytes) -> str:
    """As text, cut where its JSON would be longer than `MOST_BYTES`."""
    text = content[:MOST_BYTES].decode("utf-8", "replace")
    most = bisect_right(range(len(text) + 1), MOST_BYTES, key=lambda end: len(_written(text[:end]).encode()))
    return text[: most - 1]
