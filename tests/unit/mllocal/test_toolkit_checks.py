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
def test_checks_that_ask_a_model_need_its_name(check: str) -> None:
    step = {"Name": "Bias", "Type": "ClarifyCheck", "CheckType": check}

    (problem,) = unsupported_checks(step)

    assert (
        problem == f"step 'Bias' of type 'ClarifyCheck' has CheckType '{check}' and no ModelName; give the model to ask"
    )
    assert list(unsupported_checks({**step, "ModelName": {"Get": "Steps.Model.ModelName"}})) == []


@pytest.mark.parametrize(
    ("step_type", "check"), [("QualityCheck", "DATA_BIAS"), ("ClarifyCheck", "DATA_QUALITY"), ("QualityCheck", None)]
)
def test_a_check_type_of_the_other_step_type_is_refused_naming_those_there_are(
    step_type: str, check: str | None
) -> None:
    (problem,) = unsupported_checks({"Name": "Check", "Type": step_type, "CheckType": check})

    assert f"has CheckType {check!r}; use one of" in problem


@pytest.mark.parametrize(("instances", "is_refused"), [(1, False), (2, True)])
def test_a_dataset_in_shards_is_refused_for_several_instances(instances: int, *, is_refused: bool) -> None:
    source = {"InputName": "dataset", "S3Input": {"S3DataDistributionType": "ShardedByS3Key"}}
    arguments = {
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": instances}},
        "ProcessingInputs": [source],
    }

    problems = list(
        unsupported_checks(
            {"Name": "Check", "Type": "QualityCheck", "CheckType": "DATA_QUALITY", "Arguments": arguments}
        )
    )

    named = "step 'Check' of type 'QualityCheck': ProcessingInputs['dataset'].S3Input.S3DataDistributionType is ShardedByS3Key"
    assert [problem.startswith(named) for problem in problems] == [True] * is_refused
