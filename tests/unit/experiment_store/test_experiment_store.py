from __future__ import annotations

import pytest
from aws_cdk import App, Environment, Stack

from mlplatform import ExperimentStore
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Json, Synthesized, flat, synthesize

DETAIL_TYPES = [
    "SageMaker Training Job State Change",
    "SageMaker Processing Job State Change",
    "SageMaker Transform Job State Change",
    "SageMaker Model Building Pipeline Execution Status Change",
    "SageMaker Model Package State Change",
]


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    directory = tmp_path_factory.mktemp("out")
    app = App(outdir=str(directory), analytics_reporting=False)
    ExperimentStore(Stack(app, "stack", env=Environment(account=ACCOUNT, region=REGION)), "Store")
    return synthesize(app, directory)


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
    assert kept == {"AWS::SageMaker::MlflowApp", "AWS::KMS::Key", "AWS::S3::Bucket"}


def test_every_state_change_goes_to_the_capture(synthesized: Synthesized) -> None:
    rule = synthesized.only("AWS::Events::Rule")
    assert rule["EventPattern"] == {"source": ["aws.sagemaker"], "detail-type": DETAIL_TYPES}
    (function,) = synthesized.resources("AWS::Lambda::Function")
    assert flat(rule["Targets"][0]["Arn"]) == f"<{function}.Arn>"
    permission = synthesized.only("AWS::Lambda::Permission")
    (rule_id,) = synthesized.resources("AWS::Events::Rule")
    assert flat(permission["SourceArn"]) == f"<{rule_id}.Arn>"


def test_what_cannot_be_captured_is_kept(synthesized: Synthesized) -> None:
    (queue,) = synthesized.resources("AWS::SQS::Queue")
    invoke = synthesized.only("AWS::Lambda::EventInvokeConfig")
    assert flat(invoke["DestinationConfig"]["OnFailure"]["Destination"]) == f"<{queue}.Arn>"
    (target,) = synthesized.only("AWS::Events::Rule")["Targets"]
    assert flat(target["DeadLetterConfig"]["Arn"]) == f"<{queue}.Arn>"


def test_only_the_rule_may_send_to_the_queue_and_only_with_tls(synthesized: Synthesized) -> None:
    deny, allow = synthesized.only("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (rule,) = synthesized.resources("AWS::Events::Rule")
    assert flat(allow["Condition"]["ArnEquals"]["aws:SourceArn"]) == f"<{rule}.Arn>"


def test_events_may_use_the_key_for_dead_letters(synthesized: Synthesized) -> None:
    statements: list[Json] = synthesized.only("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert {"Service": "events.amazonaws.com"} in [found["Principal"] for found in statements]


def test_the_capture_knows_its_app_and_may_call_only_that_one(synthesized: Synthesized) -> None:
    (app,) = synthesized.resources("AWS::SageMaker::MlflowApp")
    function = synthesized.only("AWS::Lambda::Function")
    assert flat(function["Environment"]["Variables"]["MLFLOW_APP_ARN"]) == f"<{app}.Arn>"
    (role,) = (role for name, role in synthesized.resources("AWS::IAM::Role").items() if "Capture" in name)
    statements = {found["Sid"]: found for found in role["Policies"][0]["PolicyDocument"]["Statement"]}
    assert [flat(arn) for arn in statements["UseMlflow"]["Resource"]] == [f"<{app}.Arn>"]


def test_the_handler_is_in_the_code_that_is_shipped(synthesized: Synthesized) -> None:
    import zipfile

    (archive,) = synthesized.directory.glob("asset.*.zip")
    handler = synthesized.only("AWS::Lambda::Function")["Handler"]
    names = zipfile.ZipFile(archive).namelist()
    assert handler.rpartition(".")[0].replace(".", "/") + ".py" in names
    assert "capture/mlflow_api.py" in names
