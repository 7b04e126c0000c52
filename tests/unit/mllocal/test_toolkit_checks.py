"""Which QualityCheck and ClarifyCheck steps are refused when a pipeline is created."""

from __future__ import annotations

import pytest

from mllocal.execution.monitoring_steps import unsupported_checks


@pytest.mark.parametrize(
    ("step_type", "check"),
    [
        ("QualityCheck", "DATA_QUALITY"),
        ("QualityCheck", "MODEL_QUALITY"),
        ("ClarifyCheck", "DATA_BIAS"),
        ("Fail", None),
    ],
)
def test_checks_of_data_are_not_refused(step_type: str, check: str | None) -> None:
    assert list(unsupported_checks({"Name": "Check", "Type": step_type, "CheckType": check})) == []


@pytest.mark.parametrize("check", ["MODEL_BIAS", "MODEL_EXPLAINABILITY"])
def test_checks_that_ask_an_endpoint_are_refused_naming_the_step_and_the_field(check: str) -> None:
    (problem,) = unsupported_checks({"Name": "Bias", "Type": "ClarifyCheck", "CheckType": check})

    assert problem.startswith(f"step 'Bias' of type 'ClarifyCheck' has CheckType '{check}'")
    assert "use DATA_BIAS" in problem


@pytest.mark.parametrize(
    ("step_type", "check"), [("QualityCheck", "DATA_BIAS"), ("ClarifyCheck", "DATA_QUALITY"), ("QualityCheck", None)]
)
def test_a_check_type_of_the_other_step_type_is_refused_naming_those_there_are(
    step_type: str, check: str | None
) -> None:
    (problem,) = unsupported_checks({"Name": "Check", "Type": step_type, "CheckType": check})

    assert f"has CheckType {check!r}; use one of" in problem
