"""The commands against a running engine: what they print, and what their exit codes say."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mllocal
from mlp.main import app
from mlpipelines import Parameter, Pipeline, ProcessingStep

ROLE = "arn:aws:iam::123456789012:role/test"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
GOOD = "echo 'rmse=[1.0]'"
BAD = "echo reading; echo 'the input has no rows; upload some' >&2; exit 1"
SLOW = "sleep 60"


@dataclass(frozen=True)
class Shell:
    """A shell in the directory of the engine, without any AWS settings."""

    home: Path

    def mlp(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.stdout, result.stderr

    def json(self, *arguments: str) -> tuple[int, Any]:
        """Exit code and the document on stdout."""
        code, stdout, _ = self.mlp(*arguments, "--json")
        return code, json.loads(stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with an engine that `mlp up` started, and three pipelines; stopped by `mlp down`."""
    directory = tmp_path_factory.mktemp("home")
    mlp = [sys.executable, "-m", "mlp"]
    try:
        subprocess.run(
            [*mlp, "up", "--scaling-clock-speed", "60", "--provisioning-seconds", "90", "--json"],
            cwd=directory,
            check=True,
            capture_output=True,
        )
        engine = mllocal.engine(directory)
        assert engine is not None
        deploy(engine)
        yield directory
    finally:
        subprocess.run([*mlp, "down"], cwd=directory, check=True, capture_output=True)
    assert mllocal.engine(directory) is None


@pytest.fixture
def shell(home: Path, no_aws: None, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell where the engine runs."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(home)


def deploy(engine: mllocal.Engine) -> None:
    """Three pipelines with a step each but the second, which has one more after the one that fails."""
    sagemaker = engine.client("sagemaker")
    good, bad, slow = step("Check", GOOD), step("Validate", BAD), step("Wait", SLOW)
    never = step("Never", GOOD, after=bad)
    for name, steps in {"good": (good,), "bad": (good, bad, never), "slow": (slow,)}.items():
        parameter = Parameter(name="Loss", default="poisson", enum_values=("poisson", "squared_error"))
        sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=Pipeline(name=name, steps=steps, parameters=(parameter,)).render(),
            RoleArn=ROLE,
            ClientRequestToken=name.ljust(32, "-"),
        )


def step(name: str, script: str, *, after: ProcessingStep | None = None) -> ProcessingStep:
    return ProcessingStep(
        name=name,
        image_uri=IMAGE,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        entrypoint=("sh", "-c", script),
        depends_on=() if after is None else (after,),
    )


def test_up_again_returns_the_engine_that_runs(shell: Shell) -> None:
    engine = mllocal.engine(shell.home)

    code, document = shell.json("up")

    assert engine is not None
    assert (code, document["endpoint"], document["pid"]) == (0, engine.endpoint_url, engine.pid)


def test_up_on_another_port_while_one_runs_says_so(shell: Shell) -> None:
    code, _, stderr = shell.mlp("up", "--port", "1")

    assert code == 3
    assert "fix: stop it with `mlp down` to use port 1" in stderr


def test_status_shows_engine_pipelines_and_what_is_not_emulated(shell: Shell) -> None:
    code, document = shell.json("status")

    assert code == 0
    assert {pipeline["name"] for pipeline in document["pipelines"]} == {"good", "bad", "slow"}
    assert "AWS::Budgets::BudgetsAction" in document["resource_types_not_emulated"]
    assert "Pipelines" in shell.mlp("status")[1]


def test_status_watches_what_runs_until_nothing_does(shell: Shell) -> None:
    """Stopped once the command has shown that it runs, however long that takes."""
    _, started = shell.json("run", "slow", "--no-watch")
    engine = mllocal.engine(shell.home)
    assert engine is not None

    watching = subprocess.Popen(
        [sys.executable, "-m", "mlp", "status", "--watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert watching.stderr is not None
    shown = next((line for line in watching.stderr if "Wait  Executing" in line), None)
    engine.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=started["execution_arn"])
    stdout, _ = watching.communicate(timeout=60)

    assert shown is not None
    assert watching.returncode == 0
    assert "Stopped" in stdout


def test_a_run_that_succeeds_exits_with_0_and_can_be_run_again(shell: Shell) -> None:
    first_code, first = shell.json("run", "good", "--param", "Loss=squared_error")
    second_code, second = shell.json("run", "good")

    assert (first_code, second_code) == (0, 0)
    assert [(step["name"], step["status"]) for step in first["steps"]] == [("Check", "Succeeded")]
    assert first["execution_arn"] != second["execution_arn"]


def test_a_run_that_fails_exits_with_1_and_names_step_reason_log_and_the_full_log(shell: Shell) -> None:
    code, stdout, stderr = shell.mlp("run", "bad")

    assert code == 1
    assert "step Validate failed:" in stdout
    assert "the input has no rows; upload some" in stdout
    assert "  | reading\n" in stdout
    assert "full log: `mlp logs bad/" in stdout
    assert [line.split()[:2] for line in stderr.splitlines()[1:]][-1] == ["Validate", "Failed"]


def test_a_failed_run_as_json_has_the_failure_and_the_steps_that_began(shell: Shell) -> None:
    code, document = shell.json("run", "bad")

    assert code == 1
    assert document["failure"]["step"] == "Validate"
    assert document["failure"]["log"] == ["reading", "the input has no rows; upload some"]
    assert "Never" not in {step["name"] for step in document["steps"]}


def test_logs_are_those_of_the_step_of_this_execution_alone(shell: Shell) -> None:
    shell.mlp("run", "bad")

    assert shell.mlp("logs", "bad")[:2] == (0, "reading\nthe input has no rows; upload some\n")
    assert shell.mlp("logs", "bad", "Check")[1] == "rmse=[1.0]\n"
    assert shell.mlp("logs", "bad", "--tail", "1")[1] == "the input has no rows; upload some\n"


def test_logs_of_a_step_that_has_not_begun_name_those_that_have(shell: Shell) -> None:
    shell.mlp("run", "bad")

    code, _, stderr = shell.mlp("logs", "bad", "Never")

    assert code == 3
    assert "no step 'Never' has begun in bad/" in stderr
    assert "Check, Validate" in stderr


def test_an_unknown_pipeline_is_answered_with_the_nearest(shell: Shell) -> None:
    code, _, stderr = shell.mlp("run", "godo")

    assert code == 3
    assert "there is no pipeline 'godo'" in stderr
    assert "did you mean 'good'?" in stderr


def test_a_wrong_parameter_starts_nothing(shell: Shell) -> None:
    before = shell.json("pipelines")[1]

    code, _, stderr = shell.mlp("run", "good", "--param", "Loss=absolute", "--param", "Los=poisson")

    assert code == 2
    assert "parameter 'Loss' is one of poisson, squared_error, got 'absolute'" in stderr
    assert "there is no parameter 'Los' (did you mean 'Loss'?)" in stderr
    assert shell.json("pipelines")[1] == before


def test_a_run_can_be_stopped_and_then_did_not_succeed(shell: Shell) -> None:
    _, started = shell.json("run", "slow", "--no-watch")

    stopping = shell.mlp("stop", started["execution_arn"])
    code, document = shell.json("watch", "slow")

    assert stopping[0] == 0
    assert (code, document["status"], document["execution_arn"]) == (1, "Stopped", started["execution_arn"])


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_interrupting_a_watch_leaves_the_execution_running_and_says_how_to_go_on(shell: Shell) -> None:
    _, started = shell.json("run", "slow", "--no-watch")
    command = [sys.executable, "-m", "mlp", "watch", started["execution_arn"]]
    # What runs tests in the background may ignore the signal, and children inherit that.
    with subprocess.Popen(
        command, cwd=shell.home, stderr=subprocess.PIPE, text=True, preexec_fn=_heed_interrupts
    ) as watching:
        assert watching.stderr is not None
        assert "Wait" in watching.stderr.readline()
        watching.send_signal(signal.SIGINT)
        rest = watching.stderr.read()

    _, after = shell.json("pipelines")
    shell.mlp("stop", started["execution_arn"])

    assert watching.returncode == 130
    assert "interrupted; the execution goes on" in rest
    assert f"stop it with `mlp stop {started['execution_arn']}`" in rest
    assert {row["name"]: row["last_execution"] for row in after["pipelines"]}["slow"]["status"] == "Executing"


def test_an_execution_that_is_not_there_is_a_sentence(shell: Shell) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/good/execution/nothing00000"

    assert "there is no execution" in shell.mlp("watch", arn)[2]
    assert "has no execution 'nothing'" in shell.mlp("watch", "good/nothing")[2]
    assert "is not an execution ARN" in shell.mlp("watch", "arn:aws:s3:::bucket")[2]


def test_the_engine_is_found_from_a_directory_below(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    below = shell.home / "notebooks" / "drafts"
    below.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(below)

    assert shell.mlp("pipelines")[0] == 0


def test_an_explicit_endpoint_is_enough_anywhere(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = mllocal.engine(shell.home)
    assert engine is not None
    monkeypatch.chdir(tmp_path)

    code, document = shell.json("pipelines", "--endpoint-url", engine.endpoint_url)

    assert code == 0
    assert len(document["pipelines"]) == 3


def test_ui_prints_the_address_of_mlflow(shell: Shell) -> None:
    engine = mllocal.engine(shell.home)
    assert engine is not None

    assert shell.mlp("ui")[:2] == (0, f"{engine.mlflow_url}\n")
    assert shell.json("ui")[1] == {"url": engine.mlflow_url}


def test_approve_lets_the_newest_version_or_a_named_one_through(shell: Shell) -> None:
    engine = mllocal.engine(shell.home)
    assert engine is not None
    sagemaker = engine.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="demand")
    comparison = "rmse 48 against 50 of version 1: 4.0 per cent better"
    for metadata in ({}, {"comparison": comparison}):
        sagemaker.create_model_package(
            ModelPackageGroupName="demand",
            ModelApprovalStatus="PendingManualApproval",
            CustomerMetadataProperties=metadata,
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://models/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )

    newest = shell.json("approve", "demand")[1]
    named = shell.json("approve", "demand", "--version", "1", "--reason", "compared by hand")[1]
    missing = shell.mlp("approve", "demnd")

    assert (newest["version"], newest["approval_status"], newest["comparison"]) == (2, "Approved", comparison)
    assert named["comparison"] is None
    assert (named["version"], named["approval_status_before"]) == (1, "PendingManualApproval")
    described = sagemaker.describe_model_package(ModelPackageName=named["model_package_arn"])
    assert described["ApprovalDescription"] == "compared by hand"
    assert missing[0] == 3
    assert "did you mean 'demand'?" in missing[2]


def test_the_engine_of_another_directory_is_not_used(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".mlp").mkdir()

    code, _, stderr = shell.mlp("pipelines")

    assert code == 3
    assert f"the embedded AWS of {tmp_path} is not running" in stderr


def test_status_says_how_fast_the_clock_of_scaling_runs(shell: Shell) -> None:
    code, document = shell.json("status")

    assert code == 0
    assert (document["scaling_clock_speed"], document["provisioning_seconds"]) == (60, 90)
    assert document["endpoints"] == []


def test_a_clock_of_scaling_that_cannot_be_is_refused(shell: Shell) -> None:
    code, _, stderr = shell.mlp("up", "--scaling-clock-speed", "61")

    assert code == 2
    assert "--scaling-clock-speed" in stderr


def test_an_endpoint_that_is_not_there_is_named_with_what_is(shell: Shell) -> None:
    listed, _, _ = shell.mlp("endpoints", "list")
    code, _, stderr = shell.mlp("endpoints", "show", "live")

    assert (listed, code) == (0, 3)
    assert "there is no endpoint 'live'" in stderr
    assert "has no endpoints yet" in stderr
