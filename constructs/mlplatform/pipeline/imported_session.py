"""A session for the `sagemaker` SDK that needs no AWS: a team's pipeline renders with it at synthesis.

The SDK is imported only when a session is made. It comes with `mlplatform[sagemaker]`; SDK 3 and SDK 2 both do.
"""

from __future__ import annotations

import importlib
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlplatform.project import MlProject

# What stands in the pipeline for what only the stack knows. They have the shapes that the SDK parses (CDK tokens do
# not), and account 000000000000 is nobody's.
JOB_ROLE_ARN = "arn:aws:iam::000000000000:role/mlplatform-job-role"
INFERENCE_JOB_ROLE_ARN = "arn:aws:iam::000000000000:role/mlplatform-inference-job-role"
ARTIFACT_BUCKET = "mlplatform-artifact-bucket"
DATA_BUCKET = "mlplatform-data-bucket"
OUTPUT_BUCKET = "mlplatform-output-bucket"

_SESSIONS = ("sagemaker.core.workflow.pipeline_context", "sagemaker.workflow.pipeline_context")  # SDK 3, SDK 2.
_SETTINGS = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}
_NO_CREDENTIALS = {"aws_access_key_id": "offline", "aws_secret_access_key": "offline"}


class OfflineSessionError(RuntimeError):
    """The SDK is not installed, or a pipeline wants something of AWS while it is being defined."""


def offline_session(project: MlProject) -> Any:
    """A `PipelineSession` of the `sagemaker` SDK for pipelines of one project, without AWS, at synthesis.

    Give it to the team's pipeline as its session, with `session.job_role_arn` as role, `session.default_bucket()` for
    artifacts, `session.data_bucket` and `session.output_bucket`, and `session.model_package_group_name`. What the SDK
    uploads is kept in `session.uploads` and becomes CDK assets when `SageMakerPipeline` takes the pipeline.

    Raises `OfflineSessionError` if the SDK is not installed, or if the stack's region is not known at synthesis.
    """
    if "${Token[" in project.region:
        raise OfflineSessionError(
            "the sagemaker SDK looks up images by region, and this stack's region is not known; "
            "give the stack an environment with a region"
        )
    return make_session(project.region, project.model_package_group_name)


def make_session(region: str, model_package_group_name: str) -> Any:
    """`offline_session` for a region and a group."""
    os.environ.setdefault("AWS_DEFAULT_REGION", region)  # SDK 3 wants one when it is imported.
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"  # SDK 3 would ask IAM what the role may do.
    base = _sdk_session_class()
    session_class = type("OfflineSession", (_Offline, base), {})
    boto3 = importlib.import_module("boto3")  # It comes with the SDK; nothing else here needs it.
    boto_session = boto3.Session(region_name=region, **_NO_CREDENTIALS)
    calls = _Calls({})
    boto_session.events.register("before-parameter-build.s3.PutObject", calls.keep)
    boto_session.events.register("before-call", calls.answer)
    session = session_class(boto_session=boto_session, default_bucket=ARTIFACT_BUCKET, sagemaker_config=_SETTINGS)
    session.uploads = calls.uploads
    session.model_package_group_name = model_package_group_name
    return session


class _Offline:
    """What an offline session does in place of the SDK's own session, which comes after it among the bases."""

    job_role_arn = JOB_ROLE_ARN
    inference_job_role_arn = INFERENCE_JOB_ROLE_ARN
    data_bucket = DATA_BUCKET
    output_bucket = OUTPUT_BUCKET
    uploads: dict[str, bytes]
    """Content by S3 URI, of everything that the SDK uploaded."""

    def expand_role(self, role: str) -> str:
        return role

    def get_caller_identity_arn(self) -> str:
        return self.job_role_arn

    def account_id(self) -> str:
        return "000000000000"

    def default_bucket(self) -> str:
        return ARTIFACT_BUCKET

    def _get_account_id_if_default_bucket(self, bucket: str) -> None:
        """No expected owner: nothing is sent."""

    def upload_data(
        self, path: str, bucket: str | None = None, key_prefix: str = "data", *_: object, **__: object
    ) -> str:
        root = f"s3://{bucket or ARTIFACT_BUCKET}/{key_prefix.strip('/')}"
        source = Path(path)
        if not source.is_dir():
            self.uploads[f"{root}/{source.name}"] = source.read_bytes()
            return f"{root}/{source.name}"
        for file in sorted(file for file in source.rglob("*") if file.is_file()):
            self.uploads[posixpath.join(root, file.relative_to(source).as_posix())] = file.read_bytes()
        return root

    def upload_string_as_file_body(
        self, body: str | bytes, bucket: str | None, key: str, *_: object, **__: object
    ) -> str:
        uri = f"s3://{bucket or ARTIFACT_BUCKET}/{key.lstrip('/')}"
        self.uploads[uri] = body.encode() if isinstance(body, str) else body
        return uri


def uploads_of(pipeline: object) -> Mapping[str, bytes]:
    """What the session of an SDK pipeline has kept; nothing if it is not an offline session."""
    uploads = getattr(getattr(pipeline, "sagemaker_session", None), "uploads", None)
    return uploads if isinstance(uploads, dict) else {}


def _sdk_session_class() -> Any:
    for module in _SESSIONS:
        try:
            return importlib.import_module(module).PipelineSession
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith("sagemaker"):
                raise
    raise OfflineSessionError(
        "the sagemaker SDK is not installed here; install mlplatform[sagemaker], or give SageMakerPipeline a definition"
    )


@dataclass(frozen=True)
class _Calls:
    """Stands between botocore and the network: uploads are kept, anything else is refused."""

    uploads: dict[str, bytes]

    def keep(self, params: dict[str, Any], **_: object) -> None:
        """Keep what PutObject is given; both SDKs put some of their files past their own session."""
        body = params.get("Body", b"")
        content = body.read() if hasattr(body, "read") else body
        self.uploads[f"s3://{params['Bucket']}/{params['Key']}"] = (
            content.encode() if isinstance(content, str) else bytes(content)
        )
        params["Body"] = b""

    def answer(self, model: Any, **_: object) -> tuple[SimpleNamespace, dict[str, object]]:
        """What botocore takes for the service's answer, before it sends anything."""
        operation = f"{model.service_model.service_id} {model.name}"
        if operation == "S3 PutObject":
            return SimpleNamespace(status_code=200), {}
        raise OfflineSessionError(
            f"the pipeline calls {operation} while it is being defined, and synthesis has no AWS; "
            "give the value to the pipeline, or make it a pipeline parameter"
        )
