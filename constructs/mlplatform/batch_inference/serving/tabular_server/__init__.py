"""The model server of the tabular serving image: SageMaker's serving contract around whatever `batch_jobs.models` loads."""
