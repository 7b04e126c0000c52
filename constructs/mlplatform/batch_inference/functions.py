"""The two Lambda functions of a batch-inference pipeline, with no more permissions than each needs."""

from __future__ import annotations

from pathlib import Path

from constructs import Construct

from mlplatform.pipeline.functions import RuntimeFunction, step_function
from mlplatform.policy import Statement
from mlplatform.project import MlProject

_RUNTIME = Path(__file__).parent / "runtime"
_OBJECTS_OF_A_RUN = "objects get their names at run time, under the prefix of this pipeline"


def resolve_inputs_function(scope: Construct, project: MlProject, pipeline_name: str) -> RuntimeFunction:
    """Finds the newest approved model and the versions of the input, and records them."""
    data, artifacts = _arn(project, project.data_bucket_name), _arn(project, project.artifact_bucket_name)
    return step_function(
        scope,
        "ResolveInputs",
        project=project,
        pipeline_name=pipeline_name,
        code=_RUNTIME / "resolve_inputs.py",
        statements=[
            Statement(
                sid="FindApprovedModels",
                actions=["sagemaker:ListModelPackages"],
                resources=["*"],
                wildcard_reason="ListModelPackages has no resource type; it lists names and changes nothing",
            ),
            Statement(sid="ListInput", actions=["s3:ListBucketVersions"], resources=[data]),
            Statement(
                sid="RecordInput",
                actions=["s3:PutObject"],
                resources=[f"{artifacts}/{pipeline_name}/*/input.json"],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
        ],
    )


def publish_manifest_function(scope: Construct, project: MlProject, pipeline_name: str) -> RuntimeFunction:
    """Checks what a run wrote, then publishes its manifest and latest.json."""
    artifacts, output = _arn(project, project.artifact_bucket_name), _arn(project, project.output_bucket_name)
    root = f"{output}/{pipeline_name}"
    return step_function(
        scope,
        "PublishManifest",
        project=project,
        pipeline_name=pipeline_name,
        code=_RUNTIME / "publish_manifest.py",
        statements=[
            Statement(
                sid="ReadReports",
                actions=["s3:GetObject"],
                resources=[f"{artifacts}/{pipeline_name}/*"],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
            Statement(
                sid="ListRuns",
                actions=["s3:ListBucket"],
                resources=[output],
                conditions={"StringLike": {"s3:prefix": f"{pipeline_name}/*"}},
            ),
            Statement(
                sid="Publish",
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[f"{root}/latest.json", f"{root}/manifests/*"],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
            Statement(
                sid="PruneRuns",
                actions=["s3:DeleteObject"],
                resources=[f"{root}/runs/*"],
                wildcard_reason=_OBJECTS_OF_A_RUN,
            ),
        ],
    )


def _arn(project: MlProject, bucket_name: str) -> str:
    return f"arn:{project.partition}:s3:::{bucket_name}"
