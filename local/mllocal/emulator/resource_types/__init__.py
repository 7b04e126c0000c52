"""CloudFormation resource types that ministack does not have."""

from __future__ import annotations

from mllocal.emulator.resource_types.accepted import NOT_EMULATED, Accepted
from mllocal.emulator.resource_types.athena import NamedQuery
from mllocal.emulator.resource_types.autoscaling import ScalableTarget, ScalingPolicy
from mllocal.emulator.resource_types.base import ResourceType
from mllocal.emulator.resource_types.budgets import Budget
from mllocal.emulator.resource_types.dependencies import DEPENDENCIES
from mllocal.emulator.resource_types.ec2 import ElasticIp, FlowLog, NatGateway, SecurityGroupRule
from mllocal.emulator.resource_types.endpoints import Endpoint, InferenceComponent, Unchangeable
from mllocal.emulator.resource_types.sagemaker import MlflowApp, MlflowTrackingServer, ModelPackageGroup, Pipeline
from mllocal.emulator.resource_types.scheduler import Schedule
from mllocal.emulator.resource_types.studio import studio_types
from mllocal.sagemaker.service import Service

__all__ = ["DEPENDENCIES", "NOT_EMULATED", "ResourceType", "resource_types"]


def resource_types(service: Service) -> dict[str, ResourceType]:
    """Every type this project adds to the emulator."""
    return {
        "AWS::SageMaker::Pipeline": Pipeline(service),
        "AWS::SageMaker::ModelPackageGroup": ModelPackageGroup(service),
        "AWS::SageMaker::MlflowApp": MlflowApp(service),
        "AWS::SageMaker::MlflowTrackingServer": MlflowTrackingServer(service),
        "AWS::SageMaker::Model": Unchangeable(service, "Model"),
        "AWS::SageMaker::EndpointConfig": Unchangeable(service, "EndpointConfig"),
        "AWS::SageMaker::Endpoint": Endpoint(service),
        "AWS::SageMaker::InferenceComponent": InferenceComponent(service),
        "AWS::ApplicationAutoScaling::ScalableTarget": ScalableTarget(),
        "AWS::ApplicationAutoScaling::ScalingPolicy": ScalingPolicy(),
        "AWS::Athena::NamedQuery": NamedQuery(),
        "AWS::Budgets::Budget": Budget(),
        "AWS::EC2::EIP": ElasticIp(),
        "AWS::EC2::FlowLog": FlowLog(),
        "AWS::EC2::NatGateway": NatGateway(),
        "AWS::EC2::SecurityGroupIngress": SecurityGroupRule("ingress", "SourceSecurityGroupId"),
        "AWS::EC2::SecurityGroupEgress": SecurityGroupRule("egress", "DestinationSecurityGroupId"),
        "AWS::Scheduler::Schedule": Schedule(),
        **studio_types(service),
        **{name: Accepted() for name in NOT_EMULATED},
    }
