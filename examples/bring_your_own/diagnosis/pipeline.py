"""The team's pipeline as it was before the platform: train, evaluate, and register what is good enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sagemaker.core import image_uris
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow import ConditionStep, FailStep, ModelStep, Pipeline, ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

HERE = Path(__file__).parent
MACHINE = {"instance_type": "ml.m5.large", "instance_count": 1}


def get_pipeline(session: Any, role: str, data_bucket: str, model_package_group_name: str) -> Pipeline:
    """Train on the table in S3, evaluate on the part that was held back, and register a model of enough accuracy."""
    data = ParameterString("Data", default_value=f"s3://{data_bucket}/diagnosis/")
    bound = ParameterFloat("MinimumAccuracy", default_value=0.9)
    image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.9-0", instance_type="ml.m5.large")

    trainer = ModelTrainer(
        training_image=image,
        role=role,
        base_job_name="diagnosis",
        source_code=SourceCode(source_dir=str(HERE / "training"), entry_script="train.py"),
        compute=Compute(**MACHINE),
        hyperparameters={"max_depth": 4},
        sagemaker_session=session,
    )
    train = TrainingStep(
        "Train", step_args=trainer.train(input_data_config=[InputData(channel_name="train", data_source=data)])
    )
    model = train.properties.ModelArtifacts.S3ModelArtifacts

    processor = ScriptProcessor(image_uri=image, command=["python3"], role=role, sagemaker_session=session, **MACHINE)
    evaluate = ProcessingStep(
        "Evaluate",
        step_args=processor.run(
            code=str(HERE / "evaluate.py"),
            inputs=[_input("model", model), _input("test", data)],
            outputs=[
                ProcessingOutput(
                    output_name="evaluation",
                    s3_output=ProcessingS3Output(
                        s3_uri=f"s3://{session.default_bucket()}/diagnosis/evaluation",
                        local_path="/opt/ml/processing/evaluation",
                        s3_upload_mode="EndOfJob",
                    ),
                )
            ],
        ),
        property_files=[PropertyFile("Evaluation", "evaluation", "evaluation.json")],
    )

    builder = ModelBuilder(image_uri=image, s3_model_data_url=model, role_arn=role, sagemaker_session=session)
    register = builder.register(
        model_package_group_name=model_package_group_name,
        content_types=["text/csv"],
        response_types=["text/csv"],
        transform_instances=["ml.m5.large"],
        inference_instances=["ml.m5.large"],
        approval_status="PendingManualApproval",
    )
    accuracy = JsonGet(step_name="Evaluate", property_file="Evaluation", json_path="metrics.accuracy.value")
    check = ConditionStep(
        "CheckAccuracy",
        conditions=[ConditionGreaterThanOrEqualTo(accuracy, bound)],
        if_steps=[ModelStep("Register", step_args=register)],
        else_steps=[FailStep("TooLow", error_message=Join(on=" ", values=["the accuracy is", accuracy]))],
    )
    return Pipeline("Diagnosis", parameters=[data, bound], steps=[train, evaluate, check], sagemaker_session=session)


def _input(name: str, uri: Any) -> ProcessingInput:
    path = f"/opt/ml/processing/{name}"
    source = ProcessingS3Input(s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=source)
