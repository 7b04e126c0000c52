"""Synthesized templates as an account: roles with their policies, and resources with theirs, under concrete ARNs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.access.evaluator import Principal, Resource

Json = dict[str, Any]
# How CloudFormation answers Ref, and Fn::GetAtt of Arn, where it is not the name and `arn:...:<type>/<name>`.
_ARNS = {
    "AWS::ECR::Repository": "arn:aws:ecr:{region}:{account}:repository/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::{account}:policy{path}{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role{path}{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::KinesisFirehose::DeliveryStream": "arn:aws:firehose:{region}:{account}:deliverystream/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SageMaker::Endpoint": "arn:aws:sagemaker:{region}:{account}:endpoint/{name}",
    "AWS::SageMaker::MlflowApp": "arn:aws:sagemaker:{region}:{account}:mlflow-app/{name}",
    "AWS::SageMaker::ModelPackageGroup": "arn:aws:sagemaker:{region}:{account}:model-package-group/{name}",
    "AWS::SageMaker::Pipeline": "arn:aws:sagemaker:{region}:{account}:pipeline/{name}",
}
_REF_IS_ARN = {"AWS::IAM::ManagedPolicy", "AWS::SNS::Topic", "AWS::SageMaker::ModelPackageGroup"}
_NAMES = (
    "DeliveryStreamName",
    "RepositoryName",
    "FunctionName",
    "LogGroupName",
    "ModelPackageGroupName",
    "PipelineName",
    "EndpointName",
    "Name",
)
# Which property of which resource is the policy of another one, and which property names that one.
_POLICIES = {
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", "Queues"),
}


@dataclass(frozen=True)
class Account:
    """The stacks of one environment, deployed as their templates say, in a world where names follow from logical ids."""

    templates: Mapping[str, Json]
    account: str
    region: str

    @classmethod
    def read(cls, assembly: Path, *, account: str, region: str) -> Account:
        suffix = ".template.json"
        files = sorted(assembly.glob(f"*{suffix}"))
        return cls({file.name.removesuffix(suffix): json.loads(file.read_text()) for file in files}, account, region)

    def find(self, resource_type: str, stack: str) -> Iterator[tuple[str, Json]]:
        """Logical ids and flat properties of the resources of a type in a stack."""
        for logical_id, resource in self.templates[stack]["Resources"].items():
            if resource["Type"] == resource_type:
                yield logical_id, self.flat(stack, resource.get("Properties", {}))

    def arn(self, stack: str, logical_id: str) -> str:
        """The ARN that a resource gets."""
        resource = self.templates[stack]["Resources"][logical_id]
        pattern = _ARNS[resource["Type"]]
        path = resource.get("Properties", {}).get("Path", "/")
        name = self._name(stack, logical_id)
        return pattern.format(account=self.account, region=self.region, name=name, path=path)

    def resource(self, stack: str, logical_id: str) -> Resource:
        """A resource with its tags and its own policy."""
        properties = self.flat(stack, self.templates[stack]["Resources"][logical_id].get("Properties", {}))
        arn = self.arn(stack, logical_id)
        policy = properties.get("KeyPolicy", self._attached.get(arn))
        return Resource(arn=arn, tags=_tags(properties), policy=policy)

    def role(self, stack: str, logical_id: str) -> Principal:
        """A role with its policies, its boundary and its trust."""
        properties = self.flat(stack, self.templates[stack]["Resources"][logical_id]["Properties"])
        assert "ManagedPolicyArns" not in properties, f"{logical_id} has managed policies, which are not read here"
        boundary = properties.get("PermissionsBoundary")
        return Principal(
            arn=self.arn(stack, logical_id),
            account=self.account,
            tags=_tags(properties),
            policies=[policy["PolicyDocument"] for policy in properties.get("Policies", [])],
            boundary=None if boundary is None else self._managed[boundary],
            trust=properties["AssumeRolePolicyDocument"],
        )

    @cached_property
    def _managed(self) -> dict[str, Json]:
        return {
            self.arn(stack, logical_id): properties["PolicyDocument"]
            for stack in self.templates
            for logical_id, properties in self.find("AWS::IAM::ManagedPolicy", stack)
        }

    @cached_property
    def _attached(self) -> dict[str, Json]:
        """Policies by the ARN of the resource that they are attached to."""
        found = {}
        for stack in self.templates:
            for kind, (document, names) in _POLICIES.items():
                for _, properties in self.find(kind, stack):
                    named = properties[names]
                    for name in named if isinstance(named, list) else [named]:
                        arn = name if name.startswith("arn:") else self._arn_of_name(kind, name)
                        found[arn] = properties[document]
        return found

    def _arn_of_name(self, kind: str, name: str) -> str:
        if kind == "AWS::S3::BucketPolicy":
            return f"arn:aws:s3:::{name}"
        return f"arn:aws:sqs:{self.region}:{self.account}:{name.rsplit('/', 1)[-1]}"

    def flat(self, stack: str, value: Any) -> Any:
        """A value of a template with every intrinsic function carried out."""
        match value:
            case {"Ref": str(name)}:
                return self._ref(stack, name)
            case {"Fn::GetAtt": [str(logical_id), str(attribute)]}:
                return self._attribute(stack, logical_id, attribute)
            case {"Fn::Join": [str(delimiter), list(parts)]}:
                return delimiter.join(str(self.flat(stack, part)) for part in parts)
            case {"Fn::ImportValue": str(name)}:
                return self._exports[name]
        if isinstance(value, dict):
            return {key: self.flat(stack, item) for key, item in value.items()}
        return [self.flat(stack, item) for item in value] if isinstance(value, list) else value

    @cached_property
    def _exports(self) -> dict[str, Any]:
        return {
            output["Export"]["Name"]: self.flat(stack, output["Value"])
            for stack, template in self.templates.items()
            for output in template.get("Outputs", {}).values()
        }

    def _ref(self, stack: str, name: str) -> str:
        pseudo = {"AWS::AccountId": self.account, "AWS::Region": self.region, "AWS::Partition": "aws"}
        if name in pseudo:
            return pseudo[name]
        resource = self.templates[stack]["Resources"].get(name)
        if resource is None:
            return str(self.templates[stack]["Parameters"][name]["Default"])
        return self.arn(stack, name) if resource["Type"] in _REF_IS_ARN else self._name(stack, name)

    def _attribute(self, stack: str, logical_id: str, attribute: str) -> str:
        is_arn = attribute in ("Arn", "PipelineArn", "ModelPackageGroupArn")
        return self.arn(stack, logical_id) if is_arn else f"{self._name(stack, logical_id)}.{attribute}"

    def _name(self, stack: str, logical_id: str) -> str:
        properties = self.templates[stack]["Resources"][logical_id].get("Properties", {})
        named = next((properties[key] for key in _NAMES if key in properties), None)
        return str(self.flat(stack, named)) if named is not None else f"{stack}-{logical_id}".lower()


def _tags(properties: Json) -> dict[str, str]:
    tags = properties.get("Tags", [])
    return dict(tags) if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
