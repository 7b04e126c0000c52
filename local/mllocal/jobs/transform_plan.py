"""What a transform job's settings mean for the content of one file: split, filter, send, join, filter, assemble."""

from __future__ import annotations

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mllocal.jobs.inference_client import InferenceClient
from mllocal.jobs.records import (
    Filter,
    Record,
    RecordError,
    batches,
    csv_filter,
    join_csv,
    join_json,
    json_filter,
    read_row,
    split_lines,
)
from mllocal.sagemaker.store import Document

DEFAULT_MAX_PAYLOAD_MB = 6
_JSON_TYPES = ("application/json", "application/jsonlines")


@dataclass(frozen=True)
class Content:
    """An input file as it is sent: whole, or as records with those that the input filter made of them."""

    whole: bytes
    records: list[Record] | None = None
    requests: list[Record] | None = None


@dataclass(frozen=True)
class Sender:
    """Sends requests to one container; the job's settings win over the container's."""

    client: InferenceClient
    content_type: str
    accept: str
    strategy: str
    max_payload_mb: float
    concurrency: int

    @classmethod
    def of(cls, document: Document, client: InferenceClient) -> Sender:
        """With the settings of a job, and what the container answers to `/execution-parameters`."""
        offered = client.execution_parameters()
        content_type = _content_type(document)
        return cls(
            client,
            content_type,
            document["TransformOutput"].get("Accept", content_type),
            document.get("BatchStrategy", "MultiRecord"),
            document.get("MaxPayloadInMB", offered.get("MaxPayloadInMB", DEFAULT_MAX_PAYLOAD_MB)),
            document.get("MaxConcurrentTransforms") or offered.get("MaxConcurrentTransforms", 1),
        )

    def send(self, body: bytes) -> bytes:
        """One request."""
        return self.client.invoke(body, self.content_type, self.accept)

    def send_records(self, records: list[Record]) -> list[Record]:
        """As many requests as the strategy makes of the records, several at once; the answers' lines, in order."""

        def send(batch: list[Record]) -> list[Record]:
            return split_lines(self.send(("\n".join(batch) + "\n").encode()))

        grouped = batches(records, strategy=self.strategy, max_payload_mb=self.max_payload_mb)
        with ThreadPoolExecutor(self.concurrency) as pool:
            return [prediction for answer in pool.map(send, grouped) for prediction in answer]


@dataclass(frozen=True)
class TransformPlan:
    """How one file becomes its `.out` file."""

    is_json: bool
    is_gzip: bool
    splits_lines: bool
    assembles_lines: bool
    input_filter: str
    output_filter: str
    joins: bool

    @classmethod
    def of(cls, document: Document) -> TransformPlan:
        """From a transform job."""
        source = document["TransformInput"]
        processing = document.get("DataProcessing", {})
        return cls(
            is_json=_content_type(document) in _JSON_TYPES,
            is_gzip=source.get("CompressionType") == "Gzip",
            splits_lines=source.get("SplitType", "None") == "Line",
            assembles_lines=document["TransformOutput"].get("AssembleWith", "None") == "Line",
            input_filter=processing.get("InputFilter", "$"),
            output_filter=processing.get("OutputFilter", "$"),
            joins=processing.get("JoinSource", "None") == "Input",
        )

    def read(self, body: bytes) -> Content:
        """Unpack, split and filter a file. Raises `RecordError`."""
        whole = _decompress(body) if self.is_gzip else body
        if not self._has_records:
            return Content(whole)
        records = _lines(whole) if self.splits_lines else [_text(whole)]
        return Content(whole, records, self._filtered(self.input_filter, records))

    def transform(self, sender: Sender, content: Content) -> bytes:
        """The content of the `.out` file. Raises `RecordError` and `InvocationError`."""
        if content.records is None or content.requests is None:
            return sender.send(content.whole)
        if not content.records:
            return b""
        predictions = self._predict(sender, content.requests)
        if len(predictions) != len(content.records):
            raise RecordError(
                f"the model answered {len(predictions)} lines for {len(content.records)} records; "
                "it must answer one line for each"
            )
        if self.joins:
            join = join_json if self.is_json else join_csv
            predictions = [join(*pair) for pair in zip(content.records, predictions, strict=True)]
        results = self._filtered(self.output_filter, predictions)
        if not self.splits_lines:
            return "".join(results).encode()
        # AssembleWith None puts the results end to end, as the service does.
        end = "\n" if self.assembles_lines else ""
        return "".join([result + end for result in results]).encode()

    @property
    def _has_records(self) -> bool:
        """Lines are records; a whole JSON file is one, if something is to be done with it."""
        is_processed = self.joins or (self.input_filter, self.output_filter) != ("$", "$")
        return self.splits_lines or (self.is_json and is_processed)

    def _predict(self, sender: Sender, requests: list[Record]) -> list[Record]:
        if self.splits_lines:
            return sender.send_records(requests)
        return [_text(sender.send(requests[0].encode()))]

    def _filtered(self, path: str, records: list[Record]) -> list[Record]:
        if path == "$" or not records:
            return records
        choose: Filter = json_filter(path) if self.is_json else csv_filter(path, len(read_row(records[0])))
        return [choose(record) for record in records]


def _content_type(document: Document) -> str:
    content_type: str = document["TransformInput"].get("ContentType", "text/csv")
    return content_type


def _lines(content: bytes) -> list[Record]:
    try:
        return split_lines(content)
    except UnicodeDecodeError as error:
        raise RecordError(f"the input cannot be split by line, since it is not UTF-8 text: {error}") from None


def _text(content: bytes) -> Record:
    try:
        return content.decode().strip()
    except UnicodeDecodeError as error:
        raise RecordError(f"the content is not UTF-8 text, which filters and joins need: {error}") from None


def _decompress(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RecordError(f"TransformInput.CompressionType is Gzip, but the input is not: {error}") from None
