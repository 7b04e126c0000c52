"""A training job in the form that the SDK gives to an `@step` function runs in the image environment for functions."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import pytest

import mllocal
from mllocal.images import image_for
from tests.local.workbench import ROLE, Workbench

REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlplatform-function"
BOOTSTRAP = "sagemaker_remote_function_bootstrap"
# What `@step` does when a pipeline is rendered: the function and its arguments, signed, and the SDK's own scripts, in S3.
UPLOAD = """
import importlib, json, pathlib, sys
import boto3

sdk, bucket, base, step, build, fail = sys.argv[1:]
functions = "sagemaker.core.remote_function" if sdk == "3" else "sagemaker.remote_function"
job, runtime_environment, variables, stored = (
    importlib.import_module(f"{functions}.{name}")
    for name in ("job", "runtime_environment", "core.pipeline_variables", "core.stored_function")
)
Context, StoredFunction = variables.Context, stored.StoredFunction
Session = importlib.import_module("sagemaker.core.helper.session_helper" if sdk == "3" else "sagemaker.session").Session
session = Session(boto_session=boto3.Session())
environment, signing = {}, []
if sdk == "3":
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    signing = [ec.generate_private_key(ec.SECP256R1())]
    public = signing[0].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    environment = {"REMOTE_FUNCTION_SECRET_KEY": public.decode()}
context = Context(step_name=step, func_step_s3_dir=build)

def multiply(left, right):
    print(f"multiplying {left} and {right}")
    if fail == "yes":
        raise ValueError("numbers are out of stock")
    return left * right

StoredFunction(session, base, *signing, context=context).save(multiply, 6, right=7)
s3 = boto3.client("s3")
scripts = pathlib.Path(runtime_environment.__file__).parent
names = (job.BOOTSTRAP_SCRIPT_NAME, job.RUNTIME_MANAGER_SCRIPT_NAME, job.MPI_UTILS_SCRIPT_NAME)
for name in names:
    s3.upload_file(str(scripts / name), bucket, f"bootstrap/{name}")
s3.put_object(Bucket=bucket, Key=f"bootstrap/{job.ENTRYPOINT_SCRIPT_NAME}", Body=job.ENTRYPOINT_SCRIPT.encode())
version = f"{sys.version_info.major}.{sys.version_info.minor}"
print(json.dumps({"environment": environment, "entrypoint": job.JOBS_CONTAINER_ENTRYPOINT, "python": version}))
"""
READ = """
import importlib, sys
import boto3
sdk, uri = sys.argv[1:]
functions = "sagemaker.core.remote_function" if sdk == "3" else "sagemaker.remote_function"
Session = importlib.import_module("sagemaker.core.helper.session_helper" if sdk == "3" else "sagemaker.session").Session
read = importlib.import_module(f"{functions}.core.serialization").deserialize_obj_from_s3
print(read(sagemaker_session=Session(boto_session=boto3.Session()), s3_uri=uri))
"""


@dataclass(frozen=True)
class Sdk:
    """A version of the SDK, and the image environment that has it."""

    version: str

    @property
    def image(self) -> str:
        return f"{REPOSITORY}:sdk-{self.version}"

    def run(self, engine: mllocal.Engine, program: str, *words: str) -> str:
        """Run a program with the SDK against the engine; the last line it prints."""
        command = [str(image_for(self.image).bin_directory / "python"), "-c", program, self.version, *words]
        environment = {"PATH": "/usr/bin:/bin", **engine.environment()}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]


def run_function(workbench: Workbench, sdk: Sdk, name: str, *, fail: bool = False, dependencies: str = "") -> str:
    """Start the job of a function and wait for its end; the function's base address in S3."""
    base, build = workbench.uri(f"{name}/functions"), "2026-01-01-00-00-00"
    written = sdk.run(workbench.engine, UPLOAD, workbench.bucket, base, "Multiply", build, "yes" if fail else "no")
    uploaded = json.loads(written)
    arguments = [
        "--s3_base_uri",
        base,
        "--region",
        workbench.engine.region,
        "--client_python_version",
        uploaded["python"],
    ]
    arguments += ["--dependency_settings", json.dumps({"dependency_file": "requirements.txt"} if dependencies else {})]
    arguments += ["--pipeline_step_name", "Multiply", "--pipeline_execution_id", "run1", "--func_step_s3_dir", build]
    arguments += ["--property_references", "Execution.PipelineExecutionId", "run1"]
    channels = {BOOTSTRAP: workbench.uri("bootstrap/")}
    if dependencies:
        workbench.put(f"{name}/dependencies/requirements.txt", dependencies)
        channels["pre_exec_script_and_dependencies"] = workbench.uri(f"{name}/dependencies/")
    workbench.sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": sdk.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": uploaded["entrypoint"],
            "ContainerArguments": arguments,
        },
        InputDataConfig=[
            {"ChannelName": channel, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
            for channel, uri in channels.items()
        ],
        OutputDataConfig={"S3OutputPath": f"{base}/Multiply/{build}/run1/results"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        Environment=uploaded["environment"],
        RetryStrategy={"MaximumRetryAttempts": 1},
    )
    return f"{base}/Multiply/{build}/run1/results" if sdk.version == "3" else f"{base}/run1/Multiply/results"


@pytest.mark.parametrize("version", ["3", "2"])
def test_a_function_runs_and_leaves_its_result_where_the_sdk_reads_it(workbench: Workbench, version: str) -> None:
    sdk, name = Sdk(version), f"function-{version}"
    results = run_function(workbench, sdk, name)

    job = workbench.wait_for_job("training", name)

    lines = workbench.log_lines("TrainingJobs", name)
    assert job["TrainingJobStatus"] == "Completed", [job.get("FailureReason"), *lines[-30:]]
    assert "multiplying 6 and 7" in lines
    assert sdk.run(workbench.engine, READ, results) == "42"


def test_a_function_that_raises_fails_its_job_with_what_it_raised(workbench: Workbench) -> None:
    run_function(workbench, Sdk("3"), "function-bad", fail=True)

    job = workbench.wait_for_job("training", "function-bad")

    assert job["TrainingJobStatus"] == "Failed"
    assert "numbers are out of stock" in job["FailureReason"]


def test_dependencies_of_a_function_are_installed_for_its_job_only(workbench: Workbench) -> None:
    run_function(workbench, Sdk("3"), "function-with-dependency", dependencies="cachetools==6.2.2\n")

    job = workbench.wait_for_job("training", "function-with-dependency")

    lines = workbench.log_lines("TrainingJobs", "function-with-dependency")
    assert job["TrainingJobStatus"] == "Completed", [job.get("FailureReason"), *lines[-30:]]
    assert any("cachetools-6.2.2" in line for line in lines)
    assert not list(image_for(Sdk("3").image).directory.glob("lib/python*/site-packages/cachetools"))
