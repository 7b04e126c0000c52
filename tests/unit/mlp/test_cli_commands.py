"""What the commands choose: steps whose logs are shown, the version that is approved, how often to look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from mlp.commands.logs import choose_steps, log_lines
from mlp.commands.models import choose_version
from mlp.errors import CliError, ExitCode
from mlp.job_logs import LogLine
from mlp.model import Execution, ModelVersion, StepRun
from mlp.watching import poll_seconds

NOON = datetime(2026, 11, 23, tzinfo=UTC)
StepMaker = Callable[..., StepRun]


def test_without_a_step_the_failed_one_is_shown(execution: Execution, make_step: StepMaker) -> None:
    failed = make_step("Train", status="Failed")

    assert choose_steps(execution, [make_step(), failed], None) == (failed,)


def test_without_a_step_and_a_failure_every_log_is_shown(execution: Execution, make_step: StepMaker) -> None:
    condition = make_step("CheckMetric", type="Condition", resource_arn=None)

    assert choose_steps(execution, [make_step(), condition], None) == (make_step(),)


def test_a_step_that_has_not_begun_is_answered_with_others(execution: Execution, make_step: StepMaker) -> None:
    with pytest.raises(CliError) as caught:
        choose_steps(execution, [make_step()], "ValidateDate")

    assert caught.value.exit_code == ExitCode.NOT_FOUND
    assert "did you mean 'ValidateData'?" in caught.value.fix


def test_a_step_without_a_job_says_that_it_has_no_log(execution: Execution, make_step: StepMaker) -> None:
    condition = make_step("CheckMetric", type="Condition", resource_arn=None)

    with pytest.raises(CliError, match="starts no job"):
        choose_steps(execution, [make_step(), condition], "CheckMetric")


def test_lines_of_several_steps_carry_the_name_of_their_step() -> None:
    line = LogLine(time=NOON, text="[INFO] rmse=1.0")

    assert log_lines({"Train": [line]}) == ["[INFO] rmse=1.0"]
    assert log_lines({"Train": [line], "Evaluate": [line]}) == [
        "[Train] [INFO] rmse=1.0",
        "[Evaluate] [INFO] rmse=1.0",
    ]


def versions() -> list[ModelVersion]:
    return [ModelVersion(arn=f"arn/{number}", group="demand", version=number, approval="x") for number in (3, 2)]


def test_the_newest_version_is_approved_when_none_is_named() -> None:
    assert choose_version("demand", versions(), None).version == 3
    assert choose_version("demand", versions(), 2).version == 2


def test_a_version_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(CliError) as caught:
        choose_version("demand", versions(), 7)

    assert (caught.value.cause, caught.value.fix) == (
        "group 'demand' has no version 7",
        "it has the versions 3, 2",
    )


def test_a_group_without_versions_says_how_to_get_one() -> None:
    with pytest.raises(CliError, match="no model version yet"):
        choose_version("demand", [], None)


def test_polling_is_quick_at_first_and_slow_for_long_runs() -> None:
    minutes = timedelta(minutes=10).total_seconds()

    assert [poll_seconds(0), poll_seconds(20), poll_seconds(minutes)] == [0.5, 1.0, 5.0]
