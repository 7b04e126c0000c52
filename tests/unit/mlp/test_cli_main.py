"""The command line from outside: help, usage errors, and what is said when nothing can be reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlp.errors import ExitCode
from mlp.main import app

COMMANDS = (
    "up",
    "down",
    "status",
    "pipelines",
    "run",
    "watch",
    "stop",
    "backfill",
    "logs",
    "approve",
    "reproduce",
    "ui",
    "loadtest",
)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def runner(no_aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A shell in an empty directory, without AWS."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_documents_json_and_the_exit_codes(runner: CliRunner, command: str) -> None:
    shown = runner.invoke(app, [command, "--help"])

    assert shown.exit_code == 0
    assert "--json" in shown.stdout
    assert "Exit codes: 0 done; 1 the run failed or was stopped; 2 bad input; 3 the engine" in shown.stdout


def test_the_page_in_docs_has_every_command_and_every_exit_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")
    callbacks = [command.callback for command in app.registered_commands]

    assert {callback.__name__ for callback in callbacks if callback} == set(COMMANDS)
    assert [name for name in COMMANDS if f"| `mlp {name}" not in page] == []
    assert [code for code in ExitCode if f"| {int(code)} |" not in page] == []


def test_the_version_is_the_one_of_the_package(runner: CliRunner) -> None:
    assert runner.invoke(app, ["--version"]).stdout.startswith("mlp ")


@pytest.mark.parametrize(
    "arguments", [["run"], ["up", "--port", "70000"], ["no-such-command"], ["approve", "g", "--version", "0"]]
)
def test_wrong_usage_exits_with_2(runner: CliRunner, arguments: list[str]) -> None:
    assert runner.invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments", [["run", "p"], ["status"], ["pipelines"], ["logs", "p"], ["approve", "g"], ["ui"]]
)
def test_an_endpoint_where_nothing_answers_is_a_sentence_with_a_fix(runner: CliRunner, arguments: list[str]) -> None:
    result = runner.invoke(app, [*arguments, "--endpoint-url", NOWHERE])

    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr == (
        f"error: nothing answers at {NOWHERE}\n  fix: start it with `mlp up`, or say --aws to talk to AWS\n"
    )


def test_with_json_an_error_is_a_document_on_stdout(runner: CliRunner) -> None:
    result = runner.invoke(app, ["pipelines", "--json", "--endpoint-url", NOWHERE])

    assert json.loads(result.stdout) == {
        "error": f"nothing answers at {NOWHERE}",
        "fix": "start it with `mlp up`, or say --aws to talk to AWS",
        "exit_code": 3,
    }


def test_an_endpoint_that_is_no_address_is_bad_input(runner: CliRunner) -> None:
    result = runner.invoke(app, ["status", "--endpoint-url", "localhost"])

    assert result.exit_code == 2
    assert "endpoint 'localhost' is no http address" in result.stderr


def test_without_endpoint_and_engine_the_target_is_aws_and_wants_a_region(runner: CliRunner) -> None:
    result = runner.invoke(app, ["run", "demand-forecast-training"])

    assert result.exit_code == 3
    assert "AWS (no region)" in result.stderr
    assert "set AWS_REGION" in result.stderr


def test_missing_credentials_say_how_to_sign_in(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    result = runner.invoke(app, ["pipelines"])

    assert result.exit_code == 3
    assert "needs credentials" in result.stderr
    assert "sign in" in result.stderr


def test_where_the_engine_is_down_nothing_falls_through_to_aws(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / ".mlp").mkdir()

    result = runner.invoke(app, ["run", "demand-forecast-training"])

    assert result.exit_code == 3
    assert "is not running" in result.stderr
    assert "start it with `mlp up`" in result.stderr


def test_down_where_nothing_runs_is_no_error(runner: CliRunner) -> None:
    result = runner.invoke(app, ["down", "--json"])

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"stopped": False}


def test_up_refuses_an_environment_that_is_not_in_platform_yaml(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_text("environments: {dev: {}}\n", encoding="utf-8")

    result = runner.invoke(app, ["up", "--environment", "prod"])

    assert result.exit_code == 2
    assert "has no environment 'prod'" in result.stderr
