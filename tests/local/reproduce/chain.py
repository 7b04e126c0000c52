"""A small pipeline's jobs, really run: features, training, evaluation; and a model version that came of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlp.reproduce.run import Reproduction
from mlp.reproduce.verdict import Verdict
from mlp.target import at_endpoint
from mlrecords.observations import run_id_of
from mlrecords.record import Image, Parent
from tests.local.job_requests import processing_request, training_request
from tests.local.reproduce.job_records import JobRecords
from tests.local.workbench import Workbench

TRAIN = """
import argparse, json, os, pathlib, random
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
given = parser.parse_args()
random.seed(given.seed)
rows = [float(row) for row in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv").read_text().split()]
model = {"mean": sum(rows) / len(rows) + random.gauss(0, 1)}
print(f"validation:rmse={abs(model['mean']):.6f};")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model))
"""
FEATURES = "sed 's/$/.5/' /opt/ml/processing/input/rows.csv > /opt/ml/processing/output/rows.csv"
EVALUATE = (
    "cd /opt/ml/processing && tar -xzf model/model.tar.gz && mean=$(grep -o '[0-9.]*[0-9]' model.json) && "
    """echo "{\\"regression_metrics\\": {\\"mean\\": {\\"value\\": $mean}}, \\"at\\": \\"noon\\"}" > output/evaluation.json"""
)


@dataclass
class Chain:
    """The jobs' requests, and the store with their records."""

    workbench: Workbench
    records: JobRecords
    name: str

    @classmethod
    def create(cls, workbench: Workbench) -> Chain:
        chain = cls(workbench, JobRecords.create(workbench), workbench.bucket.removeprefix("test-"))
        workbench.put("raw/rows.csv", "1\n2\n3\n")
        return chain

    @property
    def execution_arn(self) -> str:
        return f"{self._arn('pipeline', 'chain')}/execution/{self.name}"

    @property
    def model_arn(self) -> str:
        return f"{self._arn('model-package', self.name)}/1"

    def run(self) -> str:
        """Run all three, record them, and a model version; its run id."""
        self.process("features", FEATURES, {"input": "raw/"}, "features")
        training = self.train(seed=7, data="features/")
        model_uri = str(training["ModelArtifacts"]["S3ModelArtifacts"])
        self.process("evaluate", EVALUATE, {"model": model_uri.split("/", 3)[3]}, "evaluation")
        for kind, name in (("processing", "features"), ("training", "train"), ("processing", "evaluate")):
            self.record(kind, name)
        return self.records.of_model(self.model_arn, self.execution_arn, model_uri)

    def process(self, name: str, script: str, inputs: dict[str, str], output: str) -> dict[str, Any]:
        """Run a processing job; its inputs are keys of the bucket by name."""
        request = processing_request(
            self.job(name),
            script,
            ProcessingInputs=[
                {"InputName": given, "S3Input": _input(self.workbench.uri(key), given)} for given, key in inputs.items()
            ],
            ProcessingOutputConfig={
                "Outputs": [
                    {
                        "OutputName": "output",
                        "S3Output": {
                            "S3Uri": self.workbench.uri(output),
                            "LocalPath": "/opt/ml/processing/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
        )
        self.workbench.sagemaker.create_processing_job(**request)
        return self.completed("processing", name)

    def train(self, *, seed: int, data: str = "raw/", script: str = TRAIN, image: str | None = None) -> dict[str, Any]:
        """Run the training job."""
        request = training_request(self.workbench, self.job("train"), script, seed=str(seed))
        request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = self.workbench.uri(data)
        if image is not None:
            request["AlgorithmSpecification"]["TrainingImage"] = image
        self.workbench.sagemaker.create_training_job(**request)
        return self.completed("training", "train")

    def completed(self, kind: str, name: str) -> dict[str, Any]:
        found = self.workbench.wait_for_job(kind, self.job(name))
        assert found[f"{kind.capitalize()}JobStatus"] == "Completed", found.get("FailureReason")
        return found

    def record(self, kind: str, name: str, **more: Any) -> str:
        """Record a job as one of the execution."""
        parents = {run_id_of(self.execution_arn): Parent(relation="execution", arn=self.execution_arn)}
        arn = self._arn(f"{kind}-job", self.job(name))
        return self.records.of_job(arn, parents=parents, tags={"sagemaker:pipeline-step-name": name}, **more)

    def judge(self, run_id: str, directory: Path, *, as_recorded: bool = False) -> Verdict:
        """The verdict, from a run in an empty directory."""
        directory.mkdir()
        target = at_endpoint(self.workbench.engine.endpoint_url)
        reproduction = Reproduction(
            target=target,
            store=self.records.store,
            children=self.records.children,
            directory=directory,
            here=directory,
            as_recorded=as_recorded,
        )
        return reproduction.of(run_id).verdict

    def image(self, repository: str) -> Image:
        """An image under a tag of a registry of the account."""
        ecr = self.workbench.engine.client("ecr")
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "1.9-0-cpu-py3"}])["imageDetails"]
        engine = self.workbench.engine
        uri = f"{engine.account}.dkr.ecr.{engine.region}.amazonaws.com/{repository}:1.9-0-cpu-py3"
        return Image(uri=uri, digest=found[0]["imageDigest"])

    def job(self, name: str) -> str:
        return f"{name}-{self.name}"

    def _arn(self, kind: str, name: str) -> str:
        engine = self.workbench.engine
        return f"arn:aws:sagemaker:{engine.region}:{engine.account}:{kind}/{name}"


def _input(uri: str, name: str) -> dict[str, str]:
    return {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
