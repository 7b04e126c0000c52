"""Documents of the embedded SageMaker in SQLite: one row per ARN, changed in transactions."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    arn     TEXT PRIMARY KEY,
    kind    TEXT NOT NULL,
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    body    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS documents_by_kind ON documents (kind, account, region);
"""


@dataclass(frozen=True)
class Scope:
    """The account and region a request acts in."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource in this scope, for example `pipeline/demand-forecast-training`."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource}"


def scope_of(arn: str) -> Scope:
    """The scope that an ARN names."""
    _, _, _, region, account, _ = arn.split(":", 5)
    return Scope(account=account, region=region)


class Store:
    """Thread-safe document store. Every write is one transaction; `update` reads and writes within one."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        # A commit is in the machine's cache before it returns, as with the other services' files: it survives this process.
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens at once or not at all, and alone."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def get(self, arn: str) -> Document | None:
        """The document of an ARN, or None."""
        with self._lock:
            row = self._database.execute("SELECT body FROM documents WHERE arn = ?", (arn,)).fetchone()
        return None if row is None else json.loads(row[0])

    def insert(self, kind: str, arn: str, document: Document) -> bool:
        """Store a new document; False when the ARN is taken."""
        scope = scope_of(arn)
        with self.transaction():
            cursor = self._database.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (arn, kind, scope.account, scope.region, json.dumps(document)),
            )
        return cursor.rowcount == 1

    def update(self, arn: str, change: Callable[[Document], None]) -> Document:
        """Change a document in place and return it. Raises KeyError when there is none."""
        with self.transaction():
            document = self.get(arn)
            if document is None:
                raise KeyError(arn)
            change(document)
            self._database.execute("UPDATE documents SET body = ? WHERE arn = ?", (json.dumps(document), arn))
        return document

    def delete(self, arn: str) -> None:
        """Forget an ARN."""
        with self.transaction():
            self._database.execute("DELETE FROM documents WHERE arn = ?", (arn,))

    def find(self, kind: str, scope: Scope) -> list[Document]:
        """Every document of a kind in a scope, oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT body FROM documents WHERE kind = ? AND account = ? AND region = ? ORDER BY rowid",
                (kind, scope.account, scope.region),
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def everywhere(self, kind: str) -> list[Document]:
        """Every document of a kind in all scopes, oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT body FROM documents WHERE kind = ? ORDER BY rowid", (kind,)
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()
