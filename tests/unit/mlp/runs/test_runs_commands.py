"""`mlp runs` and `Runs` against an experiment store on an emulator."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mlp.main import app
from mlp.runs import CliError, Runs
from mlp.runs.fields import FIELDS, SPACES
from mlrecords.observations import Observation, order_of, run_id_of
from tests.conftest import REPOSITORY
from tests.unit.mlp.runs.account import BUCKET, Account, account

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


def packed(**files: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"{name}.py")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def job(name: str, second: int, *, kind: str = "training-job", **facts: Any) -> Observation:
    arn = f"{ARN}:{kind}/{name}"
    moment = f"2026-11-24T08:00:{second:02}+00:00"
    identity = {"kind": kind, "name": name, "arn": arn, "project": "demand", "created_at": moment}
    status = {"state": "Completed", "started_at": moment, "ended_at": "2026-11-24T08:02:00+00:00"}
    said = {"identity": identity, "status": status, **facts}
    return Observation(run_id=run_id_of(arn), source="event", order=order_of(second), facts=said)


def training(
    name: str, second: int, *, rmse: float, loss: str, packages: dict[str, str], data: str, archive: str
) -> Observation:
    steps = {str(step): rmse + 100 / (step + 1) for step in range(5)}
    return job(
        name,
        second,
        metrics={"rmse": {"value": rmse, "steps": steps}},
        algorithm={"name": "gbdt", "hyperparameters": {"loss": loss, "max_iter": "200"}},
        environment={
            "packages": packages,
            "python": "3.11.9",
            "image": {"uri": "registry/image:1", "digest": "sha256:image"},
        },
        inputs={"train": {"uri": "s3://data/train/", "version": f"sha256:{data}", "rows": 100}},
        code={"archive_uri": f"s3://{BUCKET}/{archive}", "archive_sha256": f"sha256:{archive}"},
        tags={"owner": "ada"},
    )


FIRST, SECOND = run_id_of(f"{ARN}:training-job/train-1"), run_id_of(f"{ARN}:training-job/train-2")
MODEL = run_id_of(f"{ARN}:model-package/demand/3")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("account")) as made:
        for archive, seed in (("code-1", 1), ("code-2", 2)):
            content = packed(train=f"import random\nrandom.seed({seed})\n", same="x = 1\n")
            made.store.s3.put_object(Bucket=BUCKET, Key=archive, Body=content)
        first = training(
            "train-1",
            1,
            rmse=64.6,
            loss="poisson",
            packages={"numpy": "2.4.6", "scipy": "1"},
            data="d1",
            archive="code-1",
        )
        second = training(
            "train-2",
            2,
            rmse=39.5,
            loss="gamma",
            packages={"numpy": "2.5.5", "scipy": "1"},
            data="d1",
            archive="code-2",
        )
        made.record(first)
        made.record(second)
        made.record(job("demand/3", 3, kind="model-package", parents={FIRST: {"relation": "model"}}))
        made.record(job("prepare", 4, kind="processing-job"))
        made.record(job("prepare", 5, kind="transform-job", status={"state": "Failed", "failure_reason": "no memory"}))
        yield made


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def mlp(world: Account, *words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["runs", *words, "--endpoint-url", world.endpoint])
    assert done.exit_code == code, done.output
    return done


def document(world: Account, *words: str, code: int = 0) -> Any:
    return json.loads(mlp(world, *words, "--json", code=code).stdout)


def test_the_newest_runs_are_listed_first(world: Account) -> None:
    shown = mlp(world, "list").stdout

    names = [line.split("│")[3].strip() for line in shown.splitlines() if line.startswith("│")]
    assert names == ["prepare", "prepare", "demand/3", "train-2", "train-1"]
    assert "rmse 39.5" in shown
    found = document(world, "list", "--kind", "training-job", "--project", "demand", "--limit", "1")
    assert [run["name"] for run in found["runs"]] == ["train-2"]
    assert found["has_more"]


def test_a_search_shows_what_it_asked_for(world: Account) -> None:
    shown = mlp(world, "search", "param.loss in ('poisson', 'gamma') order by metric.rmse").stdout

    assert "param.loss" in shown
    assert shown.index("train-2") < shown.index("train-1")
    assert mlp(world, "search", "metric.rmse < 1").stdout == "no run is so\n"


def test_values_for_other_programs(world: Account) -> None:
    lines = list(csv.DictReader(io.StringIO(mlp(world, "search", "metric.rmse < 50", "--csv").stdout)))

    assert [(line["run_id"], line["metric.rmse"], line["data.version.train"]) for line in lines] == [
        (SECOND, "39.5", "sha256:d1")
    ]
    assert document(world, "search", "metric.rmse < 50")["runs"][0]["tag.owner"] == "ada"


def test_a_mistake_is_shown_with_its_place(world: Account) -> None:
    found = document(world, "search", "metric.rsme < 50", code=2)

    assert found["error"].splitlines()[2] == "  ^^^^^^^^^^^"
    assert found["fix"] == "did you mean metric.rmse?"


@pytest.mark.parametrize(
    ("said", "run"),
    [
        (FIRST, FIRST),
        (FIRST[:8], FIRST),
        ("train-1", FIRST),
        (f"{ARN}:training-job/train-1", FIRST),
        ("demand/3", MODEL),
    ],
)
def test_a_run_is_found_by_whatever_people_call_it(world: Account, said: str, run: str) -> None:
    assert document(world, "show", said)["run_id"] == run


def test_what_may_be_several_runs_or_none_is_told(world: Account) -> None:
    several = document(world, "show", "prepare", code=2)
    assert "processing-job prepare" in several["fix"]
    assert "transform-job prepare" in several["fix"]
    assert document(world, "show", "trian-1", code=3)["error"] == "there is no run 'trian-1'"
    assert document(world, "show", FIRST[:3], code=3)["error"] == f"there is no run '{FIRST[:3]}'"


def test_a_record_is_shown_with_what_came_from_it(world: Account) -> None:
    shown = mlp(world, "show", "train-1").stdout

    for part in (
        "training-job train-1",
        "registry/image:1",
        "2 installed",
        "64.6",
        "poisson",
        "100 rows",
        "model-package demand/3",
    ):
        assert part in shown
    assert document(world, "show", "train-1")["children"] == [MODEL]


def test_a_comparison_shows_what_differs_and_nothing_else(world: Account, tmp_path: Path) -> None:
    page = tmp_path / "compared.html"
    shown = mlp(world, "compare", "train-1", "train-2", "--chart", str(page)).stdout

    for part in (
        "metric rmse",
        "param loss",
        "package numpy",
        "code archive",
        "-random.seed(1)",
        "+random.seed(2)",
        "a/train.py",
    ):
        assert part in shown
    for part in ("max_iter", "scipy", "owner", "image", "same.py", "sha256:d1"):
        assert part not in shown
    assert "<svg" in page.read_text()
    assert "random.seed(2)" in page.read_text()
    found = document(world, "compare", "train-1", "train-2")
    assert {"section": "param", "name": "loss", "a": "poisson", "b": "gamma"} in found["differences"]


def test_a_run_does_not_differ_from_itself(world: Account) -> None:
    assert "do not differ" in mlp(world, "compare", "train-1", FIRST).stdout


def test_metrics_by_step_are_drawn(world: Account, tmp_path: Path) -> None:
    mlp(world, "show", "train-1", "--chart", str(tmp_path / "rmse.png"))

    assert (tmp_path / "rmse.png").read_bytes().startswith(b"\x89PNG")
    assert (
        "no metric of demand/3 has steps"
        in document(world, "show", "demand/3", "--chart", str(tmp_path / "x.png"), code=3)["error"]
    )
    assert "'x.gif'" in document(world, "show", "train-1", "--chart", str(tmp_path / "x.gif"), code=2)["error"]


def test_what_people_note_is_in_the_record_when_the_command_ends(world: Account) -> None:
    with world.capturing():
        said = mlp(world, "note", "train-2", "--question", "does gamma fit?", "--decision", "keep it").stdout
        assert said == "noted on train-2: question, decision\n"

    texts = {note.kind: note.text for note in world.store.record(SECOND).notes.values()}
    assert texts == {"question": "does gamma fit?", "decision": "keep it"}
    assert document(world, "search", "note.decision like 'keep%'")["runs"][0]["run_id"] == SECOND
    shown = mlp(world, "show", "train-2").stdout
    assert "does gamma fit?" in shown


def test_notes_are_written_in_the_editor(world: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/^# interpretation$/# interpretation\\nit was the data/" "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    with world.capturing():
        mlp(world, "note", "demand/3")

    (note,) = world.store.record(MODEL).notes.values()
    assert (note.kind, note.text) == ("interpretation", "it was the data")


def test_an_editor_left_without_a_word_notes_nothing(world: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.delenv("VISUAL", raising=False)

    assert document(world, "note", "train-1", code=2)["error"] == "nothing was written"


def test_a_note_that_no_event_holds_is_refused(world: Account) -> None:
    assert "the notes have" in document(world, "note", "train-1", "--text", "x" * 300_000, code=2)["error"]


def test_a_notebook_gets_data_frames(world: Account) -> None:
    runs = Runs(world.target)

    found = runs.search("kind = 'training-job' order by metric.rmse")
    assert list(found.index) == [SECOND, FIRST]
    assert list(found["metric.rmse"]) == [39.5, 64.6]
    assert runs.search("metric.rmse < 1").empty
    steps = runs.metrics("train-1")
    assert list(steps.columns) == ["metric", "step", "value"]
    assert list(steps["step"]) == [0, 1, 2, 3, 4]
    compared = runs.compare("train-1", "train-2")
    assert list(compared.loc[("param", "loss")]) == ["poisson", "gamma"]
    assert runs.get("train-1").algorithm.hyperparameters["loss"] == "poisson"
    with pytest.raises(CliError, match="there is no run 'nobody'; `mlp runs list`"):
        runs.get("nobody")


def test_the_notebook_of_the_documentation_runs(
    world: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (REPOSITORY / "docs" / "runs.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setattr("mlp.runs.library.resolve", lambda **options: world.target)

    exec(compile(code, "runs.md", "exec"), {})  # noqa: S102 - it is ours

    said = capsys.readouterr().out
    assert said.index("train-2") < said.index("train-1")
    assert said.endswith("3.11.9 sha256:d1\n")


def test_the_queries_of_the_documentation_can_be_read(world: Account) -> None:
    page = (REPOSITORY / "docs" / "runs.md").read_text()
    asked = re.findall(r'mlp runs search "(.*?)"', page)

    for query in asked:
        mlp(world, "search", query)
    assert {name for name in FIELDS if f"`{name}`" not in page} == set()
    assert {name for name in SPACES if f"`{name}" not in page} == set()


def test_an_account_without_a_store_says_how_to_get_one(world: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlp.target.RECORDS_PARAMETER", "/mlplatform/experiments/none")

    assert "has no experiment store" in document(world, "list", code=3)["error"]
