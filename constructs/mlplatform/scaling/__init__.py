"""The policies that scale: which machines a job may climb to, one object for batch inference and training."""

from mlplatform.scaling.ladder import InstanceLadder, Rung

__all__ = ["InstanceLadder", "Rung"]
