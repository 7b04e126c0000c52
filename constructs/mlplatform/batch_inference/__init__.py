"""Batch inference: on a schedule, the newest approved model, and outputs that appear all at once."""

from mlplatform.batch_inference.batch_inference import BatchInference

__all__ = ["BatchInference"]
