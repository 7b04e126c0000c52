"""One pipeline's output in a real bucket: generations as their jobs leave them, and what readers make of it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runs.published import Publication

MODEL = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/7"
EXECUTION = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/demo-weekly/execution/x"
ROWS_A_PART = 3
Json = dict[str, Any]


def profile(values: list[float]) -> Json:
    """The profile of whole numbers, as the jobs write it."""
    counts = {value: values.count(value) for value in sorted(set(values))}
    return {
        "count": len(values),
        "nulls": 0,
        "infinite": 0,
        "mean": sum(values) / len(values),
        "std": 0.0,
        "min": min(values),
        "max": max(values),
        "m2": 0.0,
        "histogram": {"dropped_bits": 0, "lower": list(counts), "counts": list(counts.values())},
        "categories": None,
    }


@dataclass(frozen=True)
class Generation:
    """A set of outputs of one run: `parts` files, each row of which says whose it is."""

    run_id: str
    number: int
    parts: int

    @property
    def path(self) -> str:
        return f"run_id={self.run_id}/{self.number}"

    def table(self, part: int) -> pa.Table:
        rows = [part * ROWS_A_PART + row for row in range(ROWS_A_PART)]
        name = f"{self.run_id}/{self.number}"
        return pa.table({"timestamp": rows, "forecast": [float(row) for row in rows], "made_by": [name] * ROWS_A_PART})


@dataclass(frozen=True)
class Output:
    """The output and the working files of the pipeline `demo-weekly` in one bucket."""

    s3: Any
    bucket: str

    @property
    def root_uri(self) -> str:
        return f"s3://{self.bucket}/demo-weekly"

    def work_uri(self, generation: Generation) -> str:
        return f"s3://{self.bucket}/work/{generation.run_id}/{generation.number}"

    def output_uri(self, generation: Generation) -> str:
        return f"{self.root_uri}/runs/{generation.path}"

    def score(self, generation: Generation) -> list[Json]:
        """What the steps before PublishRun leave behind; the sidecars."""
        sidecars = [self._score_part(generation, part) for part in range(generation.parts)]
        rows = generation.parts * ROWS_A_PART
        self.put(
            f"{self.work_uri(generation)}/prepare-report/report.json",
            {
                "version": 1,
                "rows": rows,
                "set_aside": {"rows": 2, "reasons": {"hour: not a number": 2}},
                "parts": [{"part": one["part"], "rows": ROWS_A_PART, "bytes": 1, "sha256": "0"} for one in sidecars],
                "checks": {"baseline": False, "action": "warn", "violations": [], "psi": {}},
                "profile": {"hour": profile([float(row) for row in range(rows)])},
            },
        )
        self.put(f"{self.work_uri(generation)}/input.json", {"uri": "s3://in/", "version": generation.path})
        return sidecars

    def _score_part(self, generation: Generation, part: int) -> Json:
        table = generation.table(part)
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        body = buffer.getvalue()
        name = f"part-{part:05}"
        self.put(f"{self.output_uri(generation)}/{name}.parquet", body)
        sidecar = {
            "version": 1,
            "part": f"{name}.parquet",
            "prepared_sha256": "0",
            "input_rows": ROWS_A_PART,
            "rows": ROWS_A_PART,
            "set_aside": 0,
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "profile": {"forecast": profile(table.column("forecast").to_pylist())},
        }
        self.put(f"{self.output_uri(generation)}/{name}.json", sidecar)
        return sidecar

    def publication(
        self, generation: Generation, *, fence: int, scheduled_at: datetime, time_zone: str = "UTC"
    ) -> Publication:
        """The generation, scored, and about to be published by the attempt with that fence."""
        files = [
            {key: sidecar[name] for key, name in (("path", "part"), ("rows", "rows"), ("bytes", "bytes"))}
            for sidecar in self.score(generation)
        ]
        return Publication(
            root_uri=self.root_uri,
            output_uri=self.output_uri(generation),
            pipeline_name="demo-weekly",
            run_id=generation.run_id,
            generation=generation.number,
            fence=fence,
            execution_arn=EXECUTION,
            started_at=datetime(2026, 11, 23, 3, tzinfo=UTC),
            scheduled_at=scheduled_at,
            time_zone=time_zone,
            model_package_arn=MODEL,
            input_record={"uri": "s3://in/", "version": generation.path},
            report_uri=f"{self.work_uri(generation)}/publish/report.json",
            rows=generation.parts * ROWS_A_PART,
            set_aside=0,
            files=files,
        )

    def event(self, generation: Generation, *, fence: int, scheduled_at: str) -> dict[str, str]:
        """What the step PublishRun gets."""
        return {
            "run_id": generation.run_id,
            "generation": str(generation.number),
            "fence": str(fence),
            "execution_arn": EXECUTION,
            "started_at": "2026-11-23T03:00:00Z",
            "scheduled_at": scheduled_at,
            "model_package_arn": MODEL,
            "work_uri": self.work_uri(generation),
            "output_uri": self.output_uri(generation),
            "root_uri": self.root_uri,
        }

    def put(self, uri: str, content: object) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, path: str) -> Any:
        return json.loads(self.read(f"{self.root_uri}/{path}"))

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def paths(self, prefix: str) -> list[str]:
        """Keys below the root that begin so."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"demo-weekly/{prefix}")
        return [found["Key"].removeprefix("demo-weekly/") for page in pages for found in page.get("Contents", [])]

    def views(self) -> Iterator[tuple[str, list[str]]]:
        """Every place that a reader can start from, and the files to which it leads."""
        for path in self.paths("manifests/"):
            yield path, self._of_manifest(self.get(path))
        for path in self.paths("published/"):
            if lines := self.read(f"{self.root_uri}/{path}").decode().splitlines():
                yield path, lines
        if self.paths("latest.json"):
            bucket_and_key = self.get("latest.json")["manifest_uri"]
            yield "latest.json", self._of_manifest(json.loads(self.read(bucket_and_key)))

    @staticmethod
    def _of_manifest(manifest: Json) -> list[str]:
        return [manifest["output"]["uri"] + file["path"] for file in manifest["output"]["files"]]
