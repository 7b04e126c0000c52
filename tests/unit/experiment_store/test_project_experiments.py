from __future__ import annotations

from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Match, Template

from mlplatform import MlProject, ProjectExperiments, RecordsPlace
from tests.unit.servers import ACCOUNT, REGION

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/records"


def synthesized(**options: Any) -> tuple[MlProject, Template]:
    stack = Stack(App(analytics_reporting=False), "Stack", env=Environment(account=ACCOUNT, region=REGION))
    project = MlProject(stack, "Project", name="pricing", owner="pricing@example.com")
    ProjectExperiments(project, "Experiments", project=project, **options)
    return project, Template.from_stack(stack)


def test_the_app_keeps_artifacts_in_the_projects_own_bucket_and_carries_its_tag() -> None:
    project, template = synthesized()

    assert project.mlflow is not None
    assert project.mlflow.experiment_name == "pricing"
    template.has_resource_properties(
        "AWS::SageMaker::MlflowApp",
        {
            "Name": "mlp-pricing",
            "ArtifactStoreUri": {"Fn::Join": ["", ["s3://", Match.any_value(), "/mlflow"]]},
            "Tags": Match.array_with([{"Key": "project", "Value": "pricing"}]),
        },
    )
    template.has_resource_properties("AWS::SSM::Parameter", {"Name": "/mlplatform/projects/pricing/mlflow"})


def statements(template: Template, sid: str) -> dict[str, Any]:
    """The statement of this name by role, as many as have one."""
    return {
        logical_id: statement
        for logical_id, role in template.find_resources("AWS::IAM::Role").items()
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Sid"] == sid
    }


def test_jobs_and_people_of_the_project_use_its_app_and_no_other() -> None:
    _, template = synthesized()

    (app,) = template.find_resources("AWS::SageMaker::MlflowApp")
    found = statements(template, "UseOwnMlflow")
    assert len(found) == 3
    for statement in found.values():
        assert statement["Action"] == ["sagemaker:CallMlflowAppApi"]
        assert statement["Resource"] == [{"Fn::GetAtt": [app, "Arn"]}]


def test_people_may_find_and_read_runs_and_tell_of_their_own_but_change_no_record() -> None:
    _, template = synthesized(records=RecordsPlace(bucket_name="records", key_arn=KEY))

    (content,) = statements(template, "KeepContent").values()
    assert str(content["Resource"]).endswith(":s3:::records/blobs/*']]}]")
    assert content["Condition"] == {"Null": {"s3:if-none-match": "false"}}
    (told,) = statements(template, "TellOfRuns").values()
    assert told["Condition"]["StringEquals"]["events:source"] == "mlplatform"
    allowed = [
        statement
        for sid in ("FindTheStore", "FindRuns", "ReadFilesOfRuns", "KeepContent", "UseKeyOfRuns", "TellOfRuns")
        for statement in statements(template, sid).values()
    ]
    assert {action for it in allowed for action in it["Action"]} == {
        "ssm:GetParameter",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "events:PutEvents",
    }


def test_people_may_query_runs_in_athena() -> None:
    _, template = synthesized(records=RecordsPlace(bucket_name="records", key_arn=KEY))

    (query,) = statements(template, "QueryRuns").values()
    assert str(query["Resource"]).endswith(":workgroup/ml-experiments']]}]")
    (table,) = statements(template, "ReadRuns").values()
    assert "table/ml_experiments/run_rows" in str(table["Resource"])
    (results,) = statements(template, "KeepResultsOfQueries").values()
    assert str(results["Resource"]).endswith(":s3:::records/athena-results/*']]}]")


def test_without_a_store_they_may_not() -> None:
    _, template = synthesized()

    assert statements(template, "TellOfRuns") == {}
