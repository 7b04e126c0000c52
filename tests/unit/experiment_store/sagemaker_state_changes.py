"""Events as SageMaker sends them (developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge")."""

from __future__ import annotations

from typing import Any

SAGEMAKER = "arn:aws:sagemaker:us-east-1:123456789012"
EXECUTION_ARN = f"{SAGEMAKER}:pipeline/demo-training/execution/p4jn9xou8a8s"
START = "2026-11-23T03:00:"
TAGS = {"project": "demo", "sagemaker:pipeline-execution-arn": EXECUTION_ARN}

Event = dict[str, Any]


def event(detail_type: str, second: int, detail: dict[str, Any]) -> Event:
    return {
        "version": "0",
        "id": f"0000000{second}-0000-0000-0000-000000000000",
        "detail-type": detail_type,
        "source": "aws.sagemaker",
        "account": "123456789012",
        "time": f"{START}{second:02}Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


def training(status: str, second: int, *, name: str = "pipelines-p4-train-1", **detail: Any) -> Event:
    return event(
        "SageMaker Training Job State Change",
        second,
        {
            "TrainingJobName": name,
            "TrainingJobArn": f"{SAGEMAKER}:training-job/{name}",
            "TrainingJobStatus": status,
            "HyperParameters": {"sagemaker_program": '"train.py"', "max_iter": "200", "loss": "poisson"},
            "AlgorithmSpecification": {"TrainingImage": "registry/sklearn:1.9", "TrainingInputMode": "File"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "DataSource": {
                        "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://artifacts/features/train"}
                    },
                }
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://artifacts/model"},
            "CreationTime": "1795402800000",
            "LastModifiedTime": str(1795402800000 + second * 1000),
            "Tags": TAGS,
            **detail,
        },
    )


def processing(status: str, second: int, *, name: str = "pipelines-p4-validate-1", **detail: Any) -> Event:
    return event(
        "SageMaker Processing Job State Change",
        second,
        {
            "ProcessingJobName": name,
            "ProcessingJobArn": f"{SAGEMAKER}:processing-job/{name}",
            "ProcessingJobStatus": status,
            "AppSpecification": {"ImageUri": "registry/sklearn:1.9"},
            "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
            "ProcessingInputs": [{"InputName": "data", "S3Input": {"S3Uri": "s3://data/raw"}}],
            "ProcessingOutputConfig": {
                "Outputs": [{"OutputName": "validation", "S3Output": {"S3Uri": "s3://artifacts/validation"}}]
            },
            "CreationTime": 1795402800000,
            "LastModifiedTime": 1795402800000 + second * 1000,
            "Tags": TAGS,
            **detail,
        },
    )


def transform(status: str, second: int, *, name: str = "pipelines-p4-predict-1", **detail: Any) -> Event:
    return event(
        "SageMaker Transform Job State Change",
        second,
        {
            "TransformJobName": name,
            "TransformJobArn": f"{SAGEMAKER}:transform-job/{name}",
            "TransformJobStatus": status,
            "ModelName": "pipelines-p4-createmodel-1",
            "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://artifacts/prepared"}}},
            "TransformOutput": {"S3OutputPath": "s3://artifacts/predictions"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "CreationTime": "2026-11-23T03:00:00Z",
            "Tags": TAGS,
            **detail,
        },
    )


def execution(status: str, second: int, *, execution_id: str = "p4jn9xou8a8s", **detail: Any) -> Event:
    return event(
        "SageMaker Model Building Pipeline Execution Status Change",
        second,
        {
            "currentPipelineExecutionStatus": status,
            "executionStartTime": "2026-11-23T03:00:00Z",
            "pipelineArn": f"{SAGEMAKER}:pipeline/demo-training",
            "pipelineExecutionArn": f"{SAGEMAKER}:pipeline/demo-training/execution/{execution_id}",
            **detail,
        },
    )


def model_package(approval: str, second: int, *, version: int = 2, **detail: Any) -> Event:
    return event(
        "SageMaker Model Package State Change",
        second,
        {
            "ModelPackageGroupName": "demo",
            "ModelPackageVersion": version,
            "ModelPackageArn": f"{SAGEMAKER}:model-package/demo/{version}",
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": approval,
            "MetadataProperties": {"GeneratedBy": EXECUTION_ARN},
            "InferenceSpecification": {"Containers": [{"Image": "registry/sklearn:1.9"}]},
            "CreationTime": "2026-11-23T03:00:00Z",
            **detail,
        },
    )


def step(status: str, second: int, *, name: str = "Train", execution_arn: str = EXECUTION_ARN, **detail: Any) -> Event:
    return event(
        "SageMaker Model Building Pipeline Execution Step Status Change",
        second,
        {
            "metadata": {"trainingJob": {"arn": f"{SAGEMAKER}:training-job/pipelines-p4-train-1"}},
            "stepStartTime": "2026-11-23T03:00:00Z",
            "stepName": name,
            "stepType": "Training",
            "currentStepStatus": status,
            "pipelineArn": execution_arn.split("/execution/")[0],
            "pipelineExecutionArn": execution_arn,
            **detail,
        },
    )


def tuning(status: str, second: int, *, name: str = "tune-1", **detail: Any) -> Event:
    return event(
        "SageMaker HyperParameter Tuning Job State Change",
        second,
        {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": f"{SAGEMAKER}:hyper-parameter-tuning-job/{name}",
            "HyperParameterTuningJobStatus": status,
            "HyperParameterTuningJobConfig": {"Strategy": "Bayesian", "RandomSeed": 7},
            "TrainingJobDefinition": {
                "StaticHyperParameters": {"loss": "poisson"},
                "AlgorithmSpecification": {"TrainingImage": "registry/sklearn:1.9", "TrainingInputMode": "File"},
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://artifacts/features/train"}
                        },
                    }
                ],
                "OutputDataConfig": {"S3OutputPath": "s3://artifacts/model"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                "RoleArn": "arn:aws:iam::123456789012:role/training",
            },
            "CreationTime": "1795402800000",
            "LastModifiedTime": str(1795402800000 + second * 1000),
            "Tags": TAGS,
            **detail,
        },
    )


def endpoint(status: str, second: int, *, name: str = "demo", **detail: Any) -> Event:
    return event(
        "SageMaker Endpoint State Change",
        second,
        {
            "EndpointName": name,
            "EndpointArn": f"{SAGEMAKER}:endpoint/{name}",
            "EndpointConfigName": f"{name}-config",
            "EndpointStatus": status,
            "ProductionVariants": [{"DesiredWeight": 1.0, "DesiredInstanceCount": 1.0}],
            "CreationTime": 1795402800000.0,
            "LastModifiedTime": 1795402800000.0 + second * 1000,
            "Tags": TAGS,
            **detail,
        },
    )
