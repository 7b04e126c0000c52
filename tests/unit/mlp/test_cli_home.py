"""The engine plays the account that platform.yaml names."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlp.errors import CliError, ExitCode
from mlp.home import HomeEnvironment, home_environment


def write(directory: Path, text: str) -> Path:
    (directory / "platform.yaml").write_text(text, encoding="utf-8")
    return directory


def test_account_and_region_are_those_of_the_environment(tmp_path: Path) -> None:
    text = 'environments:\n  dev: {account: "012345678901", region: eu-west-1}\n'

    assert home_environment(write(tmp_path, text), "dev") == HomeEnvironment(account="012345678901", region="eu-west-1")


def test_a_directory_without_platform_yaml_gets_a_made_up_account(tmp_path: Path) -> None:
    assert home_environment(tmp_path, "dev") == HomeEnvironment(account="123456789012", region="us-east-1")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("environments: {dev: {account: 012345670123, region: eu-west-1}}", "dev.account is "),
        ('environments: {dev: {account: "123", region: eu-west-1}}', "dev.account is '123'"),
        ('environments: {dev: {account: "123456789012"}}', "dev.region is None"),
        ("environments: {prod: {}}", "has no environment 'dev'"),
        ("- list", "has no environment 'dev'"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(CliError) as caught:
        home_environment(write(tmp_path, text), "dev")

    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert cause in caught.value.cause
