"""Where an engine keeps its state: `.mlp/` in the directory in which `mlp up` ran."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NAME = ".mlp"


@dataclass(frozen=True)
class StateDirectory:
    """The files and folders of one engine."""

    path: Path

    @classmethod
    def of(cls, directory: Path) -> StateDirectory:
        """The state directory that belongs to a working directory."""
        return cls(directory.resolve() / NAME)

    @property
    def description(self) -> Path:
        """What is known of the running engine: `engine.json`."""
        return self.path / "engine.json"

    @property
    def lock(self) -> Path:
        """Held while an engine is started or stopped, so that two commands at once do not both do it."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """What the engine prints."""
        return self.path / "engine.log"

    @property
    def ports(self) -> Path:
        """The ports of the last engine, which the next one takes again if it can: queue URLs hold them."""
        return self.path / "ports.json"

    @property
    def jobs(self) -> Path:
        """Directories of the jobs that run."""
        return self.path / "jobs"

    @property
    def endpoints(self) -> Path:
        """Directories of the instances of endpoints."""
        return self.path / "endpoints"

    @property
    def state(self) -> Path:
        """What survives the engine: documents, emulated services, objects, MLflow."""
        return self.path / "state"

    @property
    def database(self) -> Path:
        """SageMaker's documents."""
        return self.state / "sagemaker.db"

    @property
    def services(self) -> Path:
        """State of the emulated services."""
        return self.state / "services"

    @property
    def objects(self) -> Path:
        """Objects of S3."""
        return self.state / "s3"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and artifacts."""
        return self.state / "mlflow"
