"""How a job of this directory ends: files that appear whole, and a reason that a person can act on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

# A processing job's ExitMessage and a training job's FailureReason are what these files hold when the job
# fails (Amazon SageMaker Developer Guide, "Build Your Own Processing Container" and "Use Your Own Training
# Algorithms"); SageMaker keeps the first 1,024 characters.
PROCESSING_MESSAGE_FILE = os.environ.get("SM_OUTPUT_MESSAGE_FILE", "/opt/ml/output/message")
TRAINING_FAILURE_FILE = os.environ.get("SM_OUTPUT_FAILURE_FILE", "/opt/ml/output/failure")
_LONGEST_REASON = 1024


class JobError(Exception):
    """The job cannot do its work; carries every reason found, each a sentence that names the fix."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__(problems[0] if len(problems) == 1 else f"{len(problems)} problems: {'; '.join(problems)}")


def run(job: Callable[[], None], *, reason_file: str = PROCESSING_MESSAGE_FILE) -> None:
    """Run the job; on a :class:`JobError` or a file that cannot be used, say why and exit with code 1.

    The reason goes to stderr and, if its directory exists, to `reason_file`.
    """
    try:
        job()
    except (JobError, OSError) as error:
        reason = f"{Path(sys.argv[0]).name}: {error}"
        print(reason, file=sys.stderr)
        target = Path(reason_file)
        if target.parent.is_dir():
            target.write_text(reason[:_LONGEST_REASON], encoding="utf-8")
        sys.exit(1)


def write_files(files: Mapping[Path, str | bytes]) -> None:
    """Write all files or none: each goes to a temporary name first; all are renamed once all are written."""
    partial = {path: path.with_name(f".{path.name}.partial") for path in files}
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial[path].write_bytes(content.encode() if isinstance(content, str) else content)
        for path, temporary in partial.items():
            temporary.replace(path)
    finally:
        for temporary in partial.values():
            temporary.unlink(missing_ok=True)
