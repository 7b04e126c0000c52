"""The table that `make reproductions` prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlp.reproduce.verdict import Verdict


@dataclass
class Table:
    """Verdicts by what they show."""

    rows: dict[str, list[tuple[str, str, Verdict]]] = field(default_factory=dict)

    def add(self, title: str, name: str, verdict: Verdict, *, expected: str) -> None:
        """One more verdict, and the one that is right."""
        self.rows.setdefault(title, []).append((name, expected, verdict))

    def __str__(self) -> str:
        lines = []
        for title, rows in self.rows.items():
            right = sum(verdict.title == expected for _, expected, verdict in rows)
            lines += ["", f"{right} of {len(rows)} {title}", ""]
            lines += [f"{name:50} {verdict.title:30} {verdict.sentences[0][:110]}" for name, _, verdict in rows]
        return "\n".join(lines)
