"""Widgets of CloudWatch dashboards: alarms on top, graphs below in rows of three.

Source: CloudWatch API reference, "Dashboard Body Structure and Syntax": a row has 24 columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_WIDTH, _HEIGHT, _ALARMS_HEIGHT = 8, 6, 2
_COLUMNS = 24
Widget = dict[str, Any]


def arranged(graphs: Sequence[Widget], *, alarm_arns: Sequence[str]) -> list[Widget]:
    """The widgets of a dashboard: the state of these alarms if there are any, then the graphs."""
    properties = {"alarms": list(alarm_arns), "title": "Alarms"}
    top = {"type": "alarm", "x": 0, "y": 0, "width": _COLUMNS, "height": _ALARMS_HEIGHT, "properties": properties}
    alarms = [top] if alarm_arns else []
    below = len(alarms) * _ALARMS_HEIGHT
    in_a_row = _COLUMNS // _WIDTH
    size = {"width": _WIDTH, "height": _HEIGHT}
    placed = [
        {**graph, "x": index % in_a_row * _WIDTH, "y": below + index // in_a_row * _HEIGHT, **size}
        for index, graph in enumerate(graphs)
    ]
    return [*alarms, *placed]
