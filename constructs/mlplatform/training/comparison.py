"""The new model beside the one in production: evaluated by the same script on the same data, and compared."""

from __future__ import annotations

from pathlib import Path

from constructs import Construct

from mlpipelines import Join, LambdaOutput, LambdaStep, ProcessingStep, Text
from mlplatform.pipeline.functions import RuntimeFunction, step_function
from mlplatform.pipeline.jobs import with_source
from mlplatform.policy import Statement
from mlplatform.project import MlProject
from mlplatform.training.metric import MetricRule
from mlplatform.training.registry import read_registry

NEW, PRODUCTION = "new", "production"
EVALUATION = "evaluation.json"

_RUNTIME = Path(__file__).parent / "runtime"
_EACH_MODEL = f'for m in {NEW} {PRODUCTION}; do python3 "$0" --model "$1/$m" --output "$2/$m" "${{@:3}}" || [ $m = {PRODUCTION} ]; done'
_OBJECTS = "objects get their names at run time, under the prefix of this pipeline"


def evaluation_entrypoint(script: str) -> tuple[str, ...]:
    """Runs the evaluation script for each model; its arguments: the directory of the models, that of the reports, the script's own.

    A model in production that fails is left without a report: features change, and a new model must not be held up by that.
    """
    return with_source(_EACH_MODEL, script)


class Comparison(Construct):
    """The steps `FindProductionModel` and `CompareModels` of a training pipeline, with their functions."""

    def __init__(self, scope: Construct, construct_id: str, *, project: MlProject, pipeline_name: str) -> None:
        super().__init__(scope, construct_id)
        self._project = project
        artifacts = f"arn:{project.partition}:s3:::{project.artifact_bucket_name}"
        self._find = self._function(
            "FindProductionModel",
            "find_production_model.py",
            pipeline_name,
            *read_registry(project),
        )
        self._compare = self._function(
            "CompareModels",
            "compare_models.py",
            pipeline_name,
            Statement(
                sid="ReadEvaluationsAndReport",
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[f"{artifacts}/{pipeline_name}/*"],
                wildcard_reason=_OBJECTS,
            ),
            # Without it, S3 answers AccessDenied instead of NoSuchKey for an evaluation that is not there.
            Statement(
                sid="SeeWhatIsMissing",
                actions=["s3:ListBucket"],
                resources=[artifacts],
                conditions={"StringLike": {"s3:prefix": f"{pipeline_name}/*"}},
            ),
        )

    def find_step(self, new_model_uri: Text) -> LambdaStep:
        """Finds the newest approved version, once the new model is there."""
        return LambdaStep(
            name="FindProductionModel",
            function_arn=self._find.function_arn,
            inputs={
                "model_package_group_name": self._project.model_package_group_name,
                "new_model_uri": new_model_uri,
            },
            outputs=[LambdaOutput(name="model_package_arn"), LambdaOutput(name="model_uri")],
        )

    def compare_step(
        self,
        found: LambdaStep,
        evaluated: ProcessingStep,
        report_uri: Text,
        *,
        rule: MetricRule,
        approve_when_better_by: float | None,
    ) -> LambdaStep:
        """Compares the two evaluations by the rule's metric, and says whether a person approves."""
        return LambdaStep(
            name="CompareModels",
            function_arn=self._compare.function_arn,
            inputs={
                "metric": rule.metric.json_path,
                "lower_is_better": rule.lower_is_better,
                "new_evaluation_uri": Join(values=(evaluated.output_uri(NEW), EVALUATION)),
                "production_evaluation_uri": Join(values=(evaluated.output_uri(PRODUCTION), EVALUATION)),
                "production_model_package_arn": found.output("model_package_arn"),
                "comparison_uri": report_uri,
                **({} if approve_when_better_by is None else {"approve_when_better_by": approve_when_better_by}),
            },
            outputs=[
                LambdaOutput(name="approval_status"),
                LambdaOutput(name="summary"),
                LambdaOutput(name="comparison_uri"),
            ],
        )

    def _function(self, name: str, file: str, pipeline_name: str, *statements: Statement) -> RuntimeFunction:
        return step_function(
            self, name, project=self._project, pipeline_name=pipeline_name, code=_RUNTIME / file, statements=statements
        )
