"""The steps of batch inference: what each of them gets, and from whom."""

from __future__ import annotations

import json

from tests.unit.batch_inference.two_pipelines import PLAIN, answer, argument, inputs, outputs, under
from tests.unit.pipeline.synthesis import Json, Synthesized


def test_a_run_takes_its_place_prepares_plans_scores_and_publishes(steps: dict[str, Json]) -> None:
    assert list(steps) == ["BeginRun", "PrepareInput", "PlanScoring", "Score", "AllScored", "PublishRun", "MoreToScore"]


def test_a_challenger_adds_its_steps_after_what_is_published(all_steps: dict[str, Json]) -> None:
    added = [name for name in all_steps if "halleng" in name or name == "CompareOutputs"]
    assert added == ["HasChallenger", "ScoreChallenger", "CompareOutputs"]
    assert all_steps["HasChallenger"]["DependsOn"] == ["PublishRun"]
    assert all_steps["PublishRun"].get("DependsOn", []) == []
    assert [step["Name"] for step in all_steps["AllScored"]["Arguments"]["IfSteps"]] == ["PublishRun", "HasChallenger"]


def test_a_challenger_is_asked_for_only_when_the_run_has_one(all_steps: dict[str, Json]) -> None:
    arguments = all_steps["HasChallenger"]["Arguments"]
    (condition,) = arguments["Conditions"]
    assert (condition["LeftValue"], condition["RightValue"]) == (answer("BeginRun", "has_challenger"), "true")
    assert arguments["ElseSteps"] == []


def test_an_execution_says_which_run_and_attempt_it_is_of(both: Synthesized, steps: dict[str, Json]) -> None:
    parameters = {it["Name"]: it["DefaultValue"] for it in both.definition(PLAIN)["Parameters"]}
    assert {**parameters, "InputUri": parameters["InputUri"].rpartition(">")[2]} == {
        "InputUri": "/history/",
        "RunId": "manual",
        "Fence": "0",
    }
    assert steps["BeginRun"]["Arguments"] == {
        "run_id": {"Get": "Parameters.RunId"},
        "fence": {"Get": "Parameters.Fence"},
        "execution_arn": {"Get": "Execution.PipelineExecutionArn"},
        "started_at": {"Get": "Execution.StartDateTime"},
        "input_uri": {"Get": "Parameters.InputUri"},
    }


def test_the_input_is_prepared_for_the_moment_of_the_run(steps: dict[str, Json]) -> None:
    step = steps["PrepareInput"]
    assert step["Arguments"]["Environment"] == {"SCHEDULED_AT": answer("BeginRun", "scheduled_at")}
    cluster = step["Arguments"]["ProcessingResources"]["ClusterConfig"]
    assert cluster["InstanceType"] == answer("BeginRun", "prepare_instance_type")
    assert "prepare.py" in step["Arguments"]["AppSpecification"]["ContainerEntrypoint"]


def test_the_job_itself_brings_the_versions_that_were_recorded(steps: dict[str, Json]) -> None:
    step = steps["PrepareInput"]
    assert inputs(step)["record"]["S3Uri"] == under("BeginRun", "work_uri", "input.json")
    assert inputs(step)["data"]["S3Uri"] == answer("BeginRun", "input_uri")
    managed = [it["InputName"] for it in step["Arguments"]["ProcessingInputs"] if it["AppManaged"]]
    assert managed == ["data"]


def test_preparing_leaves_parts_a_report_and_rows_set_aside_once_it_has_succeeded(steps: dict[str, Json]) -> None:
    found = outputs(steps["PrepareInput"])
    assert {name: it["S3Uri"] for name, it in found.items()} == {
        name: under("BeginRun", "work_uri", name) for name in ("prepared", "prepare-report", "set-aside")
    }
    assert {it["S3UploadMode"] for it in found.values()} == {"EndOfJob"}


def test_a_retry_of_a_run_does_not_prepare_again(steps: dict[str, Json]) -> None:
    assert steps["PrepareInput"]["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P7D"}
    cached = [name for name, step in steps.items() if "CacheConfig" in step]
    assert cached == ["PrepareInput"]


def test_only_what_is_published_has_json_lines(steps: dict[str, Json], all_steps: dict[str, Json]) -> None:
    scored = (steps["Score"], all_steps["Score"], all_steps["ScoreChallenger"])

    assert ["--json-lines" in it["Arguments"]["AppSpecification"]["ContainerArguments"] for it in scored] == [
        False,
        True,
        False,
    ]


def test_keys_and_checks_reach_the_scripts(steps: dict[str, Json], all_steps: dict[str, Json]) -> None:
    assert argument(steps["PrepareInput"], "--key-columns") == "store,timestamp"
    assert argument(steps["PrepareInput"], "--key-types") == "string,timestamp"
    assert argument(steps["PrepareInput"], "--action") == "warn"
    assert argument(steps["Score"], "--prediction-columns") == "forecast"
    assert argument(steps["Score"], "--prediction-types") == "double"
    assert argument(all_steps["PrepareInput"], "--part-rows") == "1000"
    assert "--part-rows" not in steps["PrepareInput"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert argument(all_steps["PrepareInput"], "--action") == "set_aside"
    assert argument(all_steps["CompareOutputs"], "--tolerance") == "0.05"


def test_the_baseline_of_the_model_is_what_the_input_is_checked_against(steps: dict[str, Json]) -> None:
    assert inputs(steps["PrepareInput"])["baseline"]["S3Uri"] == answer("BeginRun", "baseline_uri")


def test_scoring_runs_the_models_own_image_on_the_machines_that_were_planned(steps: dict[str, Json]) -> None:
    arguments = steps["Score"]["Arguments"]
    assert arguments["AppSpecification"]["ImageUri"] == answer("BeginRun", "image_uri")
    cluster = arguments["ProcessingResources"]["ClusterConfig"]
    assert {name: cluster[name] for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB")} == {
        "InstanceType": answer("PlanScoring", "instance_type"),
        "InstanceCount": answer("PlanScoring", "instance_count"),
        "VolumeSizeInGB": answer("PlanScoring", "volume_gb"),
    }
    assert inputs(steps["Score"])["model"]["S3Uri"] == answer("BeginRun", "model_data_uri")


def test_numbers_that_are_planned_are_numbers(steps: dict[str, Json]) -> None:
    types = {it["OutputName"]: it["OutputType"] for it in steps["PlanScoring"]["OutputParameters"]}
    assert {name for name, kind in types.items() if kind == "Integer"} == {"instance_count", "volume_gb"}


def test_each_machine_gets_its_share_of_the_parts_of_the_manifest(steps: dict[str, Json]) -> None:
    parts = inputs(steps["Score"])["parts"]
    assert parts["S3Uri"] == answer("PlanScoring", "manifest_uri")
    assert (parts["S3DataType"], parts["S3DataDistributionType"]) == ("ManifestFile", "ShardedByS3Key")


def test_what_is_predicted_is_kept_part_by_part(steps: dict[str, Json]) -> None:
    """A job that dies leaves what it had done, and the next one goes on from there."""
    found = outputs(steps["Score"])
    assert found["predictions"]["S3Uri"] == answer("BeginRun", "output_uri")
    assert found["usage"]["S3Uri"] == under("BeginRun", "work_uri", "usage")
    assert {it["S3UploadMode"] for it in found.values()} == {"Continuous"}


def test_the_challenger_predicts_the_same_parts_among_the_working_files(all_steps: dict[str, Json]) -> None:
    champion, challenger = all_steps["Score"], all_steps["ScoreChallenger"]
    assert inputs(challenger)["parts"] == inputs(champion)["parts"]
    assert inputs(challenger)["model"]["S3Uri"] == answer("BeginRun", "challenger_model_data_uri")
    assert outputs(challenger)["predictions"]["S3Uri"] == under("BeginRun", "work_uri", "challenger")
    assert not {json.dumps(it["S3Uri"]) for it in outputs(challenger).values()} & {
        json.dumps(it["S3Uri"]) for it in outputs(champion).values()
    }


def test_parts_that_are_left_end_the_attempt_with_the_word_that_the_controller_knows(steps: dict[str, Json]) -> None:
    arguments = steps["AllScored"]["Arguments"]
    (condition,) = arguments["Conditions"]
    assert (condition["LeftValue"], condition["RightValue"]) == (answer("PlanScoring", "parts_left"), "false")
    assert steps["AllScored"]["DependsOn"] == ["Score"]
    assert [step["Name"] for step in arguments["ElseSteps"]] == ["MoreToScore"]
    assert steps["MoreToScore"]["Arguments"]["ErrorMessage"].startswith("MoreToScore: ")


def test_what_is_published_is_the_attempts_own(steps: dict[str, Json]) -> None:
    arguments = steps["PublishRun"]["Arguments"]
    for name in ("run_id", "generation", "fence", "work_uri", "output_uri"):
        assert arguments[name] == answer("BeginRun", name)
    assert arguments["root_uri"].endswith(f"/{PLAIN}")


def test_parts_of_an_entrypoint_fit_into_what_sagemaker_takes(all_steps: dict[str, Json]) -> None:
    jobs = {name: step for name, step in all_steps.items() if step["Type"] == "Processing"}
    assert len(jobs) == 4
    for step in jobs.values():
        specification = step["Arguments"]["AppSpecification"]
        given = [*specification["ContainerEntrypoint"], *specification["ContainerArguments"]]
        assert max(len(part) for part in given if isinstance(part, str)) <= 256


def test_jobs_run_as_long_as_was_said(steps: dict[str, Json], all_steps: dict[str, Json]) -> None:
    seconds = [it["Score"]["Arguments"]["StoppingCondition"]["MaxRuntimeInSeconds"] for it in (steps, all_steps)]
    assert seconds == [6 * 3600, 2 * 3600]


def test_jobs_are_the_projects_and_under_its_key(all_steps: dict[str, Json]) -> None:
    for step in (it for it in all_steps.values() if it["Type"] == "Processing"):
        arguments = step["Arguments"]
        assert arguments["RoleArn"].startswith("<ProjectInferenceJobRole")
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"].startswith("<ProjectKey")
        assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"].startswith("<ProjectKey")
        assert {"Key": "project", "Value": "demo"} in arguments["Tags"]
