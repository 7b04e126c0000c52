"""A pipeline that its team already had, on the platform: `diagnosis/` is unchanged."""

from __future__ import annotations

from examples.bring_your_own.diagnosis.pipeline import get_pipeline
from mlplatform import MlProject, SageMakerPipeline, Schedule, offline_session


def define(project: MlProject) -> None:
    """Every Monday at 03:00, train again and register what is good enough."""
    session = offline_session(project)
    pipeline = get_pipeline(
        session=session,
        role=session.job_role_arn,
        data_bucket=session.data_bucket,
        model_package_group_name=session.model_package_group_name,
    )
    schedule = Schedule.cron("0 3 ? * MON *", time_zone="Europe/Berlin")
    SageMakerPipeline(project, "Diagnosis", project=project, pipeline=pipeline, schedule=schedule)
