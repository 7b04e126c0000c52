"""The function of the step BeginRun: on a real S3 server; the registry by botocore's own stubs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from model_registry import ModelChoice, ModelKind, NoModelError, Registry
from runs import begin_run
from runs.begin_run import EmptyInputError, NoPlaceError, input_of
from runs.state import Because, QueuedRun, StaleFenceError, State
from runs.store import Store
from runs.transitions import Policy, start
from tests.unit.servers import client

GROUP = "demo"
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/"
EXECUTION = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/demo-weekly/execution/abc123"
MOMENT = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
RUN = "2026-11-24T180000Z"


def listing(*versions: int, approval: str = "Approved") -> dict[str, Any]:
    return {
        "ModelPackageSummaryList": [
            {
                "ModelPackageArn": f"{PACKAGE}{version}",
                "ModelPackageGroupName": GROUP,
                "ModelPackageVersion": version,
                "CreationTime": MOMENT,
                "ModelPackageStatus": "Completed",
                "ModelApprovalStatus": approval,
            }
            for version in versions
        ]
    }


def asked(**filters: str) -> dict[str, Any]:
    return {"ModelPackageGroupName": GROUP, "SortBy": "CreationTime", "SortOrder": "Descending", **filters}


def package(version: int, baselines: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "ModelPackageName": f"{GROUP}/{version}",
        "ModelPackageArn": f"{PACKAGE}{version}",
        "ModelPackageVersion": version,
        "CreationTime": MOMENT,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {
            "Containers": [{"Image": "image:1", "ModelDataUrl": f"s3://models/{version}/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        **(baselines or {}),
    }


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch, s3: Any) -> Iterator[Stubber]:
    sagemaker = client("sagemaker")
    monkeypatch.setattr(boto3, "client", {"s3": s3, "sagemaker": sagemaker}.__getitem__)
    with Stubber(sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def approve(stubber: Stubber, version: int, baselines: dict[str, Any] | None = None) -> None:
    stubber.add_response("list_model_packages", listing(version), asked(ModelApprovalStatus="Approved"))
    describe(stubber, version, baselines)


def describe(stubber: Stubber, version: int, baselines: dict[str, Any] | None = None) -> None:
    name = {"ModelPackageName": f"{PACKAGE}{version}"}
    stubber.add_response("describe_model_package", package(version, baselines), name)


@pytest.fixture
def configured(bucket: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    runs = {
        "pipeline_name": "demo-weekly",
        "pipeline_arn": EXECUTION.partition("/execution")[0],
        "state_uri": f"s3://{bucket}/run-state/demo-weekly.json",
        "root_uri": f"s3://{bucket}/out/demo-weekly",
        "work_root_uri": f"s3://{bucket}/demo-weekly/runs",
        "region": "us-east-1",
        "model_package_group_name": GROUP,
        "time_zone": "Asia/Tokyo",
        "ladder": {"rungs": [{"instance_type": "ml.m5.large", "memory_gib": 8}]},
    }
    monkeypatch.setenv("RUNS", json.dumps(runs))
    return runs


@pytest.fixture
def event(bucket: str) -> dict[str, str]:
    return {
        "run_id": RUN,
        "fence": "1",
        "execution_arn": EXECUTION,
        "started_at": "2026-11-24T18:00:03Z",
        "input_uri": f"s3://{bucket}/sales/%Y/%m/%d/",
    }


@pytest.fixture
def store(s3: Any, configured: dict[str, Any]) -> Store:
    return Store(s3, configured["state_uri"])


def make_due(store: Store) -> None:
    wanted = QueuedRun(RUN, MOMENT, Because.SCHEDULE)
    store.update(lambda state: start(state, wanted, MOMENT, Policy(), published=False)[0])


def test_a_run_finds_its_model_its_input_and_its_baselines(
    s3: Any, bucket: str, store: Store, event: dict[str, str], stubber: Stubber
) -> None:
    make_due(store)
    s3.put_object(Bucket=bucket, Key="sales/2026/11/25/a.csv", Body=b"1,2,3")  # The moment's day in Tokyo.
    s3.put_object(Bucket=bucket, Key="baseline/statistics.json", Body=b'{"version": 0}')
    quality = {"Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{bucket}/baseline/statistics.json"}}
    approve(stubber, 7, {"ModelMetrics": {"ModelDataQuality": quality}})

    answer = begin_run.handler(event, None)

    work_uri = f"s3://{bucket}/demo-weekly/runs/{RUN}/1"
    assert answer["input_uri"] == f"s3://{bucket}/sales/2026/11/25/"
    assert (answer["run_id"], answer["fence"], answer["generation"]) == (RUN, "1", "1")
    assert answer["scheduled_at"] == "2026-11-24T18:00:00+00:00"
    assert answer["model_package_arn"] == f"{PACKAGE}7"
    assert (answer["model_data_uri"], answer["image_uri"]) == ("s3://models/7/model.tar.gz", "image:1")
    assert (answer["has_challenger"], answer["challenger_image_uri"]) == ("false", "")
    assert answer["statistics_uri"] == f"s3://{bucket}/baseline/statistics.json"
    assert answer["constraints_uri"] == ""
    assert (answer["work_uri"], answer["baseline_uri"]) == (work_uri, f"{work_uri}/baseline")
    assert answer["output_uri"] == f"s3://{bucket}/out/demo-weekly/runs/run_id={RUN}/1"
    assert (answer["prepare_instance_type"], answer["input_bytes"]) == ("ml.m5.large", "5")
    assert all(isinstance(value, str) for value in answer.values())
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"demo-weekly/runs/{RUN}/1/")["Contents"]
    assert [found["Key"].split("/1/")[1] for found in listed] == [
        "baseline/about.json",
        "baseline/statistics.json",
        "input.json",
    ]
    record = json.loads(s3.get_object(Bucket=bucket, Key=f"demo-weekly/runs/{RUN}/1/input.json")["Body"].read())
    assert record["version"] == answer["input_version"]
    assert [found["key"] for found in record["objects"]] == ["sales/2026/11/25/a.csv"]
    bound = store.read().active[RUN]
    assert (bound.execution_arn, bound.input_bytes) == (EXECUTION, 5)


def test_a_generation_is_of_one_model_and_of_one_listing_of_the_input_however_often_it_begins(
    s3: Any, bucket: str, store: Store, event: dict[str, str], stubber: Stubber
) -> None:
    make_due(store)
    s3.put_object(Bucket=bucket, Key="sales/2026/11/25/a.csv", Body=b"1,2,3")
    approve(stubber, 7)
    first = begin_run.handler(event, None)
    s3.put_object(Bucket=bucket, Key="sales/2026/11/25/b.csv", Body=b"4,5,6")

    copy = begin_run.handler(event, None)  # It asks the registry no more.
    store.update(lambda state: next_fence(state, generation=1))
    goes_on = begin_run.handler({**event, "fence": "2", "execution_arn": f"{EXECUTION}-2"}, None)
    store.update(lambda state: next_fence(state, generation=3))
    approve(stubber, 8)
    anew = begin_run.handler({**event, "fence": "3", "execution_arn": f"{EXECUTION}-3"}, None)

    assert copy == first
    assert goes_on == {**first, "fence": "2"}
    assert anew["model_package_arn"] == f"{PACKAGE}8"
    assert anew["input_version"] != first["input_version"]


def test_of_two_that_begin_a_generation_at_once_the_slower_takes_what_the_faster_recorded(
    s3: Any, bucket: str, store: Store, event: dict[str, str], stubber: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_due(store)
    s3.put_object(Bucket=bucket, Key="sales/2026/11/25/a.csv", Body=b"1,2,3")
    approve(stubber, 7)
    approve(stubber, 7)
    resolve, faster = begin_run.resolve, []

    def resolve_and_be_overtaken(*given: Any) -> dict[str, Any]:
        monkeypatch.setattr(begin_run, "resolve", resolve)
        record = resolve(*given)
        s3.put_object(Bucket=bucket, Key="sales/2026/11/25/b.csv", Body=b"4,5,6")
        faster.append(begin_run.handler(event, None))
        return record

    monkeypatch.setattr(begin_run, "resolve", resolve_and_be_overtaken)

    slower = begin_run.handler(event, None)

    assert [slower] == faster


def next_fence(state: State, generation: int) -> State:
    """The run's next attempt."""
    run = replace(state.active[RUN], fence=state.fence + 1, generation=generation, execution_arn=None)
    return replace(state.with_active(RUN, run), fence=state.fence + 1)


def test_without_input_the_run_fails_with_the_command_that_brings_some(
    store: Store, event: dict[str, str], stubber: Stubber
) -> None:
    make_due(store)
    approve(stubber, 7)
    with pytest.raises(EmptyInputError, match=r"EmptyInput: there is no input under s3://.*; upload it, for example"):
        begin_run.handler(event, None)


def test_a_stale_fence_does_nothing(
    s3: Any, bucket: str, store: Store, event: dict[str, str], stubber: Stubber
) -> None:
    make_due(store)
    with pytest.raises(StaleFenceError, match="StaleFence: run 2026-11-24T180000Z is at fence 1, so fence 9"):
        begin_run.handler({**event, "fence": "9"}, None)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="demo-weekly/")


def test_a_start_by_hand_gets_the_free_place(
    s3: Any, bucket: str, store: Store, event: dict[str, str], stubber: Stubber
) -> None:
    s3.put_object(Bucket=bucket, Key="other/a.csv", Body=b"1")
    approve(stubber, 7)
    by_hand = {**event, "run_id": "manual", "fence": "0", "input_uri": f"s3://{bucket}/other/"}
    answer = begin_run.handler(by_hand, None)
    assert (answer["run_id"], answer["fence"]) == ("abc123", "1")
    assert store.read().active["abc123"].because is Because.MANUAL


def test_a_start_by_hand_waits_for_a_place_with_the_input_it_was_given(
    store: Store, event: dict[str, str], stubber: Stubber
) -> None:
    make_due(store)
    with pytest.raises(NoPlaceError, match="Queued: another run is at work; this run starts by itself"):
        begin_run.handler({**event, "run_id": "manual", "fence": "0"}, None)
    (queued,) = store.read().queue
    assert (queued.run_id, queued.input_uri) == ("abc123", event["input_uri"])


def test_input_without_codes_is_taken_as_it_is() -> None:
    assert input_of("s3://data/history/", MOMENT, "Asia/Tokyo") == "s3://data/history/"
    assert input_of("s3://data/%Y/%H/", MOMENT, "UTC") == "s3://data/2026/18/"


def registry(stubber: Stubber) -> Registry:
    return Registry(boto3.client("sagemaker"), GROUP)


def test_without_an_approved_version_the_error_is_the_command_that_approves_the_newest(stubber: Stubber) -> None:
    stubber.add_response("list_model_packages", listing(), asked(ModelApprovalStatus="Approved"))
    stubber.add_response("list_model_packages", listing(3, approval="PendingManualApproval"), asked())
    with pytest.raises(NoModelError) as caught:
        registry(stubber).choose(ModelChoice())
    assert str(caught.value) == (
        "NoApprovedModel: no version of model package group 'demo' is approved; approve one, for example: aws sagemaker "
        f"update-model-package --model-package-arn {PACKAGE}3 --model-approval-status Approved"
    )


def test_without_any_version_the_error_says_to_train_first(stubber: Stubber) -> None:
    stubber.add_response("list_model_packages", listing(), asked(ModelApprovalStatus="Approved"))
    stubber.add_response("list_model_packages", listing(), asked())
    with pytest.raises(NoModelError, match="group 'demo' has no version; run the project's training pipeline"):
        registry(stubber).choose(ModelChoice())


def test_a_pinned_version_is_taken_whatever_its_approval(stubber: Stubber) -> None:
    stubber.add_response("list_model_packages", listing(9, 8, 3, approval="Rejected"), asked())
    describe(stubber, 3)
    champion, challenger = registry(stubber).choose(ModelChoice(ModelKind.PINNED, 3))
    assert (champion.version, challenger) == (3, None)
    stubber.add_response("list_model_packages", listing(9, 8), asked())
    with pytest.raises(NoModelError, match="has no version 3; it has 8 to 9: pin another"):
        registry(stubber).choose(ModelChoice(ModelKind.PINNED, 3))


@pytest.mark.parametrize(("waiting", "expected"), [(9, 9), (5, None), (None, None)])
def test_the_challenger_is_the_newest_that_waits_if_it_is_newer(
    stubber: Stubber, waiting: int | None, expected: int | None
) -> None:
    approve(stubber, 7)
    found = listing(*([waiting] if waiting else []), approval="PendingManualApproval")
    stubber.add_response("list_model_packages", found, asked(ModelApprovalStatus="PendingManualApproval"))
    if expected is not None:
        describe(stubber, expected)
    champion, challenger = registry(stubber).choose(ModelChoice(ModelKind.CHAMPION_CHALLENGER))
    assert champion.version == 7
    assert (None if challenger is None else challenger.version) == expected


def test_baselines_for_drift_come_before_those_of_training(stubber: Stubber) -> None:
    def quality(name: str) -> dict[str, Any]:
        file = {"ContentType": "application/json", "S3Uri": f"s3://b/{name}.json"}
        return {"ModelDataQuality": {"Statistics": file, "Constraints": file}}

    approve(stubber, 7, {"ModelMetrics": quality("metrics"), "DriftCheckBaselines": quality("drift")})
    champion, _ = registry(stubber).choose(ModelChoice())
    assert asdict(champion)["constraints_uri"] == "s3://b/drift.json"
