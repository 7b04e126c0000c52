"""What synthesized pipelines ask for is allowed: every request is derived from the steps of their definitions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mlpipelines import iter_steps
from tests.access.answers import answered, answers_of_functions
from tests.access.evaluator import Principal, Resource, decide
from tests.access.world import ACCOUNT, PROJECTS, REGION, ROLES, World

Json = dict[str, Any]
STACK = "mlp-dev-project-{}"
CREATES = {
    "Processing": ("CreateProcessingJob", "processing-job"),
    "Training": ("CreateTrainingJob", "training-job"),
    "Transform": ("CreateTransformJob", "transform-job"),
    "Model": ("CreateModel", "model"),
    "Tuning": ("CreateHyperParameterTuningJob", "hyper-parameter-tuning-job"),
    "QualityCheck": ("CreateProcessingJob", "processing-job"),
    "ClarifyCheck": ("CreateProcessingJob", "processing-job"),
}
# Where a request says what a condition key is about (Service Authorization Reference).
MEMBERS = {
    "InstanceType": "sagemaker:InstanceTypes",
    "VolumeKmsKeyId": "sagemaker:VolumeKmsKey",
    "KmsKeyId": "sagemaker:OutputKmsKey",
    "MaxRuntimeInSeconds": "sagemaker:MaxRuntimeInSeconds",
    "EnableInterContainerTrafficEncryption": "sagemaker:InterContainerTrafficEncryption",
    "Subnets": "sagemaker:VpcSubnets",
    "SecurityGroupIds": "sagemaker:VpcSecurityGroupIds",
}
SEVERAL = ("sagemaker:InstanceTypes", "sagemaker:VpcSubnets", "sagemaker:VpcSecurityGroupIds")
READ = ("ProcessingInputs", "InputDataConfig", "TransformInput")
WRITTEN = ("ProcessingOutputConfig", "OutputDataConfig", "TransformOutput")
PLACES = ("S3Uri", "S3OutputPath")
JOBS_OF_RUNS = ("PrepareInput", "Score", "ScoreChallenger", "CompareOutputs")


def definitions(world: World, project: str) -> list[Json]:
    """With what functions answer in some execution: once for each instance type that they may choose."""
    found = [
        (properties["PipelineName"], json.loads(properties["PipelineDefinition"]["PipelineDefinitionBody"]))
        for _, properties in world.account.find("AWS::SageMaker::Pipeline", STACK.format(project))
    ]
    return [
        answered(definition, answers)
        for name, definition in found
        for answers in answers_of_functions(world, project, name)
    ]


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of a request, however deep."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name, item
            yield from members(item)
    elif isinstance(value, list):
        for item in value:
            yield from members(item)


def context_of(arguments: Json) -> Json:
    """The condition keys that SageMaker makes of a request."""
    context: Json = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in arguments.get("Tags", [])}
    for name, value in members(arguments):
        if name in MEMBERS:
            key = MEMBERS[name]
            values = value if isinstance(value, list) else [value]
            context[key] = [*values] if key in SEVERAL else json.dumps(value).strip('"')
    return context


def place(value: Any, parameters: Json) -> str | None:
    """Where an S3 URI of a definition points in some execution; None when another step says it."""
    match value:
        case str():
            return value
        case {"Get": str(path)} if path.startswith("Parameters."):
            return str(parameters[path.removeprefix("Parameters.")])
        case {"Get": str(path)}:
            return None if path.startswith("Steps.") else "x"
        case {"Std:Join": {"On": str(separator), "Values": list(values)}}:
            parts = [place(it, parameters) for it in values]
            return None if None in parts else separator.join(it for it in parts if it is not None)
    raise AssertionError(f"cannot read {value!r}")


def places(arguments: Json, parts: tuple[str, ...], parameters: Json) -> list[str]:
    found = [it for part in parts for it in members(arguments.get(part))]
    uris = [place(value, parameters) for name, value in found if name in PLACES]
    return [uri.removeprefix("s3://") for uri in uris if uri is not None]


def by_arn(world: World, project: str) -> dict[str, Principal]:
    return {principal.arn: principal for principal in world.roles[project].values()}


@pytest.mark.parametrize("project", PROJECTS)
def test_executions_may_make_every_request_of_their_steps(world: World, project: str) -> None:
    pipeline = world.roles[project]["pipeline"]
    asked, denied = set(), []
    for definition in definitions(world, project):
        for step in iter_steps(definition):
            for action, resource, context in requests(step, project):
                asked.add(action)
                decision = decide(pipeline, action, resource, context)
                denied += [] if decision else [f"{step['Name']}: {action}: {decision.reason}"]
    assert asked == {
        "iam:PassRole",
        "lambda:InvokeFunction",
        "sagemaker:AddTags",
        "sagemaker:CreateHyperParameterTuningJob",
        "sagemaker:CreateModel",
        "sagemaker:CreateModelPackage",
        "sagemaker:CreateProcessingJob",
        "sagemaker:CreateTrainingJob",
        "sagemaker:CreateTransformJob",
        "sagemaker:DescribeHyperParameterTuningJob",
        "sagemaker:DescribeModel",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:DescribeTransformJob",
        "sagemaker:StopHyperParameterTuningJob",
        "sagemaker:StopProcessingJob",
        "sagemaker:StopTrainingJob",
        "sagemaker:StopTransformJob",
    }
    assert denied == []


def requests(step: Json, project: str) -> Iterator[tuple[str, Resource, Json]]:
    """What SageMaker Pipelines asks for with the pipeline's role to carry out a step."""
    arguments, sagemaker = step.get("Arguments", {}), f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
    if step["Type"] == "Lambda":
        yield "lambda:InvokeFunction", Resource(arn=step["FunctionArn"], tags={"project": project}), {}
    if step["Type"] == "RegisterModel":
        group = arguments["ModelPackageGroupName"]
        for name in (f"model-package-group/{group}", f"model-package/{group}/1"):
            yield "sagemaker:CreateModelPackage", Resource(arn=f"{sagemaker}:{name}", tags={"project": project}), {}
    if step["Type"] not in CREATES:
        return
    action, kind = CREATES[step["Type"]]
    new = Resource(arn=f"{sagemaker}:{kind}/pipelines-x-{step['Name']}-y")
    made = Resource(arn=new.arn, tags={tag["Key"]: tag["Value"] for tag in arguments["Tags"]})
    yield f"sagemaker:{action}", new, context_of(arguments)
    yield "sagemaker:AddTags", new, {**context_of(arguments), "sagemaker:TaggingAction": action}
    for verb in ("Describe", "Stop") if kind != "model" else ("Describe",):
        yield f"sagemaker:{action.replace('Create', verb)}", made, {}
    for name, role in members(arguments):
        if name in ("RoleArn", "ExecutionRoleArn"):
            yield "iam:PassRole", Resource(arn=role), {"iam:PassedToService": "sagemaker.amazonaws.com"}


@pytest.mark.parametrize("project", PROJECTS)
def test_clarify_may_ask_a_model_by_an_endpoint_of_the_projects_name_and_type(world: World, project: str) -> None:
    job, scope = world.roles[project]["training job"], f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
    configuration = Resource(arn=f"{scope}:endpoint-config/{project}-clarify-x")
    endpoint = Resource(arn=f"{scope}:endpoint/{project}-clarify-x")
    listed, other = ({"sagemaker:InstanceTypes": [kind]} for kind in ("ml.m5.large", "ml.p5.48xlarge"))

    assert decide(job, "sagemaker:CreateEndpointConfig", configuration, listed)
    assert not decide(job, "sagemaker:CreateEndpointConfig", configuration, other)
    for action in ("CreateEndpoint", "DescribeEndpoint", "InvokeEndpoint", "DeleteEndpoint"):
        assert decide(job, f"sagemaker:{action}", endpoint)
        assert not decide(job, f"sagemaker:{action}", Resource(arn=f"{scope}:endpoint/{project}-other"))


@pytest.mark.parametrize("project", PROJECTS)
def test_jobs_may_read_their_inputs_and_write_their_outputs(world: World, project: str) -> None:
    roles, denied, asked = by_arn(world, project), [], 0
    buckets = {
        it.arn: it for kind, found in world.resources[project].items() if kind.endswith("bucket") for it in found
    }
    for definition in definitions(world, project):
        parameters = {it["Name"]: it.get("DefaultValue") for it in definition["Parameters"]}
        model_role = next(
            (it["Arguments"]["ExecutionRoleArn"] for it in iter_steps(definition) if it["Type"] == "Model"), ""
        )
        for step in iter_steps(definition):
            if step["Type"] not in ("Processing", "Training", "Transform"):
                continue
            role = roles[step["Arguments"].get("RoleArn", model_role)]  # A transform job runs as its model.
            for action, parts in (("s3:GetObject", READ), ("s3:PutObject", WRITTEN)):
                for path in places(step["Arguments"], parts, parameters):
                    own = buckets.get(f"arn:aws:s3:::{path.split('/', 1)[0]}")
                    resource = Resource(
                        arn=f"arn:aws:s3:::{path if path.endswith('.gz') else path.rstrip('/') + '/file'}",
                        policy=None if own is None else own.policy,
                    )
                    asked += 1
                    decision = decide(role, action, resource)
                    denied += [] if decision else [f"{step['Name']}: {action} on {resource.arn}: {decision.reason}"]
            (key,) = world.resources[project]["key"]
            assert decide(role, "kms:Decrypt", key)
            assert decide(role, "kms:GenerateDataKey", key)
            grant = {"kms:GrantIsForAWSResource": "true"}
            assert decide(role, "kms:CreateGrant", key, grant)
            assert not decide(role, "kms:CreateGrant", key)
    assert asked > 90
    assert denied == []


@pytest.mark.parametrize("project", PROJECTS)
def test_jobs_may_read_versions_of_the_inputs_that_they_fetch_themselves(world: World, project: str) -> None:
    roles, decisions = by_arn(world, project), []
    for definition in definitions(world, project):
        parameters = {it["Name"]: it.get("DefaultValue") for it in definition["Parameters"]}
        for step in (it for it in iter_steps(definition) if it["Type"] == "Processing"):
            fetched = [it for it in step["Arguments"].get("ProcessingInputs", []) if it["AppManaged"]]
            decisions += [
                decide(
                    roles[step["Arguments"]["RoleArn"]],
                    "s3:GetObjectVersion",
                    Resource(arn=f"arn:aws:s3:::{path}a.csv"),
                )
                for path in places({"ProcessingInputs": fetched}, READ, parameters)
            ]
    assert decisions
    assert all(decisions)


@pytest.mark.parametrize("project", PROJECTS)
def test_jobs_of_batch_inference_ask_for_each_type_of_the_ladder_and_no_other(world: World, project: str) -> None:
    asked = {
        (step["Name"], value)
        for definition in definitions(world, project)
        for step in iter_steps(definition)
        if step["Name"] in JOBS_OF_RUNS
        for name, value in members(step["Arguments"])
        if name == "InstanceType"
    }
    assert asked == {(step, kind) for step in JOBS_OF_RUNS for kind in ("ml.m5.large", "ml.m5.xlarge")}


@pytest.mark.parametrize("project", PROJECTS)
def test_places_of_batch_inference_are_known_to_the_last(world: World, project: str) -> None:
    """Otherwise nothing would be asked about them."""
    for definition in definitions(world, project):
        parameters = {it["Name"]: it.get("DefaultValue") for it in definition["Parameters"]}
        for step in iter_steps(definition):
            if step["Name"] in (*JOBS_OF_RUNS, "MeasureQuality"):
                uris = [uri for name, uri in members(step["Arguments"]) if name in PLACES]
                assert len(places(step["Arguments"], (*READ, *WRITTEN), parameters)) == len(uris) > 2


def starters(world: World, action: str, kind: str) -> dict[str, list[str]]:
    """By role besides the six of `demand`: what it may start, by the ends of their ARNs."""
    return {
        role: started
        for role, principal in world.roles["demand"].items()
        if role not in ROLES
        and (
            started := [
                it.arn.rpartition("/")[2] for it in world.resources["demand"][kind] if decide(principal, action, it)
            ]
        )
    }


def test_a_pipeline_is_started_by_what_looks_after_it_only_or_by_its_own_schedule(world: World) -> None:
    assert starters(world, "sagemaker:StartPipelineExecution", "pipeline") == {
        "climbing watch training": ["demand-climbing"],
        "moving climbing watch training": ["demand-moving", "demand-moving-on-demand"],
        "everything schedule": ["demand-everything"],
        "replacing controller function": ["demand-replacing"],
        "replacing quality schedule": ["demand-replacing-quality"],
        "weekly forecast controller function": ["demand-weekly-forecast"],
    }


def test_the_schedule_calls_its_controller_and_keeps_what_fails(world: World) -> None:
    schedule = world.roles["demand"]["weekly forecast schedule"]
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:demand"
    called = [
        name
        for name in ("weekly-forecast-controller", "weekly-forecast-publish-run", "replacing-controller")
        if decide(schedule, "lambda:InvokeFunction", Resource(arn=f"{function}-{name}", tags={"project": "demand"}))
    ]
    assert called == ["weekly-forecast-controller"]
    kept = [it for it in world.resources["demand"]["dead letters"] if decide(schedule, "sqs:SendMessage", it)]
    assert len(kept) == 1


def test_what_a_controller_fails_on_is_kept_in_a_queue_of_its_own(world: World) -> None:
    controller = world.roles["demand"]["weekly forecast controller function"]
    kept = [it.arn for it in world.resources["demand"]["dead letters"] if decide(controller, "sqs:SendMessage", it)]
    assert len(kept) == 1
    assert "controller" in kept[0]


def test_the_state_of_runs_is_out_of_the_reach_of_inference_jobs_and_of_other_pipelines(world: World) -> None:
    roles = world.roles["demand"]
    (artifacts,) = world.resources["demand"]["artifacts bucket"]
    state = Resource(arn=f"{artifacts.arn}/run-state/demand-weekly-forecast.json", policy=artifacts.policy)
    writing = {
        role for role, principal in roles.items() if role not in ROLES and decide(principal, "s3:PutObject", state)
    }
    assert writing == {f"weekly forecast {it}" for it in ("controller function", "begin run", "publish run")}
    assert not decide(roles["inference job"], "s3:PutObject", state)


def test_an_inference_job_cannot_change_a_model_nor_a_training_job_what_is_published(world: World) -> None:
    roles = world.roles["demand"]
    (artifacts,), (output,) = (world.resources["demand"][f"{kind} bucket"] for kind in ("artifacts", "output"))
    for where in ("features/train/part.csv", "model/model.tar.gz"):
        model = Resource(arn=f"{artifacts.arn}/demand-training/x/{where}", policy=artifacts.policy)
        assert decide(roles["training job"], "s3:PutObject", model)
        assert not decide(roles["inference job"], "s3:PutObject", model)
    published = Resource(arn=f"{output.arn}/demand-weekly-forecast/latest.json", policy=output.policy)
    assert not decide(roles["training job"], "s3:PutObject", published)
