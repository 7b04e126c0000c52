"""SageMaker's resource types, as the same API operations a client would call."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope


@dataclass(frozen=True)
class Pipeline:
    """`AWS::SageMaker::Pipeline`. The physical id is the pipeline's name."""

    service: Service

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        request = {
            **_pipeline_request(properties),
            "PipelineName": properties.get("PipelineName", f"{stack}-{logical_id}"),
            "ClientRequestToken": _token(scope, stack, logical_id, properties),
        }
        arn = self.service.invoke("CreatePipeline", scope, request)["PipelineArn"]
        return request["PipelineName"], {"PipelineArn": arn}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        if new.get("PipelineName", physical_id) != physical_id:
            return self.create(scope, physical_id, new, "replaced")
        request = {name: value for name, value in _pipeline_request(new).items() if name != "Tags"}
        arn = self.service.invoke("UpdatePipeline", scope, {**request, "PipelineName": physical_id})["PipelineArn"]
        return physical_id, {"PipelineArn": arn}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        request = {"PipelineName": physical_id, "ClientRequestToken": _token(scope, physical_id)}
        self.service.invoke("DeletePipeline", scope, request)


def _pipeline_request(properties: Document) -> Document:
    """CloudFormation's properties as the API's request: the definition is one of two members there."""
    definition = properties["PipelineDefinition"]
    request = {name: value for name, value in properties.items() if name != "PipelineDefinition"}
    if "ParallelismConfiguration" in request:
        limits = request["ParallelismConfiguration"]
        request["ParallelismConfiguration"] = {name: int(value) for name, value in limits.items()}
    if "PipelineDefinitionBody" in definition:
        return {**request, "PipelineDefinition": definition["PipelineDefinitionBody"]}
    location = definition["PipelineDefinitionS3Location"]
    renamed = {"ObjectKey": location["Key"], "Bucket": location["Bucket"]}
    version = {"VersionId": location["Version"]} if "Version" in location else {}
    return {**request, "PipelineDefinitionS3Location": {**renamed, **version}}


def _token(*parts: object) -> str:
    """A client request token that is the same for the same change, so that a repeated one does nothing twice."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


@dataclass(frozen=True)
class ModelPackageGroup:
    """`AWS::SageMaker::ModelPackageGroup`. The physical id is the group's ARN."""

    service: Service

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        request = {name: value for name, value in properties.items() if name != "ModelPackageGroupPolicy"}
        arn = self.service.invoke("CreateModelPackageGroup", scope, request)["ModelPackageGroupArn"]
        return arn, _group_attributes(arn)

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        if new["ModelPackageGroupName"] != old["ModelPackageGroupName"]:
            return self.create(scope, physical_id, new, "replaced")
        return physical_id, _group_attributes(physical_id)

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        name = physical_id.rsplit("/", 1)[-1]
        self.service.invoke("DeleteModelPackageGroup", scope, {"ModelPackageGroupName": name})


def _group_attributes(arn: str) -> Document:
    return {"ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Completed"}


@dataclass(frozen=True)
class MlflowApp:
    """`AWS::SageMaker::MlflowApp`. The physical id is the app's ARN."""

    service: Service

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        arn = self.service.invoke("CreateMlflowApp", scope, properties)["Arn"]
        return arn, {"Arn": arn, "Status": "Created"}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        changes = {name: value for name, value in new.items() if name not in ("RoleArn", "KmsKeyId", "Tags")}
        self.service.invoke("UpdateMlflowApp", scope, {**changes, "Arn": physical_id})
        return physical_id, {"Arn": physical_id, "Status": "Created"}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        self.service.invoke("DeleteMlflowApp", scope, {"Arn": physical_id})


@dataclass(frozen=True)
class MlflowTrackingServer:
    """`AWS::SageMaker::MlflowTrackingServer`. The physical id is the server's name."""

    service: Service

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        arn = self.service.invoke("CreateMlflowTrackingServer", scope, properties)["TrackingServerArn"]
        return properties["TrackingServerName"], {"TrackingServerArn": arn}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        changes = {name: value for name, value in new.items() if name not in ("MlflowVersion", "RoleArn", "Tags")}
        arn = self.service.invoke("UpdateMlflowTrackingServer", scope, changes)["TrackingServerArn"]
        return physical_id, {"TrackingServerArn": arn}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        self.service.invoke("DeleteMlflowTrackingServer", scope, {"TrackingServerName": physical_id})
