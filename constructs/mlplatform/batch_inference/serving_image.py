"""`TabularImage`: the platform's own serving image for tabular models, in a project's registry."""

from __future__ import annotations

from pathlib import Path

from constructs import Construct

from mlplatform.pipeline import archives
from mlplatform.pipeline.image import ContainerImage
from mlplatform.pipeline.image_build import ImageBuild, ImageSource
from mlplatform.project import MlProject
from mlplatform.project.images import image_repository

NAME = "mlplatform-tabular"
_ROOM = Path(__file__).parent
_PARTS = ("serving", "runtime/jobs/batch_jobs")


class TabularImage(Construct):
    """A repository, and a build that fills it with the image for scikit-learn, LightGBM, XGBoost and MLflow pyfunc models.

    When to use: as the image of models that AWS's images do not load, in batch transform jobs and in scoring jobs:
    `image=TabularImage(self, "Image", project=project).image`. It reads CSV without a header and Parquet, and answers in
    either. A deployment builds nothing; somebody starts the build (`aws codebuild start-build --project-name
    <project>-mlplatform-tabular`) before the first job. The tag is the hash of the sources and never moves. The embedded AWS
    runs the same server without a build.
    """

    def __init__(self, scope: Construct, construct_id: str, *, project: MlProject) -> None:
        super().__init__(scope, construct_id)
        name = f"{project.name}/{NAME}"
        source = ImageSource(files=_files(), build_words="--file serving/Dockerfile .")
        repository = image_repository(self, "Repository", name=name, key_arn=project.key_arn)
        registry = project.repository_uri.partition("/")[0]
        self.uri = f"{registry}/{name}:{source.tag}"
        """The image, once it is built."""
        self.image = ContainerImage.from_uri(self.uri)
        project.allow_jobs_to_pull(self.uri)
        ImageBuild(
            name=f"{project.name}-{NAME}",
            what=f"the image {name}",
            source=source,
            tag=source.tag,
            repository_arn=repository.attr_arn,
            repository_uri=f"{registry}/{name}",
            partition=project.partition,
            account=project.account,
            key_arn=project.key_arn,
            log_retention_days=project.log_retention_days,
        ).create(self)


def _files() -> dict[str, bytes]:
    return {f"{part}/{name}": content for part in _PARTS for name, content in archives.read_files(_ROOM / part).items()}
