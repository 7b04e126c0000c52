"""Draws a forecast against what happened."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from examples.demand_forecast.history import Demand

# Okabe and Ito's palette, which people with any kind of color vision can tell apart (Wong, "Points of view:
# Color blindness", Nature Methods 8, 2011). The lines differ in width and dash as well.
_BLACK, _BLUE, _ORANGE = "#000000", "#0072B2", "#E69F00"


def draw_forecast(forecast: Demand, actual: Demand, baseline: Demand, path: Path) -> None:
    """Draw the forecast, what happened and the seasonal naive forecast as a PNG file.

    Args:
        forecast: rentals per hour as forecast, by hour; sets which hours are shown.
        actual: rentals per hour as they happened; an hour that was not recorded leaves a gap in the line.
        baseline: the same hours of the week before.
        path: the PNG file; it appears whole or not at all.

    Raises:
        ValueError: an empty forecast.
    """
    if not forecast:
        raise ValueError("the forecast is empty; there is nothing to draw")
    hours = sorted(forecast)
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    elapsed = [(hour - hours[0]) / timedelta(hours=1) for hour in hours]
    naive, happened, forecasted = ([one.get(hour, math.nan) for hour in hours] for one in (baseline, actual, forecast))
    axes.plot(elapsed, naive, color=_ORANGE, linewidth=1.0, label="same hour of the previous week (seasonal naive)")
    axes.plot(elapsed, happened, color=_BLACK, linewidth=1.6, label="what happened")
    axes.plot(elapsed, forecasted, color=_BLUE, linewidth=2.0, linestyle=(0, (4, 1.2)), label="forecast")
    _label(axes, hours)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=3, frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(image.getvalue())
    partial.replace(path)


def _label(axes: Axes, hours: Sequence[datetime]) -> None:
    """Title, units, and a tick at each midnight with the day's name."""
    first, last = hours[0], hours[-1]
    axes.set_title(
        f"Bike rentals in Washington DC, {first:%B} {first.day} to {last:%B} {last.day}, {last.year}: "
        "forecast made before the week began",
        loc="left",
    )
    axes.set_ylabel("demand (rentals per hour)")
    axes.set_xlabel("hour (local time; a mark every 6 hours)")
    axes.set_ylim(bottom=0)
    length = (last - first) / timedelta(hours=1) + 1
    axes.set_xlim(0, length)
    to_midnight = -first.hour % 24
    midnights = range(to_midnight, int(length) + 1, 24)
    axes.set_xticks(midnights, [f"{first + timedelta(hours=hours):%a %b %d}" for hours in midnights])
    axes.set_xticks(range(to_midnight % 6, int(length) + 1, 6), minor=True)
    axes.grid(axis="both", which="major", color="#DDDDDD", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
