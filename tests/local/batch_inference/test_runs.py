"""Batch inference on the embedded AWS, from its template: what is published, of what, and what happens otherwise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.local.batch_inference.deviations import job_arguments
from tests.local.batch_inference.lanes import Lanes, rows
from tests.local.batch_inference.team_code import BROKEN_INFERENCE
from tests.local.batch_inference.watching import listen, plan, wait_for_job


def test_a_run_publishes_every_row_but_those_that_nobody_can_predict_for(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-05", [*rows(), "odd,oops"])

    lanes.start("plain", "2026-01-05T03:00:00+00:00")
    lanes.settle("plain")

    manifest = lanes.manifests("plain")["2026-01-05T030000Z"]
    files = lanes.published_files("plain")["2026-01-05T030000Z"]
    assert lanes.predictions(files) == [(f"k{n}", float(n)) for n in range(1, 31) if n != 13]
    assert manifest["model_package_arn"].endswith("model-package/quick/1")
    assert [found["key"] for found in manifest["input"]["objects"]] == ["plain/2026-01-05/rows.csv"]
    assert manifest["output"]["set_aside"] == 2


def test_what_is_published_is_of_what_its_manifest_names_however_often_the_input_changes(lanes: Lanes) -> None:
    with lanes.restless_input("plain", "2026-01-09"):
        lanes.start("plain", "2026-01-09T03:00:00+00:00")
        lanes.settle("plain")

    manifest = lanes.manifests("plain")["2026-01-09T030000Z"]
    files = lanes.published_files("plain")["2026-01-09T030000Z"]
    named = [row.split(",") for row in lanes.input_rows(manifest)]
    assert lanes.predictions(files) == [(key, float(x)) for key, x in named]


def test_a_recorded_version_that_is_deleted_before_it_is_fetched_makes_the_run_list_anew(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-10", rows())
    lanes.start("plain", "2026-01-10T03:00:00+00:00")
    generation = lanes.settle("plain")["fence"] + 1
    record = lanes.manifests("plain")["2026-01-10T030000Z"]["input"]

    lanes.put_working_file("plain", "2026-01-10T030000Z", f"{generation}/input.json", record)
    lanes.remove_input("plain", "2026-01-10", with_version=True)
    lanes.put_rows("plain", "2026-01-10", ["k1,5"])
    lanes.start("plain", "2026-01-10T03:00:00+00:00", again=True)
    state = lanes.settle("plain")

    manifest = lanes.manifests("plain")["2026-01-10T030000Z"]
    assert (state["recent"][-1]["status"], state["recent"][-1]["attempts"]) == ("published", 2)
    assert manifest["generation"] == generation + 1
    assert lanes.input_rows(manifest) == ["k1,5"]
    assert lanes.predictions(lanes.published_files("plain")["2026-01-10T030000Z"]) == [("k1", 5.0)]


def test_many_events_for_one_moment_make_one_run(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-06", rows())
    moment = "2026-01-06T03:00:00+00:00"

    with ThreadPoolExecutor(4) as pool:
        answers = [found["runs"] for found in pool.map(lambda _: lanes.start("plain", moment), range(4))]
    lanes.settle("plain")
    again = lanes.start("plain", moment)

    assert sorted(answer["2026-01-06T030000Z"] for answer in answers) == ["duplicate"] * 3 + ["started"]
    assert again == {"runs": {"2026-01-06T030000Z": "duplicate"}}
    assert lanes.manifests("plain")["2026-01-06T030000Z"]["output"]["rows"] == 29


def test_a_challenger_predicts_beside_the_champion_and_publishes_nothing(lanes: Lanes) -> None:
    lanes.put_rows("skips", "2026-01-04", rows())
    version = lanes.register(status="PendingManualApproval")

    lanes.start("skips", "2026-01-04T03:00:00+00:00")
    state = lanes.settle("skips")

    manifest = lanes.manifests("skips")["2026-01-04T030000Z"]
    report = lanes.working_file("skips", "2026-01-04T030000Z", "1/comparison/report.json")
    assert state["recent"][-1]["status"] == "published"
    assert manifest["input"]["challenger"]["version"] == version
    assert lanes.predictions(lanes.published_files("skips")["2026-01-04T030000Z"])[0] == ("k1", 1.0)
    assert report["rows"]["compared"] == 29
    lanes.forget(version)


def test_a_run_that_comes_while_another_is_at_work_is_left_out_if_so_configured(lanes: Lanes) -> None:
    for day in ("2026-01-05", "2026-01-06"):
        lanes.put_rows("skips", day, rows())

    answer = lanes.start("skips", "2026-01-05T03:00:00+00:00", "2026-01-06T03:00:00+00:00")
    state = lanes.settle("skips")

    assert sorted(answer["runs"].values()) == ["skipped", "started"]
    assert sorted(run["status"] for run in state["recent"][-2:]) == ["published", "skipped"]


def test_a_run_that_replaces_another_stops_it(lanes: Lanes) -> None:
    lanes.put_rows("replaces", "2026-01-05", rows(), {"sleep_seconds": 60})
    lanes.put_rows("replaces", "2026-01-06", rows())

    lanes.start("replaces", "2026-01-05T03:00:00+00:00")
    lanes.start("replaces", "2026-01-06T03:00:00+00:00")
    lanes.settle("replaces")

    published = lanes.manifests("replaces")
    assert "2026-01-05T030000Z" not in published
    assert "2026-01-06T030000Z" in published


def test_a_job_that_runs_out_of_memory_gets_more_and_the_pipeline_remembers(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-07", rows(), {"allocate_mib": 4500})

    lanes.start("plain", "2026-01-07T03:00:00+00:00")
    state = lanes.settle("plain")

    assert "2026-01-07T030000Z" in lanes.manifests("plain")
    assert state["recent"][-1]["attempts"] == 2
    assert state["memory"]["PrepareInput"]["out_of_memory"][0]["memory_bytes"] == 4 * 1024**3


def test_a_model_that_does_not_load_ends_the_run_and_somebody_is_told_why(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-08", rows())
    heard = listen(lanes, "quick-plain: run")
    version = lanes.register(BROKEN_INFERENCE)

    lanes.start("plain", "2026-01-08T03:00:00+00:00")
    state = lanes.settle("plain")
    lanes.forget(version)

    assert "2026-01-08T030000Z" not in lanes.manifests("plain")
    assert state["recent"][-1]["attempts"] == 1
    (message,) = heard()
    assert message["content"]["title"] == "quick-plain: run 2026-01-08T030000Z failed"
    assert "this model was never going to load" in message["content"]["description"]
    log, *commands = message["content"]["nextSteps"]
    assert "log-group/$252Faws$252Fsagemaker$252FProcessingJobs" in log
    assert "mlp backfill quick-plain --from 2026-01-08T03:00:00Z" in commands[-1]


def test_what_takes_longer_than_one_job_may_is_split_over_instances_and_over_jobs(lanes: Lanes) -> None:
    lanes.put_rows("replaces", "2026-01-07", rows())
    slow = {
        "instance_type": "ml.t3.medium",
        "rows": 10,
        "input_bytes": 900,
        "seconds": 2000,
        "peak_memory_bytes": 10**8,
    }
    before = len(lanes.executions("replaces"))
    lanes.teach("replaces", memory={"Score": {"usage": [slow]}})

    lanes.start("replaces", "2026-01-07T03:00:00+00:00")
    state = lanes.settle("replaces")

    manifest = lanes.manifests("replaces")["2026-01-07T030000Z"]
    assert len(lanes.executions("replaces")) - before == 2
    assert state["recent"][-1]["attempts"] == 1
    assert [found["rows"] for found in manifest["output"]["files"]] == [10, 9, 10]
    assert lanes.predictions(lanes.published_files("replaces")["2026-01-07T030000Z"])[-1] == ("k30", 30.0)


def test_a_job_that_takes_too_long_is_ended_and_tried_again(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-20", rows(), {"sleep_seconds": 600})

    with job_arguments(lanes, "plain", "PrepareInput", StoppingCondition={"MaxRuntimeInSeconds": 4}):
        lanes.start("plain", "2026-01-20T03:00:00+00:00")
        wait_for_job(lanes, "plain", "PrepareInput")
    lanes.put_rows("plain", "2026-01-20", rows(), {})
    state = lanes.settle("plain")

    assert "2026-01-20T030000Z" in lanes.manifests("plain")
    assert state["recent"][-1]["attempts"] == 2


def test_a_job_for_which_aws_has_no_machine_gets_another_and_the_next_run_asks_for_that_at_once(lanes: Lanes) -> None:
    for day in ("2026-01-21", "2026-01-22"):
        lanes.put_rows("plain", day, rows())

    with job_arguments(lanes, "plain", "Score", Environment={"MLP_FAULT": "capacity:ml.t3.medium"}):
        lanes.start("plain", "2026-01-21T03:00:00+00:00")
        state = lanes.settle("plain")
        lanes.start("plain", "2026-01-22T03:00:00+00:00")
        later = lanes.settle("plain")

    assert [run["attempts"] for run in later["recent"][-2:]] == [2, 1]
    assert list(state["memory"]["Score"]["no_capacity"]) == ["ml.t3.medium"]
    first, second = (plan(lanes, "plain", f"2026-01-{day}T030000Z")["choice"] for day in (21, 22))
    assert first["instance_type"] == second["instance_type"] != "ml.t3.medium"
    assert "no capacity of ml.t3.medium a while ago" in second["reason"]
    assert {"2026-01-21T030000Z", "2026-01-22T030000Z"} <= lanes.manifests("plain").keys()


def test_a_run_started_by_hand_has_a_place_like_any_other(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-05", rows())
    sagemaker = lanes.engine.client("sagemaker")
    input_uri = f"s3://{lanes.deployed.data_bucket}/plain/2026-01-05/"

    started = sagemaker.start_pipeline_execution(
        PipelineName="quick-plain", PipelineParameters=[{"Name": "InputUri", "Value": input_uri}]
    )
    execution = lanes.deployed.workbench.wait(started["PipelineExecutionArn"])
    lanes.settle("plain")

    assert execution.status == "Succeeded"
    assert execution.arn.rpartition("/")[2] in lanes.manifests("plain")
