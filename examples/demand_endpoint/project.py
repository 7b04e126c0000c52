"""The demand forecast behind an endpoint that scales: what a team adds once a version is approved."""

from __future__ import annotations

from pathlib import Path

from examples.demand_forecast.project import define as demand_forecast
from mlplatform import MlProject, RealtimeEndpoint, ScalingProof, read_scaling

HERE = Path(__file__).parent
USD_PER_INSTANCE_HOUR = 0.115  # ml.m5.large in us-east-1 (Amazon SageMaker pricing).
MAX_QUEUED_REQUESTS = 27  # Half of what an instance answers in a second: load-test.json.


def define(project: MlProject) -> None:
    """Train and forecast as before; and answer single requests at once, always with the newest approved version.

    The policy is the one that `mlp scaling tune` has found, and each synthesis plays it on two weeks of known demand: README.md.
    """
    demand_forecast(project)
    RealtimeEndpoint(
        project,
        "Live",
        follow_approvals=True,
        scaling=read_scaling(HERE / "policy.json"),
        proof=ScalingProof(
            demand=HERE / "bikeshare_requests.csv",
            load_test=HERE / "load-test.json",
            usd_per_instance_hour=USD_PER_INSTANCE_HOUR,
        ),
        max_queued_requests=MAX_QUEUED_REQUESTS,
    )
