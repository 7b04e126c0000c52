"""The container contract: environment variables in, files out. Source: "Container Contract Inputs", SageMaker Developer Guide."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ML = Path(os.environ.get("ML_ROOT", "/opt/ml"))
MESSAGE = ML / "output" / "message"
Document = dict[str, Any]
_REFUSED = ("record_preprocessor_script", "post_analytics_processor_script")


class AnalysisError(Exception):
    """Data or settings that cannot be analyzed; the message is the job's ExitMessage."""


@dataclass(frozen=True)
class Settings:
    """What the job asks for."""

    source: Path
    dataset_format: Document
    output: Path
    variables: Mapping[str, str]

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Settings:
        """The settings of this job. Raises `AnalysisError` naming the variable that is missing or cannot be done."""
        missing = [name for name in ("dataset_source", "dataset_format", "output_path") if not variables.get(name)]
        if missing:
            raise AnalysisError(f"environment variable {missing[0]!r} is missing")
        refused = [name for name in _REFUSED if variables.get(name)]
        if refused:
            raise AnalysisError(
                f"{refused[0]} is not run by the embedded AWS; prepare the records in a step before this one"
            )
        return cls(
            Path(variables["dataset_source"]),
            json.loads(variables["dataset_format"]),
            Path(variables["output_path"]),
            variables,
        )

    def baseline(self, name: str) -> Document | None:
        """The baseline file that `baseline_constraints` or `baseline_statistics` names, if any."""
        path = self.variables.get(name)
        if not path:
            return None
        content: Document = json.loads(Path(path).read_text())
        return content

    def write(self, name: str, content: Document) -> None:
        """Write one of the documented files."""
        self.output.mkdir(parents=True, exist_ok=True)
        (self.output / name).write_text(json.dumps(content, indent=2))
