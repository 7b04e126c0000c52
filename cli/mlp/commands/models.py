"""`mlp approve`: let a model version into production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlp.errors import CliError, ExitCode
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.render import version_line
from mlp.sagemaker import SageMaker
from mlp.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlp.model import ModelVersion

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="The model package group of a project.")]
VersionOption = Annotated[int | None, typer.Option("--version", min=1, help="The version; the newest when not given.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the version.")]


def approve(
    group: GroupArgument,
    version: VersionOption = None,
    reason: ReasonOption = "approved with mlp approve",
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Approve a model version, and show how it compares with the one before: the next batch inference uses it."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        sagemaker = SageMaker(target)
        chosen = choose_version(group, sagemaker.model_versions(group), version)
        sagemaker.approve(chosen.arn, description=reason)
        comparison = sagemaker.comparison(chosen.arn)
        after = choose_version(group, sagemaker.model_versions(group), chosen.version)
        document = {
            "model_package_arn": after.arn,
            "group": after.group,
            "version": after.version,
            "approval_status": after.approval,
            "approval_status_before": chosen.approval,
            "comparison": comparison,
        }
        said = "" if comparison is None else f"\n{comparison}"
        out.result(document, f"{version_line(after)} (was {chosen.approval}){said}")


def choose_version(group: str, versions: Sequence[ModelVersion], version: int | None) -> ModelVersion:
    """The version asked for, or the newest; `versions` are newest first. Raises CliError when missing."""
    if not versions:
        fix = "register one: run the training pipeline of the project with `mlp run`"
        raise CliError(f"group '{group}' has no model version yet", fix=fix, exit_code=ExitCode.NOT_FOUND)
    if version is None:
        return versions[0]
    chosen = next((item for item in versions if item.version == version), None)
    if chosen is None:
        listed = ", ".join(str(item.version) for item in versions)
        cause = f"group '{group}' has no version {version}"
        raise CliError(cause, fix=f"it has the versions {listed}", exit_code=ExitCode.NOT_FOUND)
    return chosen
