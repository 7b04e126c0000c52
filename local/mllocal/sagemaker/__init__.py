"""The SageMaker API: operations on pipelines, jobs, models, the registry and MLflow, over documents in a store."""
