"""A demand to prove policies on: 20 requests per second, and 200 from noon to one, four days of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 3, 2, tzinfo=UTC)


def write_demand(directory: Path, *, days: int = 4, share: float = 1) -> Path:
    """As `mlp scaling history` writes it; or a share of it."""
    lines = ["time,requests"]
    for place in range(days * 288):
        moment = START + timedelta(minutes=5 * place)
        lines.append(f"{moment.isoformat()},{300 * share * (200 if moment.hour == 12 else 20)}")
    path = directory / "noon.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
