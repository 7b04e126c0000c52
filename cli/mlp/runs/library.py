"""`Runs`: the runs of an account, for commands and notebooks."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlp.errors import CliError, ExitCode
from mlp.runs import cache
from mlp.runs.comparison import differences
from mlp.runs.compilation import columns_asked
from mlp.runs.language import parse
from mlp.runs.rows import Found, columns_of, flat
from mlp.target import record_store, resolve
from mlrecords.observations import run_id_of
from mlrecords.rows import COLUMNS
from mlrecords.store import RunNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    import pandas as pd

    from mlp.runs.lineage import Lineage
    from mlp.target import Target
    from mlrecords.record import RunRecord
    from mlrecords.rows import Row
    from mlrecords.store import RecordStore

_RUN_ID = re.compile(r"[0-9a-f]{32}")


class Runs:
    """The runs that the experiment store of an account and region has recorded.

    Made without arguments, it finds the store as `mlp` does: the engine of this directory or of one above it, then AWS. What it is
    asked for the first time, it copies the rows of all runs to this machine, and from then on only what is new.

    Parameters:
        target: what to talk to; when not given, it is found by the other two.
        endpoint_url: another AWS endpoint.
        aws: AWS, even if this directory has an engine.
        progress: is told how many files of how many were copied.

    Raises `CliError` when there is no store, or the engine is down.
    """

    def __init__(
        self,
        target: Target | None = None,
        *,
        endpoint_url: str | None = None,
        aws: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        target = resolve(endpoint_url=endpoint_url, use_aws=aws) if target is None else target
        self.store: RecordStore = record_store(target)
        self.directory = target.cache_directory() / "runs" / self.store.bucket
        self._progress = progress

    def search(self, query: str = "") -> pd.DataFrame:
        """The runs that a query finds, one a line, in its order: `search("metric.rmse < 40 order by metric.rmse limit 100")`.

        The index is the run id; columns are called as in the query language, which is in docs/runs.md. Raises `QueryError`.
        """
        import pandas as pd

        rows = [flat(row) for row in self.find(query).rows]
        return pd.DataFrame(rows, columns=columns_of(rows) or ["run_id"]).set_index("run_id")

    def find(self, query: str = "", *, limit: int | None = None, columns: Collection[str] | None = None) -> Found:
        """As `search`, as rows. Raises `QueryError`.

        `limit` is that of a query that says none. `columns` of rows (`mlrecords.rows.COLUMNS`), beside those that the query
        names, are faster to get than all, which is what there is when not given.
        """
        with self._copy() as copy:
            asked = parse(query, copy.names(), now=datetime.now(tz=UTC))
            named = columns_asked(asked)
            most = limit if asked.limit is None else asked.limit
            chosen = COLUMNS if columns is None else {*columns, *(reference.target.column for reference in named)}
            rows = copy.search(asked.limited(None if most is None else most + 1), columns=chosen)
        labels = tuple(reference.label for reference in named)
        return Found(rows=tuple(rows[:most]), asked=labels, has_more=most is not None and len(rows) > most)

    def get(self, run: str) -> RunRecord:
        """The record of a run: everything that is known of it.

        `run` is its id or the beginning of it, the name of a job that is not used twice, an ARN, an MLflow run id, or a model version as
        `group/3`. Raises `CliError` when there is none, or several.
        """
        return self.store.record(self.resolve(run))

    def resolve(self, run: str) -> str:
        """The run id of what people call a run. Raises `CliError` when there is none, or several."""
        certain = run if _RUN_ID.fullmatch(run) else run_id_of(run) if run.startswith("arn:") else None
        if certain is not None and self._has(certain):
            return certain
        with self._copy() as copy:
            rows = copy.named(run)
        if len(rows) == 1:
            return str(rows[0]["run_id"])
        raise _several(run, rows) if rows else _none(run)

    def children(self, run_id: str) -> tuple[Row, ...]:
        """Rows of the runs that came from a run."""
        with self._copy() as copy:
            return tuple(copy.children(run_id))

    def lineage(self, run: str, *, depth: int | None = None) -> Lineage:
        """What a run came from and what came of it, `depth` levels each way, 8 when not given. In a notebook it is a picture."""
        from mlp.runs.tracing import DEPTH, trace

        return trace(self.get(run), store=self.store, find=self.find, depth=DEPTH if depth is None else depth)

    def card(self, run: str) -> str:
        """A model card in Markdown, from records only."""
        from mlp.runs.card import card
        from mlp.runs.card_facts import facts_of

        return card(facts_of(self.resolve(run), store=self.store, find=self.find, lineage_of=self.lineage))

    def metrics(self, run: str) -> pd.DataFrame:
        """The metrics of a run, a line for each step: columns `metric`, `step`, `value`; a metric without steps has one line."""
        import pandas as pd

        lines = [
            (name, step, value)
            for name, metric in self.get(run).metrics.items()
            for step, value in sorted(
                ((int(step), value) for step, value in metric.steps.items()) if metric.steps else [(0, metric.value)]
            )
        ]
        return pd.DataFrame(lines, columns=["metric", "step", "value"])

    def compare(self, a: str, b: str) -> pd.DataFrame:
        """What differs between two runs: indexed by section and name, a column for each of them."""
        import pandas as pd

        lines = [(one.section, one.name, one.a, one.b) for one in differences(self.get(a), self.get(b))]
        return pd.DataFrame(lines, columns=["section", "name", a, b]).set_index(["section", "name"])

    @contextmanager
    def _copy(self) -> Iterator[cache.Cache]:
        with cache.opened(self.directory) as copy:
            copy.refresh(self.store, progress=self._progress)
            yield copy

    def _has(self, run_id: str) -> bool:
        try:
            self.store.run(run_id)
        except RunNotFoundError:
            return False
        return True


def _several(run: str, rows: list[Row]) -> CliError:
    listed = "; ".join(f"{row['run_id'][:12]} ({row['kind']} {row['name']})" for row in rows)
    fix = f"say which one by its run id: {listed}"
    return CliError(f"'{run}' may be {len(rows)} runs or more", fix=fix, exit_code=ExitCode.BAD_INPUT)


def _none(run: str) -> CliError:
    fix = "`mlp runs list` shows the newest, and a search finds by a part of the name: " + (
        f"`mlp runs search \"name ilike '%{run.strip()[:40]}%'\"`"
    )
    return CliError(f"there is no run '{run}'", fix=fix, exit_code=ExitCode.NOT_FOUND)
