"""A replay as a chart: what was asked for, what there was, what was not served, and what it cost."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlp.files import write_whole
from mlp.scaling.inputs import Inputs
from mlscaling.policies.scaling import Scaling

# Okabe and Ito's palette, which people with any kind of color vision can tell apart (Wong, Nature Methods 8, 2011).
_BLACK, _BLUE, _ORANGE, _RED = "#000000", "#0072B2", "#E69F00", "#D55E00"


def draw_replay(policy: Scaling, inputs: Inputs, path: Path, *, usd_per_instance_hour: float | None) -> None:
    """Draw a policy on the days of its inputs as a PNG file, which appears whole or not at all."""
    case, fleet = inputs.case, inputs.fleet
    outcome = case.outcome([policy], fleet)
    moments = np.array([case.first + timedelta(minutes=minute) for minute in range(len(outcome.requests_by_minute))])
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    demand, lost, cost = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 1))
    serves = outcome.in_service_by_minute[:, 0] * fleet.requests_per_second
    floor = case.minimums([policy])[-len(moments) :, 0] * fleet.requests_per_second
    demand.step(moments, serves, where="post", color=_BLUE, linewidth=1.6, label="what instances in service can serve")
    demand.step(moments, floor, where="post", color=_ORANGE, linewidth=1.0, linestyle="--", label="of the minimum")
    demand.plot(moments, outcome.requests_by_minute / 60, color=_BLACK, linewidth=0.7, label="requests")
    demand.set_ylabel("per second")
    demand.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, ncols=3)
    lost.fill_between(moments, outcome.violations_by_minute[:, 0], step="post", color=_RED)
    lost.set_ylabel("violations\nper minute")
    price, unit = (1.0, "instance hours") if usd_per_instance_hour is None else (usd_per_instance_hour, "USD")
    cost.plot(moments, np.cumsum(outcome.instances_by_minute[:, 0]) / 60 * price, color=_BLACK)
    cost.set_ylabel(f"cost so far\n({unit})")
    _label(
        demand,
        cost,
        f"{case.demand.name}: {outcome.violation_share[0]:.4%} violations, {outcome.instance_hours[0]:.0f} instance hours",
    )
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=130)
    write_whole(path, image.getvalue())


def _label(top: Axes, bottom: Axes, title: str) -> None:
    top.set_title(title, loc="left")
    bottom.set_xlabel("UTC")
