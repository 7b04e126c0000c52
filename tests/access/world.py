"""Three projects as they are synthesized: their roles, what they own, and the requests that their guardrails let pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.access.asks import ASKS, Ask
from tests.access.conditions import Context
from tests.access.evaluator import Decision, Principal, Resource, decide
from tests.access.templates import Account

ACCOUNT, REGION = "123456789012", "us-east-1"
PROJECTS = ("demand", "demandplus", "ranking")
ROLES = ("training job", "inference job", "pipeline", "data scientist", "deploy", "auditor")
"""The six roles by job. A project has others, of its functions, its schedule and its budget."""
_PLATFORM = Path(__file__).with_name("platform.yaml")
_SHARED = "mlp-dev-experiment-store"
_BUCKETS = {
    "data": "ProjectData",
    "artifacts": "ProjectArtifacts",
    "output": "ProjectOutput",
    "access logs": "ProjectLogs",
}
_JOBS = {"processing": "processing-job", "training": "training-job", "transform": "transform-job"}
INSTANCE_TYPE, LOCAL_STORAGE_TYPE, MAX_RUNTIME_SECONDS = "ml.m5.xlarge", "ml.g4dn.xlarge", 7200


@dataclass(frozen=True)
class Answer:
    """What one role of one project may do with all resources of a kind that one project owns."""

    project: str
    role: str
    owner: str
    ask: Ask
    decisions: tuple[Decision, ...]

    @property
    def allowed(self) -> bool:
        """Whether any of them can be reached."""
        return any(self.decisions)

    @property
    def reaches_all(self) -> bool:
        """Whether each of them can be reached."""
        return all(self.decisions)


@dataclass(frozen=True)
class World:
    """Three projects with everything switched on, and the experiment store that they share."""

    account: Account

    @classmethod
    def synthesize(cls, directory: Path) -> World:
        """Build the app from this folder's platform.yaml."""
        from app import build_app

        build_app({"config": str(_PLATFORM)}, outdir=str(directory)).synth()
        return cls(Account.read(directory, account=ACCOUNT, region=REGION))

    @cached_property
    def roles(self) -> dict[str, dict[str, Principal]]:
        """By project, every role in its stack by its name: `training job`, `weekly forecast resolve inputs`."""
        return {
            project: {
                _role_name(logical_id): self.account.role(_stack(project), logical_id)
                for logical_id, _ in self.account.find("AWS::IAM::Role", _stack(project))
            }
            for project in PROJECTS
        }

    @cached_property
    def resources(self) -> dict[str, dict[str, list[Resource]]]:
        """By project, what it owns, by kind."""
        return {project: dict(self._owned(project)) for project in PROJECTS}

    def answers(self) -> Iterator[Answer]:
        """Every role of every project, asked everything of every project."""
        for project, roles in self.roles.items():
            for role, principal in roles.items():
                for owner in self.resources:
                    for ask, decisions in self.ask(principal, owner):
                        yield Answer(project, role, owner, ask, decisions)

    def ask(self, principal: Principal, owner: str) -> Iterator[tuple[Ask, tuple[Decision, ...]]]:
        """Everything that can be asked of what a project owns, with requests that its guardrails let pass."""
        for ask, context in self._asks[owner]:
            resources = self.resources[owner][ask.kind]
            yield ask, tuple(decide(principal, ask.action, resource, context) for resource in resources)

    @cached_property
    def _asks(self) -> dict[str, list[tuple[Ask, Context]]]:
        """By project, everything that can be asked of what it owns, with a request that its guardrails let pass."""
        return {owner: [(ask, self.compliant(ask.action, owner)) for ask in ASKS] for owner in PROJECTS}

    def compliant(self, action: str, project: str, *, instance_type: str = INSTANCE_TYPE) -> Context:
        """The condition keys of a request of this project that its guardrails are meant to let pass.

        Which keys an action has is from the Service Authorization Reference; `test_reference` holds that.
        """
        placed = {
            "sagemaker:VpcSubnets": self._ids("AWS::EC2::Subnet", "SubnetId"),
            "sagemaker:VpcSecurityGroupIds": self._ids("AWS::EC2::SecurityGroup", "GroupId", part="Job"),
        }
        key = self.resources_of_key(project)
        keys = {"sagemaker:OutputKmsKey": key, "sagemaker:VolumeKmsKey": key}
        if instance_type == LOCAL_STORAGE_TYPE:
            del keys["sagemaker:VolumeKmsKey"]
        machine = {"aws:RequestTag/project": project, "sagemaker:InstanceTypes": [instance_type]}
        bounded = {
            "sagemaker:MaxRuntimeInSeconds": str(MAX_RUNTIME_SECONDS),
            "sagemaker:InterContainerTrafficEncryption": "true",
        }
        job = {**machine, **keys, **placed, **bounded}
        notebook = {"sagemaker:RootAccess": "Disabled", "sagemaker:DirectInternetAccess": "Disabled"}
        contexts: dict[str, Context] = {
            "iam:PassRole": {"iam:PassedToService": "sagemaker.amazonaws.com"},
            "sagemaker:CreateApp": {"sagemaker:InstanceTypes": [instance_type]},
            "sagemaker:CreateHyperParameterTuningJob": job,
            "sagemaker:CreateModel": {"aws:RequestTag/project": project, **placed},
            "sagemaker:CreateNotebookInstance": {**machine, "sagemaker:VolumeKmsKey": key, **placed, **notebook},
            "sagemaker:CreateProcessingJob": job,
            "sagemaker:CreateTrainingJob": job,
            "sagemaker:CreateTransformJob": {**machine, **keys},
        }
        return contexts.get(action, {})

    def resources_of_key(self, project: str) -> str:
        """The ARN of the project's key."""
        ((logical_id, _),) = self.account.find("AWS::KMS::Key", _stack(project))
        return self.account.arn(_stack(project), logical_id)

    def _ids(self, resource_type: str, attribute: str, part: str = "") -> list[str]:
        """Of the network's resources of a type, those whose logical id has a part."""
        found = self.account.find(resource_type, "mlp-dev-network")
        return [
            self.account.flat("mlp-dev-network", {"Fn::GetAtt": [logical_id, attribute]})
            for logical_id, _ in found
            if part in logical_id
        ]

    def _made(self, project: str, resource_type: str, start: str = "") -> list[Resource]:
        stack = _stack(project)
        found = [
            logical_id for logical_id, _ in self.account.find(resource_type, stack) if logical_id.startswith(start)
        ]
        assert found, f"{stack} has no {resource_type} {start}"
        return [self.account.resource(stack, logical_id) for logical_id in found]

    def _owned(self, project: str) -> Iterator[tuple[str, list[Resource]]]:
        """What the stack makes, and what its pipelines and people make by names of their own."""
        made = self._made
        yield "key", made(project, "AWS::KMS::Key")
        for kind, start in _BUCKETS.items():
            buckets = made(project, "AWS::S3::Bucket", start)
            yield f"{kind} bucket", buckets
            yield (
                f"{kind} objects",
                [Resource(arn=f"{it.arn}/{project}-training/x/model", policy=it.policy) for it in buckets],
            )
        yield "topic", made(project, "AWS::SNS::Topic")
        yield "repository", made(project, "AWS::ECR::Repository")
        yield "model package group", made(project, "AWS::SageMaker::ModelPackageGroup")
        pipelines = made(project, "AWS::SageMaker::Pipeline")
        yield "pipeline", pipelines
        yield "pipeline execution", [Resource(arn=f"{it.arn}/execution/x", tags=it.tags) for it in pipelines]
        functions = made(project, "AWS::Lambda::Function")
        planning = [it for it in functions if it.arn.endswith(("-plan-start", "-watch-training"))]
        # By name, since only some pipelines have one; functions of steps are started by pipelines.
        function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
        yield "controller", [Resource(arn=f"{function_arn}:{project}-x-controller", tags=pipelines[0].tags)]
        schedule_arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule"
        yield "schedule", [Resource(arn=f"{schedule_arn}/{project}-x/{project}-x", tags=pipelines[0].tags)]
        of_endpoints = [it for it in functions if re.search("-(live|shared|queued|seldom)-(models|api)$", it.arn)]
        yield "endpoint function", of_endpoints
        steps = [it for it in functions if it not in planning + of_endpoints and not it.arn.endswith("-controller")]
        yield "function", steps
        yield "planning function", planning
        logs = made(project, "AWS::Logs::LogGroup")
        yield "endpoint log", [it for it in logs if ":/aws/sagemaker/" in it.arn]
        yield "access log", [it for it in logs if ":/aws/vendedlogs/" in it.arn]
        yield "function log", [it for it in logs if ":/aws/lambda/" in it.arn]
        yield "prediction stream", made(project, "AWS::KinesisFirehose::DeliveryStream")
        yield from self._endpoints(project, tags=pipelines[0].tags)
        yield "dead letters", made(project, "AWS::SQS::Queue")
        yield from self._named(project, tags=pipelines[0].tags)
        roles = self.roles[project]
        within = {name for name, role in roles.items() if f":role/mlp/{project}/" in role.arn}
        for kind, names in (
            ("job role", set(ROLES[:2])),
            ("other role", within - set(ROLES[:2])),
            ("function role", roles.keys() - within),
        ):
            yield (
                kind,
                [Resource(arn=roles[it].arn, tags=roles[it].tags, policy=roles[it].trust) for it in sorted(names)],
            )
        queries = f"{REGION}:{ACCOUNT}"
        yield "workgroup", [Resource(arn=f"arn:aws:athena:{queries}:workgroup/{project}", tags=pipelines[0].tags)]
        yield "table", [Resource(arn=f"arn:aws:glue:{queries}:table/{project}_predictions/weekly_forecast")]
        budget = f"arn:aws:budgets::{ACCOUNT}:budget/{project}-{REGION}"
        yield "budget", [Resource(arn=budget, tags=pipelines[0].tags)]
        ((app, _),) = self.account.find("AWS::SageMaker::MlflowApp", _SHARED)
        yield "experiments", [self.account.resource(_SHARED, app)]
        yield "own experiments", made(project, "AWS::SageMaker::MlflowApp")

    def _endpoints(self, project: str, *, tags: Mapping[str, str]) -> Iterator[tuple[str, list[Resource]]]:
        """Endpoints and components, which the stack's tags are on, and what approvals bring for them."""

        def tagged(found: list[Resource]) -> list[Resource]:
            return [Resource(arn=it.arn, tags=tags) for it in found]

        endpoints = tagged(self._made(project, "AWS::SageMaker::Endpoint"))
        yield "endpoint", [it for it in endpoints if not it.arn.endswith("-queued")]
        yield "asynchronous endpoint", [it for it in endpoints if it.arn.endswith("-queued")]
        components = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:inference-component/{project}-shared-prices"
        yield "inference component", [Resource(arn=components, tags=tags)]
        for kind in ("endpoint-config", "model"):
            brought = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{project}-live-v1-01234567"
            yield f"{kind} of approvals", [Resource(arn=brought, tags=tags)]

    def _named(self, project: str, *, tags: Mapping[str, str]) -> Iterator[tuple[str, list[Resource]]]:
        """What is made at run time: by pipelines under SageMaker's names, by people under the project's."""

        def sagemaker(name: str) -> list[Resource]:
            return [Resource(arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{name}", tags=tags)]

        for kind, name in _JOBS.items():
            yield f"{kind} job of pipelines", sagemaker(f"{name}/pipelines-x-Step-y")
            yield f"{kind} job of people", sagemaker(f"{name}/{project}-x")
        yield "tuning job", sagemaker("hyper-parameter-tuning-job/x-Step-y")
        yield "model of pipelines", sagemaker("model/pipelines-x-Step-y")
        yield "model version", sagemaker(f"model-package/{project}/1")
        yield "notebook", sagemaker(f"notebook-instance/{project}-x")
        yield "studio app", sagemaker(f"app/d-x/{project}-ada/JupyterLab/default")
        logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:log-stream"
        yield "job log of people", [Resource(arn=f"{logs}:{project}-x/algo-1")]
        yield "job log of pipelines", [Resource(arn=f"{logs}:pipelines-x-Step-y/algo-1")]


def _stack(project: str) -> str:
    return f"mlp-dev-project-{project}"


def _role_name(logical_id: str) -> str:
    words = re.findall(r"[A-Z][a-z]+", re.sub(r"[0-9A-F]{8}$", "", logical_id).removeprefix("Project"))
    return " ".join(word.lower() for word in words).removesuffix(" role")
