"""The pipeline: parameters and steps, rendered to the definition that SageMaker executes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mlpipelines.expressions import JsonObject, Parameter
from mlpipelines.mlflow import MlflowConfig, with_mlflow
from mlpipelines.steps import Step

SCHEMA_VERSION = "2020-12-01"


class PipelineDefinitionError(ValueError):
    """A pipeline that SageMaker would refuse or that could not run. `problems` holds a sentence for each."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.name = name
        self.problems = tuple(problems)
        listing = "\n".join(f"  - {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"pipeline '{name}' has {count}:\n{listing}")


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A SageMaker pipeline.

    `max_parallel_steps` limits how many steps run at once. It is not part of the definition but of the
    pipeline resource (`ParallelismConfiguration.MaxParallelExecutionSteps`), as is `description`.
    With `mlflow`, its jobs log to MLflow; see `mlpipelines.mlflow`.
    """

    name: str
    steps: Sequence[Step]
    parameters: Sequence[Parameter] = ()
    max_parallel_steps: int | None = None
    description: str | None = None
    mlflow: MlflowConfig | None = None

    def definition(self) -> JsonObject:
        """The pipeline definition, schema version 2020-12-01, as the `sagemaker` SDK would make it.

        No classic SageMaker experiment is made for an execution: runs are tracked in MLflow.
        """
        definition: JsonObject = {
            "Version": SCHEMA_VERSION,
            "Metadata": {},
            "Parameters": [parameter.declaration() for parameter in self.parameters],
            "PipelineExperimentConfig": None,
            "Steps": [step.to_json() for step in self.steps],
        }
        return with_mlflow(definition, self.mlflow)

    def render(self) -> str:
        """The definition as JSON text. Equal pipelines render to equal bytes."""
        return json.dumps(self.definition(), allow_nan=False, separators=(",", ":"))

    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong with the pipeline, one sentence each; empty when it is sound."""
        from mlpipelines.lint import problems_in

        return problems_in(self.definition())

    def validate(self) -> None:
        """Check the pipeline.

        Raises:
            PipelineDefinitionError: with all problems at once.
        """
        problems = self.problems()
        if problems:
            raise PipelineDefinitionError(self.name, problems)
