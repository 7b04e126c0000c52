"""What hosts of endpoints and of their components have in common: a document in the store, and a thread that brings it about."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from typing import Any

from mllocal.endpoints.worker import Worker
from mllocal.sagemaker.store import Document, Store


class Hosted(ABC):
    """A resource from its creation to its deletion. What it is told to do is done in turn."""

    def __init__(self, store: Store, arn: str) -> None:
        self.arn = arn
        self._store = store
        self._worker = Worker(arn.rpartition(":")[2], self._defect)
        self._closing = self._worker.closing

    @property
    def is_over(self) -> bool:
        """Whether it is deleted."""
        return self._worker.is_over

    def deploy(self) -> None:
        """Bring up what the document's `Pending` is, in place of what there is."""
        self._worker.do(self._deploy)

    def scale(self) -> None:
        """Have as much as the document desires."""
        self._worker.do(self._scale)

    def restore(self) -> None:
        """Bring up again what the last engine served, and go on with what it was about to do."""
        self._worker.do(self._restore)

    def delete(self) -> None:
        """End everything, and forget it."""
        self._worker.do(self._delete)

    @abstractmethod
    def _deploy(self) -> None: ...

    @abstractmethod
    def _scale(self) -> None: ...

    @abstractmethod
    def _restore(self) -> None: ...

    @abstractmethod
    def _delete(self) -> None: ...

    @abstractmethod
    def _reject(self, reason: str) -> None:
        """What served before goes on as it was; another one has failed."""

    def _defect(self, reason: str) -> None:
        with contextlib.suppress(KeyError):
            self._reject(reason)

    def _forget(self) -> None:
        """It is gone."""
        self._worker.is_over = True
        self._store.delete(self.arn)

    def _document(self) -> Document:
        document = self._store.get(self.arn)
        if document is None:
            raise KeyError(self.arn)
        return document

    def _change(self, **changes: Any) -> Document:
        changes["LastModifiedTime"] = time.time()
        return self._store.update(self.arn, lambda stored: stored.update(changes))
