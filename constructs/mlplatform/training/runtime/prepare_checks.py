"""Lambda of the step PrepareChecks: what each check is compared with, and what Clarify is told to analyze.

Event: `model_package_group_name`, `skip_checks`, `baselines` (JSON: for each check, where a version keeps its baseline, as a dotted path
in DriftCheckBaselines), `analysis_configs` (JSON: the analysis configuration of each check of Clarify), and `analysis_config_uri`, the S3
prefix below which each of these is written, as `<check>/analysis_config.json`: Clarify's image finds its configuration by that name.
Answer: for each check `skip_<check>`, true if there is nothing to compare with: no version is approved, or the newest approved one has no
such baseline.
"""

import json
from collections.abc import Mapping
from typing import Any

import boto3


def handler(event: Mapping[str, Any], context: object) -> dict[str, bool]:
    """Write, look, answer. Whatever is raised becomes the step's FailureReason."""
    write_analysis_configs(json.loads(event["analysis_configs"]), event["analysis_config_uri"])
    paths: dict[str, str] = json.loads(event["baselines"])
    skips_all = str(event["skip_checks"]).lower() == "true"
    known = {} if skips_all else baselines_of_newest_approved(event["model_package_group_name"])
    return {f"skip_{check}": not has(known, path) for check, path in paths.items()}


def write_analysis_configs(configs: Mapping[str, Any], prefix: str) -> None:
    """One object for each."""
    bucket, _, key = prefix.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    for check, config in configs.items():
        s3.put_object(
            Bucket=bucket,
            Key=f"{key}/{check}/analysis_config.json",
            Body=json.dumps(config, indent=1).encode(),
            ContentType="application/json",
        )


def baselines_of_newest_approved(group: str) -> Any:
    """DriftCheckBaselines of the version that check steps take their baseline from; empty while nothing is approved."""
    sagemaker = boto3.client("sagemaker")
    packages = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not packages:
        return {}
    newest = sagemaker.describe_model_package(ModelPackageName=packages[0]["ModelPackageArn"])
    return newest.get("DriftCheckBaselines", {})


def has(baselines: Any, path: str) -> bool:
    """Is there anything at a dotted path?"""
    for name in path.split("."):
        baselines = baselines.get(name, {})
    return bool(baselines)
