"""Runs of a team's own scripts, with everything pinned that they need to be run again.

Importing this starts neither the CDK nor MLflow: it is for scripts and notebooks, on any machine.
"""

from mlplatform.tracking.errors import TrackError
from mlplatform.tracking.run import Run
from mlplatform.tracking.tracker import track

__all__ = ["Run", "TrackError", "track"]
