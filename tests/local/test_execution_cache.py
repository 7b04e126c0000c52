"""The step cache on real runs."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from mlpipelines import CacheConfig, Join, ModelContainer, ModelStep, Parameter, ProcessingInput
from tests.local.execution_steps import create, definition_of, run
from tests.local.workbench import IMAGE, ROLE, Workbench, shell_step

COUNT = "date +%N > /opt/ml/processing/output/when"


def test_an_equal_step_is_not_run_again_and_its_outputs_are_used(workbench: Workbench) -> None:
    greeting = Parameter(name="Greeting", default="hello")
    first = shell_step(
        "First",
        COUNT,
        environment={"GREETING": greeting},
        outputs=(workbench.output("first"),),
        cache=CacheConfig(expire_after="PT1H"),
    )
    second = shell_step(
        "Second",
        "cp /opt/ml/processing/input/when /opt/ml/processing/output/copy",
        inputs=(
            ProcessingInput(name="when", s3_uri=first.output_uri("output"), local_path="/opt/ml/processing/input"),
        ),
        outputs=(workbench.output("second"),),
    )
    name = workbench.create_pipeline(first, second, parameters=(greeting,))
    source = workbench.wait(workbench.start(name))
    written = workbench.get("first/when")

    hit = workbench.wait(workbench.start(name))
    miss = workbench.wait(workbench.start(name, Greeting="good morning"))

    assert hit.steps["First"]["CacheHitResult"] == {"SourcePipelineExecutionArn": source.arn}
    assert hit.steps["First"]["Metadata"] == source.steps["First"]["Metadata"]
    assert hit.steps["First"]["StepStatus"] == "Succeeded"
    assert "CacheHitResult" not in hit.steps["Second"], "this step has no cache"
    assert "CacheHitResult" not in miss.steps["First"], "its environment differs"
    assert workbench.get("first/when") != written, "the miss has run"


def test_only_attributes_that_the_guide_names_decide(workbench: Workbench) -> None:
    elsewhere = Parameter(name="Elsewhere", default="one")
    where = Join(on="/", values=(workbench.uri("out"), elsewhere))
    output = workbench.output("unused")
    step = shell_step(
        "Write", COUNT, outputs=(type(output)(name=output.name, local_path=output.local_path, s3_uri=where),),
        cache=CacheConfig(expire_after="P1D"),
    )  # fmt: skip
    name = workbench.create_pipeline(step, parameters=(elsewhere,))
    workbench.wait(workbench.start(name))

    again = workbench.wait(workbench.start(name, Elsewhere="two"))

    assert "CacheHitResult" in again.steps["Write"]
    assert workbench.keys("out") == ["out/one/when"]


def test_a_failed_run_is_never_used(workbench: Workbench) -> None:
    name = workbench.create_pipeline(shell_step("Crash", "exit 1", cache=CacheConfig()))
    workbench.wait(workbench.start(name))

    again = workbench.wait(workbench.start(name))

    assert again.statuses == {"Crash": "Failed"}
    assert "CacheHitResult" not in again.steps["Crash"]


def test_a_result_too_old_or_of_another_pipeline_is_not_used(workbench: Workbench) -> None:
    young = shell_step("Write", "true", cache=CacheConfig(expire_after="PT1H"))
    name = workbench.create_pipeline(young)
    workbench.wait(workbench.start(name))
    other = workbench.run(young)
    old = shell_step("Write", "true", cache=CacheConfig(expire_after="PT0S"))
    workbench.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition_of(old))

    again = workbench.wait(workbench.start(name))

    assert "CacheHitResult" not in other.steps["Write"]
    assert "CacheHitResult" not in again.steps["Write"]


def test_a_deleted_pipeline_leaves_no_results(workbench: Workbench) -> None:
    step = shell_step("Write", "true", cache=CacheConfig())
    name = create(workbench, step)
    workbench.wait(workbench.start(name))
    workbench.sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)

    again = run(workbench, step)

    assert "CacheHitResult" not in again.steps["Write"]


def test_a_cache_on_a_step_that_has_none_is_refused(workbench: Workbench) -> None:
    model = ModelStep(name="Make", role_arn=ROLE, container=ModelContainer(image_uri=IMAGE))
    plain = {**model.to_json(), "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}

    with pytest.raises(ClientError, match=r"step 'Make' of type 'Model' has CacheConfig\.Enabled") as refused:
        create(workbench, plain)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
