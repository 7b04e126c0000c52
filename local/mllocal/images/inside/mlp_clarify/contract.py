"""Where AWS's Clarify container finds and leaves its files. Source: "Configure a SageMaker Clarify Processing Job", Developer Guide."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ML = Path(os.environ.get("ML_ROOT", "/opt/ml"))
CONFIGURATION = ML / "processing" / "input" / "config" / "analysis_config.json"
DATA = ML / "processing" / "input" / "data"
OUTPUT = ML / "processing" / "output"
MESSAGE = ML / "output" / "message"
JOB = ML / "config" / "processingjobconfig.json"
Document = dict[str, Any]


class AnalysisError(Exception):
    """A configuration, data or a model that cannot be analyzed; the message is the job's ExitMessage."""
