"""What each step renders: the JSON that the sagemaker SDK 2.257.7 makes of the same step."""

from __future__ import annotations

import dataclasses

from mlpipelines import CacheConfig, DriftCheckBaselines, ModelContainer, ModelStep, NetworkConfig
from tests.unit.mlpipelines.samples import (
    CHECK,
    CREATE_MODEL,
    EVALUATE,
    FEATURES,
    IMAGE,
    PREDICT,
    REGISTER,
    RESOLVE,
    ROLE,
    TOO_LOW,
    TRAIN,
)


def test_processing_step_renders_as_create_processing_job() -> None:
    assert FEATURES.to_json() == {
        "Name": "Features",
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerArguments": [
                    "--weeks",
                    "8",
                    {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.LearningRate"}]}},
                ],
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/features.py"],
            },
            "RoleArn": ROLE,
            "ProcessingInputs": [
                {
                    "InputName": "data",
                    "AppManaged": False,
                    "S3Input": {
                        "S3Uri": {"Get": "Parameters.InputUri"},
                        "LocalPath": "/opt/ml/processing/input",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                        "S3DataDistributionType": "FullyReplicated",
                        "S3CompressionType": "None",
                    },
                }
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "train",
                        "AppManaged": False,
                        "S3Output": {
                            "S3Uri": {
                                "Std:Join": {
                                    "On": "/",
                                    "Values": [
                                        "s3://artifacts",
                                        {"Get": "Execution.PipelineExecutionId"},
                                        "train",
                                    ],
                                }
                            },
                            "LocalPath": "/opt/ml/processing/train",
                            "S3UploadMode": "EndOfJob",
                        },
                    },
                    {
                        "OutputName": "test",
                        "AppManaged": False,
                        "S3Output": {
                            "S3Uri": "s3://artifacts/test",
                            "LocalPath": "/opt/ml/processing/test",
                            "S3UploadMode": "EndOfJob",
                        },
                    },
                ],
                "KmsKeyId": "key-1",
            },
            "Environment": {"A": "1", "B": "2"},
            "NetworkConfig": {
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": False,
                "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 14_400},
            "Tags": [{"Key": "cost", "Value": "1"}, {"Key": "team", "Value": "demand"}],
        },
    }


def test_processing_step_lists_its_property_files() -> None:
    assert EVALUATE.to_json()["PropertyFiles"] == [
        {"PropertyFileName": "evaluation", "OutputName": "evaluation", "FilePath": "evaluation.json"}
    ]


def test_training_step_renders_as_create_training_job() -> None:
    step = TRAIN.to_json()

    assert step["Arguments"] == {
        "AlgorithmSpecification": {
            "TrainingInputMode": "File",
            "TrainingImage": IMAGE,
            "MetricDefinitions": [{"Name": "validation:rmse", "Regex": "rmse=([0-9.]+)"}],
        },
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/models"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 14_400},
        "ResourceConfig": {"VolumeSizeInGB": 30, "InstanceCount": 1, "InstanceType": "ml.m5.large"},
        "RoleArn": ROLE,
        "InputDataConfig": [
            {
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": {"Get": "Steps.Features.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"},
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "ContentType": "text/csv",
                "InputMode": "File",
                "ChannelName": "train",
            }
        ],
        "HyperParameters": {
            "learning_rate": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.LearningRate"}]}},
            "max_iter": "300",
            "uri": {
                "Std:Join": {
                    "On": "",
                    "Values": [{"Get": "Steps.Features.ProcessingOutputConfig.Outputs['test'].S3Output.S3Uri"}],
                }
            },
        },
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
        "ProfilerConfig": {"DisableProfiler": True},
    }
    assert step["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P30D"}
    assert step["RetryPolicies"] == [
        {
            "BackoffRate": 2.0,
            "IntervalSeconds": 1,
            "MaxAttempts": 5,
            "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
        }
    ]


def test_training_step_takes_isolation_and_encryption_from_its_network() -> None:
    network = NetworkConfig(
        subnets=("subnet-1",),
        security_group_ids=("sg-1",),
        encrypt_inter_container_traffic=True,
        enable_network_isolation=True,
    )

    request = dataclasses.replace(TRAIN, network=network).request()

    assert request["EnableNetworkIsolation"] is True
    assert request["EnableInterContainerTrafficEncryption"] is True


def test_model_step_from_a_package_lists_one_container() -> None:
    assert CREATE_MODEL.to_json()["Arguments"] == {
        "ExecutionRoleArn": ROLE,
        "Containers": [{"ModelPackageName": {"Get": "Steps.ResolveInputs.OutputParameters['model_package_arn']"}}],
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
    }


def test_model_step_from_an_image_has_a_primary_container() -> None:
    container = ModelContainer(image_uri=IMAGE, model_data_url="s3://artifacts/model.tar.gz")

    request = ModelStep(name="M", role_arn=ROLE, container=container, enable_network_isolation=True).request()

    assert request == {
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {
            "Image": IMAGE,
            "Environment": {},
            "ModelDataUrl": "s3://artifacts/model.tar.gz",
        },
        "EnableNetworkIsolation": True,
    }


def json_file(key: str) -> dict[str, str]:
    return {"ContentType": "application/json", "S3Uri": f"s3://artifacts/{key}"}


def test_register_model_step_without_reports_has_none_of_their_members() -> None:
    request = dataclasses.replace(REGISTER, metrics=None, drift_check_baselines=DriftCheckBaselines()).request()

    assert {"ModelMetrics", "DriftCheckBaselines"} & request.keys() == set()


def test_register_model_step_renders_as_create_model_package() -> None:
    step = REGISTER.to_json()

    assert (step["Type"], step["Description"]) == ("RegisterModel", "the weekly model")
    assert step["Arguments"] == {
        "ModelPackageGroupName": "demand",
        "ModelPackageDescription": "the weekly model",
        "ModelMetrics": {
            "ModelQuality": {"Statistics": json_file("evaluation/evaluation.json")},
            "ModelDataQuality": {
                "Statistics": json_file("quality/statistics.json"),
                "Constraints": json_file("quality/constraints.json"),
            },
            "Bias": {
                "PreTrainingReport": json_file("data-bias/analysis.json"),
                "PostTrainingReport": json_file("model-bias/analysis.json"),
            },
            "Explainability": {"Report": json_file("explainability/analysis.json")},
        },
        "DriftCheckBaselines": {
            "ModelDataQuality": {
                "Statistics": json_file("quality/statistics.json"),
                "Constraints": json_file("quality/constraints.json"),
            },
            "Bias": {
                "ConfigFile": json_file("model-bias/analysis_config.json"),
                "PreTrainingConstraints": json_file("data-bias/analysis.json"),
                "PostTrainingConstraints": json_file("model-bias/analysis.json"),
            },
            "Explainability": {
                "ConfigFile": json_file("explainability/analysis_config.json"),
                "Constraints": json_file("explainability/analysis.json"),
            },
        },
        "CustomerMetadataProperties": {"owner": "demand"},
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": IMAGE,
                    "Environment": {"PROGRAM": "p"},
                    "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
            "SupportedTransformInstanceTypes": ["ml.m5.large"],
        },
        "ModelApprovalStatus": "PendingManualApproval",
        "SkipModelValidation": "None",
    }


def test_transform_step_renders_as_create_transform_job() -> None:
    step = PREDICT.to_json()

    assert step["DependsOn"] == ["Features", "Train"]
    assert step["Arguments"] == {
        "ModelName": {"Get": "Steps.CreateModel.ModelName"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": {"Get": "Parameters.InputUri"}}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://output/", "AssembleWith": "Line", "Accept": "text/csv"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 6,
        "DataProcessing": {"InputFilter": "$[1:]", "OutputFilter": "$[0,-1]", "JoinSource": "Input"},
    }


def test_lambda_step_has_its_function_beside_the_arguments() -> None:
    assert RESOLVE.to_json() == {
        "Name": "ResolveInputs",
        "Type": "Lambda",
        "Arguments": {"attempts": 3, "group": "demand"},
        "FunctionArn": "${Token[TOKEN.42]}",
        "OutputParameters": [{"OutputName": "model_package_arn", "OutputType": "String"}],
    }


def test_lambda_step_can_be_cached() -> None:
    step = dataclasses.replace(RESOLVE, cache=CacheConfig(expire_after="PT1H"))

    assert step.to_json()["CacheConfig"] == {"Enabled": True, "ExpireAfter": "PT1H"}


def test_condition_step_holds_its_branches() -> None:
    step = CHECK.to_json()

    assert step["Type"] == "Condition"
    assert step["Arguments"]["IfSteps"] == [REGISTER.to_json()]
    assert step["Arguments"]["ElseSteps"] == [TOO_LOW.to_json()]
    assert step["Arguments"]["Conditions"][0]["Type"] == "LessThanOrEqualTo"
    assert step["Arguments"]["Conditions"][0]["RightValue"] == 0.9


def test_fail_step_says_why() -> None:
    assert TOO_LOW.to_json()["Arguments"] == {
        "ErrorMessage": {"Std:Join": {"On": " ", "Values": ["not good enough on", {"Get": "Parameters.InputUri"}]}}
    }


def test_display_name_and_description_stand_on_the_step() -> None:
    step = dataclasses.replace(TRAIN, display_name="Train it", description="on last year").to_json()

    assert (step["DisplayName"], step["Description"]) == ("Train it", "on last year")
