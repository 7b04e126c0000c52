"""The account and region that an engine plays: those of an environment in the platform.yaml beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from mlp.errors import CliError, ExitCode
from mlp.target import DEFAULT_ACCOUNT, DEFAULT_REGION

if TYPE_CHECKING:
    from pathlib import Path

PLATFORM_FILE = "platform.yaml"


@dataclass(frozen=True, kw_only=True)
class HomeEnvironment:
    """An AWS account (12 digits) and a region."""

    account: str
    region: str


def home_environment(directory: Path, environment: str) -> HomeEnvironment:
    """Read `environments.<environment>` of platform.yaml; a made-up account when there is no such file.

    The engine has to play the account that the templates are synthesized for, or the CDK refuses to deploy.
    """
    file = directory / PLATFORM_FILE
    if not file.is_file():
        return HomeEnvironment(account=DEFAULT_ACCOUNT, region=DEFAULT_REGION)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise _bad(f"{file} is not YAML: {error}", "correct it, or start in a directory without one") from error
    environments = content.get("environments") if isinstance(content, dict) else None
    if not isinstance(environments, dict) or environment not in environments:
        listed = ", ".join(map(str, environments)) if isinstance(environments, dict) else "none"
        raise _bad(f"{file} has no environment '{environment}'", f"use --environment with one of: {listed}")
    return _checked(environments[environment], f"{file}: environments.{environment}")


def _checked(entry: Any, where: str) -> HomeEnvironment:
    account = entry.get("account") if isinstance(entry, dict) else None
    region = entry.get("region") if isinstance(entry, dict) else None
    if not isinstance(account, str) or not (account.isdecimal() and len(account) == 12):
        raise _bad(
            f"{where}.account is {account!r}",
            'write 12 digits in quotes, for example account: "012345678901"',
        )
    if not isinstance(region, str):
        raise _bad(f"{where}.region is {region!r}", "write an AWS region, for example region: us-east-1")
    return HomeEnvironment(account=account, region=region)


def _bad(cause: str, fix: str) -> CliError:
    return CliError(cause, fix=fix, exit_code=ExitCode.BAD_INPUT)
