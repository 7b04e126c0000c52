"""SageMaker's CloudFormation types on the embedded AWS: created, changed, deleted, and refused with the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from mlpipelines import FailStep, Pipeline
from tests.local.workbench import ROLE, Workbench, shell_step


def template(definition: str, **resources: Any) -> str:
    pipeline = {
        "Type": "AWS::SageMaker::Pipeline",
        "Properties": {
            "PipelineName": "from-a-template",
            "PipelineDefinition": {"PipelineDefinitionBody": definition},
            "RoleArn": ROLE,
        },
    }
    return json.dumps({"Resources": {"Pipeline": pipeline, **resources}})


def definition(message: str) -> str:
    return Pipeline(name="p", steps=(FailStep(name="Stop", message=message),)).render()


def deploy(workbench: Workbench, action: str, name: str, body: str) -> None:
    cloudformation = workbench.engine.client("cloudformation")
    getattr(cloudformation, f"{action}_stack")(StackName=name, TemplateBody=body)
    cloudformation.get_waiter(f"stack_{action}_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
    )


def test_a_pipeline_is_created_changed_and_deleted_with_its_stack(workbench: Workbench) -> None:
    cloudformation = workbench.engine.client("cloudformation")

    deploy(workbench, "create", "life", template(definition("first")))
    first = workbench.sagemaker.describe_pipeline(PipelineName="from-a-template")
    deploy(workbench, "update", "life", template(definition("second")))
    second = workbench.sagemaker.describe_pipeline(PipelineName="from-a-template")
    cloudformation.delete_stack(StackName="life")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="life", WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
    )

    assert "first" in first["PipelineDefinition"]
    assert "second" in second["PipelineDefinition"]
    assert second["PipelineArn"] == first["PipelineArn"]
    with pytest.raises(ClientError, match="does not exist"):
        workbench.sagemaker.describe_pipeline(PipelineName="from-a-template")


def test_a_broken_definition_fails_the_stack_with_its_problems_and_leaves_nothing(workbench: Workbench) -> None:
    broken = json.dumps(
        {
            "Version": "2020-12-01",
            "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Steps.Trian.X"}}}],
        }
    )

    with pytest.raises(WaiterError):
        deploy(workbench, "create", "broken", template(broken))

    events = workbench.engine.client("cloudformation").describe_stack_events(StackName="broken")["StackEvents"]
    reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert "Trian" in reasons
    with pytest.raises(ClientError, match="does not exist"):
        workbench.sagemaker.describe_pipeline(PipelineName="from-a-template")


def test_a_step_type_the_engine_does_not_run_is_refused_by_name(workbench: Workbench) -> None:
    cluster = {"Name": "Spark", "Type": "EMR", "ClusterId": "j-1", "Arguments": {"StepConfig": {}}}
    body = json.dumps({"Version": "2020-12-01", "Steps": [cluster]})

    with pytest.raises(ClientError) as refused:
        workbench.sagemaker.create_pipeline(
            PipelineName="spark", PipelineDefinition=body, RoleArn=ROLE, ClientRequestToken="c" * 32
        )

    assert "step 'Spark' is of type 'EMR'" in refused.value.response["Error"]["Message"]


def test_a_rule_and_a_job_event_meet(workbench: Workbench) -> None:
    events, sqs = workbench.engine.client("events"), workbench.engine.client("sqs")
    queue = sqs.create_queue(QueueName="job-events")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Processing Job State Change"]}
    events.put_rule(Name="jobs", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="jobs", Targets=[{"Id": "queue", "Arn": queue_arn}])

    execution = workbench.run(shell_step("Work", "true"))

    arn = execution.steps["Work"]["Metadata"]["ProcessingJob"]["Arn"]
    statuses = []
    for _ in range(20):
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            event = json.loads(message["Body"])
            if event["resources"] == [arn]:
                statuses.append(event["detail"]["ProcessingJobStatus"])
    events.remove_targets(Rule="jobs", Ids=["queue"])
    events.delete_rule(Name="jobs")
    assert statuses[-1] == "Completed"
    assert "InProgress" in statuses


def test_a_saved_query_of_athena_changes_and_goes_with_its_stack(workbench: Workbench) -> None:
    def with_query(text: str) -> str:
        query = {"Type": "AWS::Athena::NamedQuery", "Properties": {"Database": "runs", "QueryString": text}}
        return json.dumps({"Resources": {"Newest": query}})

    def saved() -> list[str]:
        athena = workbench.engine.client("athena")
        found = (athena.get_named_query(NamedQueryId=one) for one in athena.list_named_queries()["NamedQueryIds"])
        return [one["NamedQuery"]["QueryString"] for one in found if one["NamedQuery"]["Database"] == "runs"]

    cloudformation = workbench.engine.client("cloudformation")
    deploy(workbench, "create", "queries", with_query("SELECT 1"))
    first = saved()
    deploy(workbench, "update", "queries", with_query("SELECT 2"))
    second = saved()
    cloudformation.delete_stack(StackName="queries")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="queries", WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
    )

    assert (first, second, saved()) == (["SELECT 1"], ["SELECT 2"], [])
