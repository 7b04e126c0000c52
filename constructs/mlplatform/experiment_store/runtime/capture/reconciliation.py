"""Finds what events missed: lists what SageMaker has, and sends what the store lacks, or has in another state, to the capture queue.

Called every hour, it makes one pass a day over all that changed since the pass before, with two days of overlap. After each page it
writes down where it is, so that a pass goes on in the next call when the function runs out of time, or is stopped in the middle.
What it sends are events with Describe answers, which the capture takes as it takes SageMaker's: twice is as good as once. At the
end of a pass, the many small row files of the days before become few.

Environment: RECORDS_BUCKET, CAPTURE_QUEUE_URL.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from mlrecords.codec import from_json, to_json
from mlrecords.compaction import compact
from mlrecords.record import RunRecord
from mlrecords.store import RecordStore, RunNotFoundError

from .details import GONE, milliseconds
from .listings import LISTINGS, Found

STATE_KEY = "reconciliation/state.json"
BETWEEN_PASSES = timedelta(hours=23)
OVERLAP = timedelta(days=2)
FIRST_LOOK = timedelta(days=14)
"""What ran before there was a store is recorded, too, if it is not older."""
LONGEST_PASS = timedelta(days=1)
"""Then it begins again: tokens of pages do not live for ever."""
TIME_FOR_A_PAGE_MILLISECONDS = 120_000
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 10})


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Go on with a pass, or begin one if a day went by."""
    sqs, queue_url = boto3.client("sqs"), os.environ["CAPTURE_QUEUE_URL"]
    reconciliation = Reconciliation(
        store=RecordStore(boto3.client("s3"), os.environ["RECORDS_BUCKET"]),
        sagemaker=boto3.client("sagemaker", config=_CONFIG),
        send=lambda body: sqs.send_message(QueueUrl=queue_url, MessageBody=body),
        account=context.invoked_function_arn.split(":")[4],
        has_time=lambda: context.get_remaining_time_in_millis() > TIME_FOR_A_PAGE_MILLISECONDS,
    )
    return reconciliation.run(datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One walk over all lists: what changed after `since`; `listing` and `token` are the page that is next."""

    began: datetime
    since: datetime
    listing: int = 0
    token: str | None = None
    sent: int = 0


@dataclass(frozen=True, kw_only=True)
class State:
    """`reconciled` is when the last finished pass began: everything before it is recorded."""

    reconciled: datetime | None = None
    going_on: Pass | None = None


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """Compares `sagemaker` with `store`. `send` takes the body of a message; `has_time` says whether to begin another page."""

    store: RecordStore
    sagemaker: Any
    send: Callable[[str], object]
    account: str
    has_time: Callable[[], bool]

    def run(self, now: datetime) -> dict[str, Any]:
        """Work as long as there is time and work. Answers how many messages the pass sent, and whether it is finished."""
        state = self._read()
        going_on = state.going_on
        if going_on is None and state.reconciled is not None and now - state.reconciled < BETWEEN_PASSES:
            return {"finished": True, "sent": 0}
        if going_on is None or now - going_on.began > LONGEST_PASS:
            since = now - FIRST_LOOK if state.reconciled is None else state.reconciled - OVERLAP
            going_on = Pass(began=now, since=since)
        while going_on.listing < len(LISTINGS):
            if not self.has_time():
                return {"finished": False, "sent": going_on.sent}
            going_on = self._page(going_on)
            self._write(replace(state, going_on=going_on))
        self._compact(going_on)
        self._write(State(reconciled=going_on.began))
        return {"finished": True, "sent": going_on.sent}

    def _compact(self, at: Pass) -> None:
        """Put the row files of the days together that ended since the pass before."""
        for days in range(1, (at.began.date() - at.since.date()).days + 1):
            compact(self.store, at.began.date() - timedelta(days=days))

    def _page(self, at: Pass) -> Pass:
        """Send what one page has and the store lacks; where to go on."""
        found, token = LISTINGS[at.listing].page(self.sagemaker, at.since, at.token, self._known)
        sent = sum(self._tell(one) for one in found if one.is_news(self._known(one.run_id)))
        listing = at.listing + 1 if token is None else at.listing
        return replace(at, listing=listing, token=token, sent=at.sent + sent)

    def _tell(self, found: Found) -> bool:
        """Whether it could be sent: not what was deleted since it was listed."""
        try:
            event = self._event(found)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            return False
        self.send(json.dumps(event, default=milliseconds_of))
        return True

    def _event(self, found: Found) -> dict[str, Any]:
        asked_at = datetime.now(UTC)  # What has no time of its own was so at least since then.
        return {
            "detail-type": found.detail_type,
            "source": "aws.sagemaker",
            "observed-by": "reconciliation",
            "account": self.account,
            "region": self.sagemaker.meta.region_name,
            "time": asked_at.isoformat(),
            "detail": {name: value for name, value in found.detail().items() if name != "ResponseMetadata"},
        }

    def _known(self, run_id: str) -> RunRecord | None:
        try:
            return self.store.record(run_id)
        except RunNotFoundError:
            return None

    def _read(self) -> State:
        try:
            found = self.store.s3.get_object(Bucket=self.store.bucket, Key=STATE_KEY)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return State()
        return from_json(State, json.loads(found["Body"].read()), "the state of the reconciliation")

    def _write(self, state: State) -> None:
        body = json.dumps(to_json(state)).encode()
        self.store.s3.put_object(Bucket=self.store.bucket, Key=STATE_KEY, Body=body, ContentType="application/json")


def milliseconds_of(value: Any) -> int:
    """Times as events have them. Raises `TypeError` for anything else that JSON has not."""
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} of a Describe answer cannot be sent in an event")
    return milliseconds(value.timestamp() * 1000)
