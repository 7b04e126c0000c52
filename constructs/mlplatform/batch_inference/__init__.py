"""Scheduled predictions for everything under a prefix, which look after themselves."""

from mlplatform.batch_inference.batch_inference import BatchInference
from mlplatform.batch_inference.ground_truth import GroundTruth, Task
from mlplatform.batch_inference.options import (
    ChampionChallenger,
    CheckAction,
    DataChecks,
    Deadline,
    Failure,
    FailurePolicy,
    NewestApproved,
    Overlap,
    PinnedVersion,
    Retry,
    RunPolicy,
    Scoring,
)
from mlplatform.batch_inference.published_table import Column, PublishedTable

__all__ = [
    "BatchInference",
    "ChampionChallenger",
    "CheckAction",
    "Column",
    "DataChecks",
    "Deadline",
    "Failure",
    "FailurePolicy",
    "GroundTruth",
    "NewestApproved",
    "Overlap",
    "PinnedVersion",
    "PublishedTable",
    "Retry",
    "RunPolicy",
    "Scoring",
    "Task",
]
