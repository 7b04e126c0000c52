"""What waits for a store that cannot be reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplatform.tracking import destinations
from mlplatform.tracking.destinations import Outbox
from mlplatform.tracking.target import OfflineError, Target

NOWHERE = Target("the embedded AWS of a directory", None)


def error_of(outbox: Outbox) -> OfflineError:
    with pytest.raises(OfflineError) as caught:
        _ = outbox.store
    return caught.value


def test_a_store_that_cannot_be_reached_is_not_asked_again_for_a_while(tmp_path: Path) -> None:
    """Each try takes seconds without a network, and a run sends at each thing that is said of it."""
    outbox = Outbox(NOWHERE, tmp_path)

    assert error_of(outbox) is error_of(outbox)


def test_after_a_while_it_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "PAUSE_SECONDS", 0)
    outbox = Outbox(NOWHERE, tmp_path)

    assert error_of(outbox) is not error_of(outbox)
