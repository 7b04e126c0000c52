from __future__ import annotations

import re
import zipfile

import pytest
from aws_cdk import App, Environment, Stack

from mlplatform import ExperimentStore, InvalidPropsError, RecordRetention
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Json, Synthesized, flat, synthesize

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:told"


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    directory = tmp_path_factory.mktemp("out")
    app = App(outdir=str(directory), analytics_reporting=False)
    stack = Stack(app, "stack", env=Environment(account=ACCOUNT, region=REGION))
    ExperimentStore(stack, "Store", retention=RecordRetention(keep_days=400, backup_days=35), alarm_topic_arn=TOPIC)
    return synthesize(app, directory)


def named(synthesized: Synthesized, resource_type: str, part: str) -> Json:
    """The resource of the type with this construct id."""
    (found,) = (
        resource["Properties"]
        for logical_id, resource in synthesized.template["Resources"].items()
        if resource["Type"] == resource_type and re.fullmatch(f"Store{part}[0-9A-F]{{8}}", logical_id)
    )
    return dict(found)


def statements(synthesized: Synthesized, function: str) -> dict[str, Json]:
    role = named(synthesized, "AWS::IAM::Role", f"{function}Role")
    return {found["Sid"]: found for found in role["Policies"][0]["PolicyDocument"]["Statement"]}


def test_the_app_keeps_its_artifacts_in_the_stores_own_bucket(synthesized: Synthesized) -> None:
    app = synthesized.only("AWS::SageMaker::MlflowApp")
    assert flat(app["ArtifactStoreUri"]).startswith("s3://<StoreArtifacts")
    assert flat(app["RoleArn"]).startswith("<StoreAppRole")


def test_what_remembers_experiments_outlives_the_stack(synthesized: Synthesized) -> None:
    kept = {
        resource["Type"]
        for resource in synthesized.template["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    }
    assert kept == {
        *("AWS::SageMaker::MlflowApp", "AWS::KMS::Key", "AWS::S3::Bucket"),
        "AWS::Backup::BackupVault",
    }


def test_a_parameter_names_the_bucket_of_the_records(synthesized: Synthesized) -> None:
    parameter = synthesized.only("AWS::SSM::Parameter")
    assert parameter["Name"] == "/mlplatform/experiments/records-bucket"
    assert flat(parameter["Value"]).startswith("<StoreRecords")


def test_records_are_versioned_encrypted_and_kept_by_rule(synthesized: Synthesized) -> None:
    bucket = named(synthesized, "AWS::S3::Bucket", "Records")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["ExpireForgotten"]["TagFilters"] == [{"Key": "forget", "Value": "true"}]
    assert {rules[name]["Prefix"]: rules[name]["ExpirationInDays"] for name in ("ExpireRuns", "ExpireRecords")} == {
        "runs/": 400,
        "records/": 400,
    }


def test_records_are_backed_up_every_night_if_it_is_said(synthesized: Synthesized) -> None:
    (rule,) = synthesized.only("AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    assert rule["Lifecycle"] == {"DeleteAfterDays": 35}
    selection = synthesized.only("AWS::Backup::BackupSelection")["BackupSelection"]
    assert [flat(arn).partition(":::")[2].startswith("<StoreRecords") for arn in selection["Resources"]] == [True]
    bucket = named(synthesized, "AWS::S3::Bucket", "Records")
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_records_are_kept_for_ever_unless_it_is_said() -> None:
    assert [rule["id"] for rule in RecordRetention().rules()] == ["ExpireForgotten", "ExpireResultsOfQueries"]


def test_days_that_s3_does_not_take_are_all_refused() -> None:
    with pytest.raises(InvalidPropsError, match=r"(?s)keep_days is 0.*forget_after_days is -1"):
        RecordRetention(keep_days=0, forget_after_days=-1)


def test_every_state_change_waits_in_a_queue_for_the_capture(synthesized: Synthesized) -> None:
    rule = synthesized.only("AWS::Events::Rule")
    assert rule["EventPattern"]["source"] == ["aws.sagemaker", "mlplatform"]
    (target,) = rule["Targets"]
    assert flat(target["Arn"]).startswith("<StoreEvents")
    assert flat(target["DeadLetterConfig"]["Arn"]).startswith("<StoreDeadLetters")
    feed = named(synthesized, "AWS::Lambda::EventSourceMapping", "EventsFeed")
    assert feed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert flat(feed["EventSourceArn"]).startswith("<StoreEvents")
    assert flat(feed["FunctionName"]).startswith("<StoreCapture")


def test_runs_are_shown_one_message_after_the_other(synthesized: Synthesized) -> None:
    queue = named(synthesized, "AWS::SQS::Queue", "Shown")
    assert queue["FifoQueue"] is True
    feed = named(synthesized, "AWS::Lambda::EventSourceMapping", "ShownFeed")
    assert flat(feed["FunctionName"]).startswith("<StoreProjection")


@pytest.mark.parametrize(("queue", "dead_letters"), [("Events", "DeadLetters"), ("Shown", "ShownDeadLetters")])
def test_what_fails_ten_times_is_kept_and_told(synthesized: Synthesized, queue: str, dead_letters: str) -> None:
    found = named(synthesized, "AWS::SQS::Queue", queue)
    assert found["RedrivePolicy"]["maxReceiveCount"] == 10
    assert flat(found["RedrivePolicy"]["deadLetterTargetArn"]).startswith(f"<Store{dead_letters}")
    alarm = named(synthesized, "AWS::CloudWatch::Alarm", f"{queue}GivenUp")
    assert alarm["AlarmActions"] == [TOPIC]
    assert flat(alarm["Dimensions"][0]["Value"]).startswith(f"<Store{dead_letters}")


def test_a_message_stays_hidden_longer_than_the_function_may_run(synthesized: Synthesized) -> None:
    for queue, function in (("Events", "Capture"), ("Shown", "Projection")):
        longest = named(synthesized, "AWS::Lambda::Function", function)["Timeout"]
        assert named(synthesized, "AWS::SQS::Queue", queue)["VisibilityTimeout"] == 6 * longest


def test_only_the_rule_may_send_events_and_only_with_tls(synthesized: Synthesized) -> None:
    policy = named(synthesized, "AWS::SQS::QueuePolicy", "EventsPolicy")
    deny, allow = policy["PolicyDocument"]["Statement"]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (rule,) = synthesized.resources("AWS::Events::Rule")
    assert flat(allow["Condition"]["ArnEquals"]["aws:SourceArn"]) == f"<{rule}.Arn>"


def test_events_may_use_the_key_for_messages(synthesized: Synthesized) -> None:
    found: list[Json] = synthesized.only("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert {"Service": "events.amazonaws.com"} in [statement["Principal"] for statement in found]


def test_only_the_capture_writes_records_and_it_deletes_nothing(synthesized: Synthesized) -> None:
    writes = statements(synthesized, "Capture")["WriteRecords"]
    assert writes["Action"] == ["s3:PutObject"]
    prefixes = [flat(arn).rpartition("/")[0].rpartition("/")[2] for arn in writes["Resource"]]
    assert prefixes == ["runs", "records", "blobs", "rows"]
    for other, may_write in (("Projection", []), ("Reconciliation", ["reconciliation/state.json", "rows/*"])):
        found = statements(synthesized, other).values()
        writing = [one["Resource"] for one in found if "s3:PutObject" in one["Action"]]
        assert [flat(arn).partition("/")[2] for arns in writing for arn in arns] == may_write


def test_the_capture_looks_into_data_of_this_account_only(synthesized: Synthesized) -> None:
    for sid in ("ListData", "ReadData"):
        condition = statements(synthesized, "Capture")[sid]["Condition"]
        assert condition == {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}


def test_what_events_missed_is_looked_for_every_hour(synthesized: Synthesized) -> None:
    schedule = synthesized.only("AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert flat(schedule["Target"]["Arn"]).startswith("<StoreReconciliation")


def test_the_projection_knows_its_app_and_may_call_only_that_one(synthesized: Synthesized) -> None:
    (app,) = synthesized.resources("AWS::SageMaker::MlflowApp")
    function = named(synthesized, "AWS::Lambda::Function", "Projection")
    assert flat(function["Environment"]["Variables"]["MLFLOW_APP_ARN"]) == f"<{app}.Arn>"
    use = statements(synthesized, "Projection")["UseMlflow"]
    assert [flat(arn) for arn in use["Resource"]] == [f"<{app}.Arn>"]
    assert "UseMlflow" not in statements(synthesized, "Capture")


def test_the_handlers_are_in_the_code_that_is_shipped(synthesized: Synthesized) -> None:
    (archive,) = synthesized.directory.glob("asset.*.zip")
    names = zipfile.ZipFile(archive).namelist()
    for function in synthesized.resources("AWS::Lambda::Function").values():
        assert function["Handler"].rpartition(".")[0].replace(".", "/") + ".py" in names
    assert "mlrecords/store.py" in names
