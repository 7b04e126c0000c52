"""Draws a forecast against what happened."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import DateFormatter, DayLocator, HourLocator
from matplotlib.figure import Figure

from examples.demand_forecast.history import Demand

# Okabe and Ito's palette, which people with any kind of colour vision can tell apart (Wong, "Points of view:
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
    series = (
        (baseline, "same hour of the previous week (seasonal naive)", {"color": _ORANGE, "linewidth": 1.0}),
        (actual, "what happened", {"color": _BLACK, "linewidth": 1.6}),
        (forecast, "forecast", {"color": _BLUE, "linewidth": 2.0, "linestyle": (0, (4, 1.2))}),
    )
    for values, label, style in series:
        axes.plot(hours, [values.get(hour, float("nan")) for hour in hours], label=label, **style)
    axes.set_title(
        f"Bike rentals in Washington DC, {hours[0]:%B} {hours[0].day} to {hours[-1]:%B} {hours[-1].day}, "
        f"{hours[-1].year}: forecast made before the week began",
        loc="left",
    )
    axes.set_ylabel("demand (rentals per hour)")
    axes.set_xlabel("hour (local time)")
    axes.set_ylim(bottom=0)
    axes.set_xlim(hours[0], hours[-1] + timedelta(hours=1))
    axes.xaxis.set_major_locator(DayLocator())
    axes.xaxis.set_major_formatter(DateFormatter("%a %b %d"))
    axes.xaxis.set_minor_locator(HourLocator(byhour=(6, 12, 18)))
    axes.grid(axis="both", which="major", color="#DDDDDD", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=3, frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=150)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(image.getvalue())
    partial.replace(path)
