"""A team's isolated home on the platform."""

from mlplatform.project.project import MlProject

__all__ = ["MlProject"]
