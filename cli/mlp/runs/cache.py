"""A local copy of the rows, in DuckDB: it follows the files in the bucket, and answers queries in fractions of a second.

    runs      one line a run: its fields, and what it has by name as maps; `run` numbers runs as they came
    numbers   metrics: (key, run, value), so that a query reads the few blocks of one metric
    texts     everything else that has a name: (key, run, value, number), `number` where the text is one
    keys      the number of each name in each space
    files     the row files that were read and may be listed again
    forgotten runs that are deleted

One process at a time opens it; others wait. What it lacks it reads again from the bucket, so it may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlp.errors import CliError, ExitCode
from mlp.runs.compilation import compiled, compiled_for_best
from mlp.runs.fields import FIELDS, SPACES, Kind
from mlrecords.compaction import ROWS_PER_FILE
from mlrecords.rows import COLUMNS, is_whole, key_before, moment_of, row_files

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import duckdb

    from mlp.runs.query import Query
    from mlrecords.rows import Row
    from mlrecords.store import RecordStore

_VERSION = 1
"""Of the tables; a copy of another version is not used."""
_ROWS_AT_ONCE = 200_000
_ROWS_OF_A_BATCH = 1000  # At most: capture writes less in one file.
_READERS = 16
_MEMORY = "2GB"
_TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "double": "DOUBLE",
    "map<string,double>": "MAP(VARCHAR, DOUBLE)",
    "map<string,string>": "MAP(VARCHAR, VARCHAR)",
}
_MOMENTS = {field.column for field in FIELDS.values() if field.kind is Kind.MOMENT}
_ROW_TYPES = {name: "TIMESTAMP" if name in _MOMENTS else _TYPES[kind] for name, kind in COLUMNS.items()}
_KEPT = [name for name in COLUMNS if name != "deleted"]
_TABLES = f"""
CREATE TABLE IF NOT EXISTS runs (run BIGINT, {", ".join(f"{name} {_ROW_TYPES[name]}" for name in _KEPT)});
CREATE TABLE IF NOT EXISTS numbers (key INTEGER, run BIGINT, value DOUBLE);
CREATE TABLE IF NOT EXISTS texts (key INTEGER, run BIGINT, value VARCHAR, number DOUBLE);
CREATE TABLE IF NOT EXISTS keys (key INTEGER, space VARCHAR, name VARCHAR);
CREATE TABLE IF NOT EXISTS files (name VARCHAR, moment TIMESTAMP);
CREATE TABLE IF NOT EXISTS forgotten (run_id VARCHAR);
"""


def _entries(space: str, column: str) -> str:
    name, value = f"unnest(map_keys({column}))", f"unnest(map_values({column}))"
    if space == "parent":  # A row has relations by the parents' run ids, since a run may have several of one relation.
        name, value = value, name
    return f"SELECT run, '{space}' AS space, {name} AS name, {value} AS value FROM news"


_BATCH = (
    "CREATE OR REPLACE TEMP TABLE batch AS "
    f"SELECT * FROM read_json(?, format = 'newline_delimited', columns = {_ROW_TYPES})"
)
_UPSERT = (
    # Of the rows of a run the one with the highest order, if it is higher than what is here.
    """
    CREATE OR REPLACE TEMP TABLE newest AS SELECT * FROM batch
    QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY revision DESC, record DESC) = 1
    """,
    "INSERT INTO forgotten SELECT run_id FROM newest WHERE deleted AND run_id NOT IN (SELECT run_id FROM forgotten)",
    """
    CREATE OR REPLACE TEMP TABLE known AS SELECT run, run_id, revision, record
    FROM runs SEMI JOIN newest ON newest.run_id = runs.run_id
    """,
    """
    CREATE OR REPLACE TEMP TABLE news AS
    SELECT newest.*, (SELECT coalesce(max(run), 0) FROM runs) + row_number() OVER (ORDER BY newest.created_at, newest.run_id) AS run
    FROM newest LEFT JOIN known USING (run_id)
    WHERE (known.run_id IS NULL OR (newest.revision, coalesce(newest.record, '')) > (known.revision, coalesce(known.record, '')))
    AND newest.run_id NOT IN (SELECT run_id FROM forgotten)
    """,
    """
    CREATE OR REPLACE TEMP TABLE replaced AS SELECT run FROM known
    WHERE run_id IN (SELECT run_id FROM news) OR run_id IN (SELECT run_id FROM forgotten)
    """,
    "DELETE FROM numbers WHERE run IN (SELECT run FROM replaced)",
    "DELETE FROM texts WHERE run IN (SELECT run FROM replaced)",
    "DELETE FROM runs WHERE run IN (SELECT run FROM replaced)",
    f"INSERT INTO runs SELECT run, {', '.join(_KEPT)} FROM news",
    f"CREATE OR REPLACE TEMP TABLE new_numbers AS {_entries('metric', SPACES['metric'].column)}",
    "CREATE OR REPLACE TEMP TABLE new_texts AS "
    + " UNION ALL ".join(
        _entries(space.name, space.column) for space in SPACES.values() if space.kind is not Kind.NUMBER
    ),
    """
    INSERT INTO keys SELECT (SELECT coalesce(max(key), 0) FROM keys) + row_number() OVER (ORDER BY space, name), space, name
    FROM (SELECT space, name FROM new_numbers UNION SELECT space, name FROM new_texts) AS found ANTI JOIN keys USING (space, name)
    """,
    # Sorted, so that the statistics of blocks tell which of them have a key.
    "INSERT INTO numbers SELECT key, run, value FROM new_numbers JOIN keys USING (space, name) ORDER BY key, run",
    """
    INSERT INTO texts SELECT key, run, value, try_cast(value AS DOUBLE)
    FROM new_texts JOIN keys USING (space, name) ORDER BY key, run
    """,
)


@contextmanager
def opened(directory: Path) -> Iterator[Cache]:
    """The copy in a directory, made when there is none, for this process alone until it is closed."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = directory / f"runs-{_VERSION}.duckdb"
        with _connected(path) as connection:
            connection.execute(_TABLES)
            yield Cache(connection)


def _connected(path: Path) -> duckdb.DuckDBPyConnection:
    import duckdb  # Only now: it would double the time that other commands take to start.

    try:
        return duckdb.connect(str(path), config={"memory_limit": _MEMORY})
    except duckdb.Error as error:
        raise CliError(
            f"the local copy of the runs cannot be opened: {error}",
            fix=f"close what else has it open, or delete {path}: it is filled again",
            exit_code=ExitCode.NOT_FOUND,
        ) from error


@dataclass(frozen=True)
class Cache:
    """The copy, while it is open."""

    connection: duckdb.DuckDBPyConnection

    def refresh(self, store: RecordStore, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Read the files that appeared since the last time; how many. One that was cut short goes on where it was.

        `progress` is told how many files were read, of how many.
        """
        count = 0
        while True:
            seen = {name for (name,) in self._rows("SELECT name FROM files")}
            listed = list(row_files(store, after=self._after()))
            if seen and not any(key in seen or is_whole(key) for key in listed):
                self._forget_all()  # It is another store in a bucket of the same name.
                continue
            new = [key for key in listed if key not in seen]
            done = 0
            for some in _portions(new):
                if not self._read(store, some):  # Compaction has just replaced files: list them again.
                    break
                done += len(some)
                count += len(some)
                if progress is not None:
                    progress(done, len(new))
            else:
                return count

    def search(self, query: Query, *, columns: Collection[str] = _KEPT) -> list[Row]:
        """The rows that a query finds, in order, with all columns or with some."""
        keys = self.keys()
        best = compiled_for_best(query, keys)
        if best is None or self._find(*best) != query.limit:
            self._find(*compiled(query, keys))
        # By row id, DuckDB reads only the blocks that have them.
        selected = [name for name in _KEPT if name in columns]
        rows = self._rows(
            f"SELECT {', '.join(selected)} FROM found JOIN runs ON runs.rowid = found.place ORDER BY found.number"
        )
        return [_row(row, selected) for row in rows]

    def _find(self, sql: str, parameters: Sequence[object]) -> int:
        """Put the places of runs into the table `found`; how many."""
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS SELECT place, row_number() OVER () AS number FROM ({sql})",
            parameters,
        )
        ((count,),) = self._rows("SELECT count(*) FROM found")
        return int(count)

    def keys(self) -> dict[tuple[str, str], int]:
        """The number of each name in each space."""
        return {(space, name): key for key, space, name in self._rows("SELECT key, space, name FROM keys")}

    def names(self) -> dict[str, list[str]]:
        """The names that runs have in each space."""
        found: dict[str, list[str]] = {}
        for space, name in self._rows("SELECT space, name FROM keys ORDER BY space, name"):
            found.setdefault(space, []).append(name)
        return found

    def named(self, name: str) -> list[Row]:
        """The runs that a name, or four characters and more of the beginning of a run id, may mean, the newest first."""
        rows = self._rows(
            f"SELECT {', '.join(_KEPT)} FROM runs WHERE (length($1) >= 4 AND starts_with(run_id, $1)) OR name = $1 "
            "OR arn = $1 OR mlflow_run_id = $1 OR ends_with(arn, ':model-package/' || $1) ORDER BY created_at DESC NULLS LAST LIMIT 20",
            [name],
        )
        return [_row(row) for row in rows]

    def children(self, run_id: str) -> list[Row]:
        """The runs that have a run as a parent, the newest first."""
        rows = self._rows(
            f"SELECT {', '.join(_KEPT)} FROM runs WHERE run IN (SELECT run FROM texts JOIN keys USING (key) "
            "WHERE space = 'parent' AND value = ?) ORDER BY created_at DESC NULLS LAST, run_id",
            [run_id],
        )
        return [_row(row) for row in rows]

    def _after(self) -> str:
        """The key after which unread files may be: by the newest time in names of files, whose clock is that of capture."""
        ((moment,),) = self._rows("SELECT max(moment) FROM files")
        return "" if moment is None else key_before(moment.replace(tzinfo=UTC))

    def _forget_all(self) -> None:
        self.connection.begin()
        for table in ("files", "runs", "numbers", "texts", "keys", "forgotten"):
            self.connection.execute(f"DELETE FROM {table}")
        self.connection.commit()

    def _read(self, store: RecordStore, keys: Sequence[str]) -> bool:
        """Take in some files; False, and nothing is changed, when one of them is not there any more."""
        with tempfile.TemporaryDirectory(prefix="mlp-runs-") as scratch, ThreadPoolExecutor(_READERS) as pool:
            paths = [str(Path(scratch) / f"{number}.jsonl.gz") for number in range(len(keys))]
            if not all(pool.map(lambda key, path: _fetched(store, key, Path(path)), keys, paths)):
                return False
            self.connection.begin()
            self.take_in(paths)
            moments = [moment_of(key).replace(tzinfo=None) for key in keys]
            self.connection.execute("INSERT INTO files SELECT unnest(?), unnest(?)", [list(keys), moments])
            self.connection.execute("DELETE FROM files WHERE name <= ?", [self._after()])
            self.connection.commit()
        return True

    def take_in(self, paths: Sequence[str]) -> None:
        """Bring the tables up to the rows of local files, in any order, whether they are there already or not."""
        self.connection.execute(_BATCH, [list(paths)])
        for statement in _UPSERT:
            self.connection.execute(statement)

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters).fetchall()


def _portions(keys: Sequence[str]) -> Iterator[list[str]]:
    """The files in order, as many at once as memory is for."""
    portion: list[str] = []
    rows = 0
    for key in keys:
        rows += ROWS_PER_FILE if is_whole(key) else _ROWS_OF_A_BATCH
        portion.append(key)
        if rows >= _ROWS_AT_ONCE:
            yield portion
            portion, rows = [], 0
    if portion:
        yield portion


def _fetched(store: RecordStore, key: str, path: Path) -> bool:
    """Copy an object to a file; False when there is none."""
    try:
        path.write_bytes(store.s3.get_object(Bucket=store.bucket, Key=key)["Body"].read())
    except store.s3.exceptions.NoSuchKey:
        return False
    return True


def _row(values: Sequence[Any], columns: Sequence[str] = _KEPT) -> Row:
    """What a run has, by column; moments know that they are in UTC."""
    return {
        name: value.replace(tzinfo=UTC) if name in _MOMENTS else value
        for name, value in zip(columns, values, strict=True)
        if value is not None
    }
