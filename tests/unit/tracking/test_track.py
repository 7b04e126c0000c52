"""Scripts as teams write them, each in a process of its own, against a real store, a real MLflow and real git."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from mlplatform.tracking.surroundings import VARIABLES
from mlrecords.codec import from_json
from mlrecords.observations import run_id_of
from mlrecords.record import DataListing
from tests.unit.servers import client
from tests.unit.tracking.checks import check_data, check_mlflow, check_what_it_ran_as
from tests.unit.tracking.scripts import AUTOLOGGED, ENDINGS, EVERY_ENDING, EVERY_MISTAKE, FROM_S3, MISTAKES, SWEEPS
from tests.unit.tracking.store import Checkout, done


def test_a_run_is_recorded_with_all_that_it_was(residuals: Checkout) -> None:
    head = residuals.git("rev-parse", "HEAD")
    residuals.write("work/new.py", "# not committed\n")

    done(residuals, "train.py", "3", directory="work", PYTHONHASHSEED="0", DB_PASSWORD="hunter2")

    record = residuals.account.records()["residuals"]
    check_what_it_ran_as(residuals, record, head)
    check_data(residuals, record)
    check_mlflow(residuals, record)
    assert record.algorithm.hyperparameters == {"depth": "3", "loss": "squared"}
    assert record.algorithm.seeds == {"seed": "7"}
    assert record.metrics["rmse"].value == 48
    assert record.metrics["rmse"].steps == {"0": 50.0, "1": 49.0, "2": 48.0}
    assert record.metrics["r2"].steps == {}
    assert {(note.kind, note.text) for note in record.notes.values()} == {
        ("question", "Does age alone do?"),
        ("interpretation", "Age does most of it."),
    }
    assert record.tags == {"team": "pricing"}


def test_what_autologging_writes_is_in_the_record(team: Checkout) -> None:
    team.write("train.py", AUTOLOGGED)
    team.commit()

    done(team, "train.py")

    record = team.account.records()["autologged"]
    assert record.algorithm.hyperparameters["alpha"] == "0.01"
    assert record.algorithm.seeds == {"random_state": "5"}
    assert "training_r2_score" in record.metrics


def test_how_a_run_ends_is_recorded_and_passed_on(team: Checkout) -> None:
    team.write("train.py", EVERY_ENDING)
    team.commit()

    done(team, "train.py")

    records = team.account.records()
    for ending, (state, reason) in ENDINGS.items():
        status = records[ending].status
        assert status.state == state
        assert (status.failure_reason or "").startswith(reason or "")
        assert "hunter2" not in (status.failure_reason or "")
        assert status.ended_at is not None
        assert records[ending].metrics["rmse"].value == 1.5


def test_a_terminated_process_ends_as_it_would_without(team: Checkout) -> None:
    finished = team.run(
        "-c", "import os, signal\nfrom mlplatform import track\nwith track('x'): os.kill(os.getpid(), signal.SIGTERM)"
    )

    assert finished.returncode == 128 + signal.SIGTERM
    assert team.account.records()["x"].status.state == "Stopped"


def test_a_process_that_is_killed_leaves_what_it_was_started_with(team: Checkout) -> None:
    team.write("data.csv", "a\n1\n")
    team.write(
        "train.py",
        "import time\nfrom mlplatform import track\nwith track('killed') as run:\n    run.input('data', 'data.csv')\n"
        "    print('started', flush=True)\n    time.sleep(600)\n",
    )
    head = team.commit()
    process = subprocess.Popen(
        team.command("train.py"), cwd=team.root, env=team.environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.kill()
    process.wait()

    record = team.account.records()["killed"]

    assert record.status.state == "InProgress"
    assert record.code.commit == head
    assert record.inputs["data"].version is not None
    assert record.environment.packages


def test_without_a_network_the_record_waits_for_the_next_run(residuals: Checkout) -> None:
    said = done(residuals, "train.py", "3", directory="work", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert said.count("its record waits in") == 1
    assert residuals.account.observed() == []

    # As if the endpoint had come back: what waits is for the account's own.
    (waiting,) = (residuals.home / "mlplatform" / "outbox").iterdir()
    label = f"the endpoint {residuals.account.endpoint}"
    waiting.rename(waiting.with_name(hashlib.sha256(label.encode()).hexdigest()[:16]))
    done(residuals, "-c", "from mlplatform import track\nwith track('next'): pass")

    records = residuals.account.records()
    assert set(records) == {"residuals", "next"}
    assert records["residuals"].status.state == "Completed"
    assert records["residuals"].metrics["rmse"].value == 48
    assert records["residuals"].identity.mlflow_run_id is None
    listing = records["residuals"].inputs["train"].listing
    assert listing is not None
    assert residuals.account.store.blob(listing)


def test_an_account_without_a_store_is_told_before_the_work(team: Checkout) -> None:
    finished = team.run(
        "-c",
        "from mlplatform import track\nwith track('x'): print('worked')",
        AWS_ACCESS_KEY_ID="222222222222",
    )

    assert finished.returncode == 1
    assert finished.stdout == ""
    assert "has no experiment store that you may use" in finished.stderr
    assert "cdk deploy 'mlp-*-experiment-store'" in finished.stderr


def test_an_s3_input_is_read_in_the_version_that_was_pinned(team: Checkout) -> None:
    s3 = client("s3", team.account.endpoint)
    s3.create_bucket(Bucket="data")
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    for name, body in (("a.csv", b"x\n1\n"), ("deep/b.csv", b"x\n2\n3\n")):
        s3.put_object(Bucket="data", Key=f"train/{name}", Body=body)
    team.write("train.py", FROM_S3)
    team.commit()

    finished = team.run("train.py")

    assert finished.returncode == 0, finished.stderr
    assert "[('a.csv', 'x\\n1\\n'), ('deep/b.csv', 'x\\n2\\n3\\n')]" in finished.stdout
    assert "s3://data/train/" in finished.stdout
    record = team.account.records()["from-s3"]
    assert record.inputs["train"].version == record.inputs["query"].version
    assert (record.inputs["train"].rows, record.inputs["train"].object_count) == (3, 2)
    listing = record.inputs["one"].listing
    assert listing is not None
    (one,) = from_json(DataListing, json.loads(team.account.store.blob(listing)), "listing").objects
    assert one.version_id == s3.head_object(Bucket="data", Key="train/a.csv")["VersionId"]


def test_a_decorated_function_is_a_run_for_each_call(team: Checkout) -> None:
    team.write("train.py", SWEEPS)
    team.commit()

    done(team, "train.py")

    records = team.account.every_record()
    fits = [record for record in records if record.identity.name == "fit"]
    assert sorted(dict(it.algorithm.hyperparameters)["depth"] for it in fits) == ["1", "2", "3"]
    assert {frozenset(it.algorithm.hyperparameters) for it in fits} == {frozenset({"depth", "rate"})}
    assert {it.status.state for it in records} == {"Completed"}
    assert len(records) == 4


def test_a_run_in_a_job_names_the_job_masks_secrets_and_tags_what_is_not_finite(team: Checkout) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"
    team.write(
        "train.py",
        "from mlplatform import track\nwith track('x') as run:\n    run.params(api_key='hunter2')\n"
        "    run.metric('loss', 3.0, step=0)\n    run.metric('loss', float('nan'), step=1)\n",
    )
    team.commit()

    done(team, "train.py", "--db-password", "hunter2", "--token=hunter2", TRAINING_JOB_ARN=arn)

    record = team.account.records()["x"]
    parent = record.parents[run_id_of(arn)]
    assert (parent.relation, parent.arn) == ("job", arn)
    assert "hunter2" not in repr(record)
    assert record.code.entry_point[:2] == ("train.py", "--db-password")
    assert record.metrics["loss"].value == 3.0
    assert record.tags["metric.loss"] == "nan"


def test_the_embedded_aws_of_the_directory_is_found_as_mlp_finds_it(team: Checkout) -> None:
    engine = {"endpoint_url": team.account.endpoint, "mlflow_url": team.account.mlflow_url}
    team.write(".mlp/engine.json", json.dumps({**engine, "account": "123456789012", "region": "us-east-1"}))
    team.write("work/train.py", "from mlplatform import track\nwith track('x'): pass\n")
    environment = {name: value for name, value in team.environment().items() if not name.startswith("AWS_")}

    subprocess.run(team.command("train.py"), cwd=team.root / "work", env=environment, check=True)

    assert team.account.records()["x"].status.state == "Completed"


def test_while_the_embedded_aws_of_the_directory_is_down_the_record_waits_for_it(team: Checkout) -> None:
    team.write(".mlp/lock", "")

    said = done(team, "-c", "from mlplatform import track\nwith track('x'): pass", AWS_ENDPOINT_URL="")

    assert f"the embedded AWS of {team.root} is not running; start it with `mlp up`" in said


def test_a_reproduction_leaves_its_result_and_sends_nothing(residuals: Checkout, tmp_path: Path) -> None:
    private, elsewhere = tmp_path / "private", tmp_path / "elsewhere.csv"
    private.mkdir()
    elsewhere.write_text("age,price\n1,1\n")
    (private / "inputs.json").write_text(json.dumps({"train": str(elsewhere)}))

    done(
        residuals,
        "train.py",
        "3",
        directory="work",
        MLP_REPRODUCING=str(private),
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
    )

    model = hashlib.sha256(b"AGE,PRICE\n1,1\n").hexdigest()
    assert json.loads((private / "result.json").read_text()) == {
        "metrics": {"rmse": 48.0, "r2": 0.5},
        "outputs": {"model": f"sha256:{model}"},
    }
    assert residuals.account.observed() == []


def test_what_cannot_be_recorded_is_an_error_that_says_what_to_do(team: Checkout) -> None:
    team.write("train.py", EVERY_MISTAKE)

    finished = team.run("train.py")

    assert finished.returncode == 0, finished.stderr
    said = [line for line in finished.stdout.splitlines() if "://localhost" not in line and "View" not in line]
    for line, sentence in zip(said, MISTAKES.values(), strict=True):
        assert sentence in line


def test_a_coroutine_is_refused() -> None:
    from mlplatform import TrackError, track

    async def work() -> None: ...

    with pytest.raises(TrackError, match="use `with track"):
        track()(work)


def test_the_examples_of_the_documentation_run(team: Checkout) -> None:
    page = (Path(__file__).parents[3] / "docs" / "track.md").read_text()
    script, sweep = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    team.write("residuals.py", script)
    team.write("sweep.py", sweep)
    team.write("data/train.csv", "age,price\n1,9000\n2,7000\n")
    team.commit()

    done(team, "residuals.py", "1")
    swept = team.run("sweep.py")

    assert "best rate: 0.3" in swept.stdout, swept.stderr
    records = team.account.every_record()
    assert sorted(it.identity.name for it in records) == ["rate sweep"] * 3 + ["residuals by age"]
    assert {it.status.state for it in records} == {"Completed"}


def test_the_variables_of_the_documentation_are_those_on_the_list() -> None:
    page = (Path(__file__).parents[3] / "docs" / "track.md").read_text()
    (listed,) = re.findall(r"Variables on the list: (.*?);", page, re.DOTALL)
    assert tuple(re.findall(r"`([A-Z_]+)`", listed)) == VARIABLES
