"""A job's /opt/ml, and the toolkit of a local image run in it as a job runs it: by a Python of its own, with the contract's files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mllocal.images import image_for

IMAGE = "sagemaker-scikit-learn:1.9-0-cpu-py3"


@dataclass
class Ml:
    """A job's /opt/ml."""

    root: Path

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "ML_ROOT": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}

    @property
    def failure(self) -> str:
        return (self.root / "output" / "failure").read_text()

    def train(self, files: dict[str, str], **hyperparameters: Any) -> subprocess.CompletedProcess[str]:
        """Run `train` on a source directory."""
        archive = self.root / "source.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive), **hyperparameters}
        encoded = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
        self.write("input/config/hyperparameters.json", json.dumps(encoded))
        return subprocess.run(
            image_for(IMAGE).train_command, env=self.environment, capture_output=True, text=True, check=False
        )
