"""An experiment store as an account has it, on real servers: the bucket, the parameter, and events that become records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlrecords.codec import from_json
from mlrecords.observations import Observation
from mlrecords.record import RunRecord
from mlrecords.sending import DETAIL_TYPE, SOURCE
from mlrecords.store import RecordStore
from tests.unit.servers import ACCOUNT, REGION, client

BUCKET, QUEUE = "records", "observed"
PARAMETER = "/mlplatform/experiments/records-bucket"
RULE_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{QUEUE}"


@dataclass
class Account:
    """An account with a store, and MLflow. What its capture would do, `records` does when it is asked."""

    endpoint: str
    mlflow_url: str
    queue_url: str

    @classmethod
    def create(cls, endpoint: str, mlflow_url: str) -> Account:
        s3, sqs, events = (client(service, endpoint) for service in ("s3", "sqs", "events"))
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        client("ssm", endpoint).put_parameter(Name=PARAMETER, Value=BUCKET, Type="String")
        queue_url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        events.put_rule(Name=QUEUE, EventPattern=json.dumps({"source": [SOURCE], "detail-type": [DETAIL_TYPE]}))
        events.put_targets(Rule=QUEUE, Targets=[{"Id": QUEUE, "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"}])
        return cls(endpoint, mlflow_url, queue_url)

    @property
    def store(self) -> RecordStore:
        return RecordStore(client("s3", self.endpoint), BUCKET)

    def environment(self) -> dict[str, str]:
        """How a process reaches it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_MLFLOW": self.mlflow_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def observed(self) -> list[Observation]:
        """The observations that arrived since this was last asked."""
        sqs, found = client("sqs", self.endpoint), []
        while True:
            answer = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
            for message in answer.get("Messages", []):
                found.append(from_json(Observation, json.loads(message["Body"])["detail"], "observation"))
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
            if not answer.get("Messages"):
                return found

    def every_record(self) -> list[RunRecord]:
        """Records of what arrived since this was last asked."""
        observed = self.observed()
        for one in observed:
            self.store.observe([one])
        return [self.store.record(run_id) for run_id in {one.run_id for one in observed}]

    def records(self) -> dict[str, RunRecord]:
        """The same, by the name of the run."""
        return {record.identity.name: record for record in self.every_record()}


@dataclass
class Checkout:
    """A team's repository, and processes that run in it."""

    root: Path
    home: Path
    account: Account

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env={**os.environ, **who}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def commit(self) -> str:
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "work")
        return self.git("rev-parse", "HEAD")

    def environment(self, **variables: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_"))}
        return {
            **inherited,
            **self.account.environment(),
            "XDG_STATE_HOME": str(self.home),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **variables,
        }

    def command(self, *arguments: str) -> Sequence[str]:
        return [sys.executable, *arguments]

    def run(self, *arguments: str, directory: str = ".", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the checkout, to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root / directory,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            check=False,
        )

    def mlflow(self) -> Any:
        """A client of the account's MLflow."""
        import mlflow

        return mlflow.MlflowClient(tracking_uri=self.account.mlflow_url)


def done(team: Checkout, *arguments: str, **options: str) -> str:
    """Run Python in the checkout, which must succeed; what it said."""
    finished = team.run(*arguments, **options)
    assert finished.returncode == 0, finished.stderr
    return finished.stderr
