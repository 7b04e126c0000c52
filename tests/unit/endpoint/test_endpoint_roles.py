"""Who may do what about an endpoint."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App

from mlplatform import AsyncEndpoint, RealtimeEndpoint
from tests.unit.endpoint.endpoints import of, project_of, statements
from tests.unit.pipeline.synthesis import ACCOUNT, Json, Synthesized, flat, synthesize

ROLE = "AWS::IAM::Role"
ALWAYS = {"ListBuckets", "ReadObjects", "UseTheKey", "EncryptVolumes", "WriteOwnLog", "PutMetrics", "LogInToRegistries"}
NETWORKED = {"AttachNetworkInterfaces", "DescribeTheNetwork"}


def test_only_sagemaker_assumes_an_endpoints_role_for_this_account_only(endpoints: Synthesized) -> None:
    role = of(endpoints, ROLE, "PlainRole")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert role["Path"] == "/mlp/demo/"
    assert flat(role["PermissionsBoundary"]).startswith("<ProjectBoundary")


def test_an_endpoint_sees_models_and_no_data_and_writes_nothing_but_its_log(endpoints: Synthesized) -> None:
    found = statements(endpoints, "PlainRole")
    assert set(found) == {*ALWAYS, *NETWORKED, "PullImages"}
    assert all(
        arn.startswith("arn:<AWS::Partition>:s3:::<ProjectArtifacts") for arn in found["ReadObjects"]["Resource"]
    )
    assert [arn[:16] for arn in found["WriteOwnLog"]["Resource"]] == ["<ProjectPlainLog"]


def test_what_is_captured_is_written_under_the_endpoints_prefix_only(endpoints: Synthesized) -> None:
    (written,) = statements(endpoints, "FullRole")["WriteBelowItsPrefix"]["Resource"]
    assert written.endswith("/demo-full/captured/*")


def test_an_endpoint_pulls_the_image_that_was_said_and_the_projects_own(endpoints: Synthesized) -> None:
    pulled = [arn.rpartition(":")[2] for arn in statements(endpoints, "FullRole")["PullImages"]["Resource"]]
    assert pulled == ["repository/shared/serving", "repository/demo", "repository/demo/*"]


def test_an_asynchronous_endpoint_reads_payloads_writes_answers_and_tells(endpoints: Synthesized) -> None:
    found = statements(endpoints, "DocumentsRole")
    assert set(found) == {*ALWAYS, *NETWORKED, "PullImages", "ReadPayloads", "WriteAnswers", "TellOfResults"}
    assert found["ReadPayloads"]["Resource"][0].endswith("/demo-documents/input/*")
    assert all("/demo-documents/" in arn for arn in found["WriteAnswers"]["Resource"])


def test_who_only_finds_versions_changes_nothing_that_is_served(endpoints: Synthesized) -> None:
    actions = {action for it in statements(endpoints, "PlainModelsFunctionRole").values() for action in it["Action"]}
    assert actions.isdisjoint({"sagemaker:UpdateEndpoint", "sagemaker:CreateModel", "iam:PassRole"})


def test_who_follows_approvals_updates_this_endpoint_with_what_is_called_after_it(endpoints: Synthesized) -> None:
    found = statements(endpoints, "FullModelsFunctionRole")
    names = [arn.rpartition(":")[2] for arn in found["UpdateTheEndpoint"]["Resource"]]
    assert names == ["endpoint/demo-full", "endpoint-config/demo-full-v*"]
    assert [arn[:16] for arn in found["PassTheRole"]["Resource"]] == ["<ProjectFullRole"]
    assert found["PassTheRole"]["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    for kind, brought in (("endpoint-config", "BringEndpointConfigs"), ("model", "BringModels")):
        assert [arn.rpartition(":")[2] for arn in found[brought]["Resource"]] == [f"{kind}/demo-full-v*"]


def test_it_hears_of_approvals_of_the_group_and_of_changes_of_the_endpoint(endpoints: Synthesized) -> None:
    approvals = of(endpoints, "AWS::Events::Rule", "FullModelsApprovals")["EventPattern"]
    assert approvals["detail-type"] == ["SageMaker Model Package State Change"]
    assert approvals["detail"] == {"ModelPackageGroupName": ["demo"], "ModelApprovalStatus": ["Approved", "Rejected"]}
    changes = of(endpoints, "AWS::Events::Rule", "FullModelsChanges")["EventPattern"]
    assert changes["detail"] == {"EndpointName": ["demo-full"]}


def test_without_being_asked_nothing_follows(endpoints: Synthesized) -> None:
    assert not [name for name in endpoints.resources("AWS::Events::Rule") if name.startswith("ProjectPlain")]


def test_events_that_it_fails_on_are_told(endpoints: Synthesized) -> None:
    config = of(endpoints, "AWS::Lambda::EventInvokeConfig", "FullModelsFailedEvents")
    assert flat(config["DestinationConfig"]["OnFailure"]["Destination"]).startswith("<ProjectNotifications")
    assert statements(endpoints, "FullModelsFunctionRole")["Tell"]


def test_data_scientists_look_at_the_projects_endpoints_and_their_logs(endpoints: Synthesized) -> None:
    found = statements(endpoints, "DataScientistRole")
    assert [arn.rpartition(":")[2] for arn in found["LookAtEndpoints"]["Resource"]] == ["endpoint/demo-*"]
    logs = [arn.partition("log-group:")[2] for arn in found["ReadLogs"]["Resource"]]
    assert logs[-2:] == ["/aws/sagemaker/Endpoints/demo-*", "/aws/sagemaker/InferenceComponents/demo-*"]
    assert "InvokeEndpoints" not in found


def granted(directory: Path) -> dict[str, Json]:
    app = App(outdir=str(directory), analytics_reporting=False)
    project = project_of(app)
    RealtimeEndpoint(project, "Live").grant_invoke(project.data_scientist_role)
    AsyncEndpoint(project, "Documents").grant_invoke(project.data_scientist_role)
    return statements(synthesize(app, directory), "DataScientistRole")


def test_invoking_is_granted_endpoint_by_endpoint(tmp_path: Path) -> None:
    found = granted(tmp_path)
    assert [arn.rpartition(":")[2] for arn in found["InvokeEndpoints"]["Resource"]] == ["endpoint/demo-live"]
    assert [arn.rpartition(":")[2] for arn in found["InvokeAsynchronously"]["Resource"]] == ["endpoint/demo-documents"]
    assert found["PutPayloads"]["Resource"][0].endswith("/demo-documents/input/*")
    assert {arn.rpartition("/demo-documents/")[2] for arn in found["ReadAnswers"]["Resource"]} == {
        "output/*",
        "failures/*",
    }
