"""What the texts of a definition become in a project: places in its buckets, its role, its assets."""

from __future__ import annotations

from collections.abc import Mapping

from mlpipelines.imported import Place
from mlplatform.pipeline import imported_session as offline
from mlplatform.pipeline.imported_code import UploadedCode
from mlplatform.project import MlProject


class Rewriting:
    """Uploads become assets, placeholders of the offline session the project's own, and `replacements` what they say."""

    def __init__(self, project: MlProject, code: UploadedCode, replacements: Mapping[str, str]) -> None:
        self._code = code
        placeholders = {
            offline.JOB_ROLE_ARN: project.training_job_role_arn,
            offline.INFERENCE_JOB_ROLE_ARN: project.inference_job_role_arn,
            offline.ARTIFACT_BUCKET: project.artifact_bucket_name,
            offline.DATA_BUCKET: project.data_bucket_name,
            offline.OUTPUT_BUCKET: project.output_bucket_name,
        }
        # The longest first, so that a name that begins with another is found whole.
        self._texts = sorted({**placeholders, **replacements}.items(), key=lambda item: -len(item[0]))

    def __call__(self, place: Place) -> str:
        asset = self._code.asset_uri(place)
        return self._replaced(place.text) if asset is None else asset

    def _replaced(self, text: str) -> str:
        for old, new in self._texts:
            text = new if text == old else _whole_words(text, old, new)
        return text


def _whole_words(text: str, old: str, new: str) -> str:
    """`text` with `new` for `old`, except where `old` is part of a longer name."""
    before, found, after = text.partition(old)
    if not found:
        return text
    rest = _whole_words(after, old, new)
    is_part = (before[-1:].isalnum() or before[-1:] in ("-", ".", "_")) if before else False
    is_part = is_part or after[:1].isalnum() or after[:1] in ("-", "_")
    return before + (old if is_part else new) + rest
