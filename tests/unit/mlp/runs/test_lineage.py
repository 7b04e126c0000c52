"""Where a model comes from, what came of it, and its card, from records on an emulator."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlp.main import app
from mlp.runs import Runs
from mlp.runs.lineage import Lineage
from tests.conftest import REPOSITORY
from tests.unit.mlp.runs import demand
from tests.unit.mlp.runs.account import Account, account


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("account")) as made:
        demand.everything(made)
        yield made


@pytest.fixture(scope="module")
def runs(world: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Runs(world.target)


def mlp(world: Account, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["runs", *words, "--endpoint-url", world.endpoint])
    assert done.exit_code == code, done.output
    return done.stdout


def links(lineage: Lineage) -> set[tuple[str, str, str]]:
    names = {node.id: node.name for node in lineage.nodes.values()}
    return {(names[edge.source], edge.label, names[edge.target]) for edge in lineage.edges}


def test_a_model_is_followed_from_raw_data_to_the_forecasts_made_with_it(runs: Runs) -> None:
    assert links(runs.lineage("demand/2")) == {
        ("s3://demand/raw/", "raw", "features-2"),
        ("demand-training-x2", "part of", "features-2"),
        ("features-2", "train", "train-2"),
        ("train-2", "model", "demand-2"),
        ("demand-2", "model", "demand-weekly-w47"),
        ("demand-2", "reproduces", "reproduction of demand-2"),
        ("demand-weekly-w47", "part of", "prepare-w47"),
        ("prepare-w47", "part", "score-w47"),
        ("score-w47", "forecast", "s3://demand/forecasts/47/"),
    }


def test_a_forecast_is_followed_back_to_the_raw_data_of_its_model(runs: Runs) -> None:
    found = links(runs.lineage("score-w47"))
    assert ("s3://demand/raw/", "raw", "features-2") in found
    assert ("s3://demand/weeks/47/", "week", "prepare-w47") in found
    assert ("demand-2", "model", "demand-weekly-w47") in found
    assert not any("demand-1" in link for link in found)


def test_what_a_job_wrote_is_followed_to_all_that_read_it(runs: Runs) -> None:
    found = links(runs.lineage("features-1"))
    assert {("features-1", "train", "train-1"), ("features-1", "features", "evaluate-1")} <= found
    assert ("evaluate-1", "report", "s3://demand/demand-training-x1/report/") in found


def test_data_that_was_overwritten_since_is_not_what_was_read(world: Account, runs: Runs) -> None:
    place = "scratch/rows.csv"
    for name, minute, content in (("old", 300, "1"), ("new", 310, "2"), ("same", 320, "2")):
        world.record(demand.said("processing-job", name, minute, outputs={"rows": demand.in_s3(place, content)}))
    world.record(demand.said("training-job", "reader", 330, inputs={"rows": demand.in_s3(place, "2")}))
    world.record(demand.said("processing-job", "later", 340, outputs={"rows": demand.in_s3(place, "2")}))

    assert links(runs.lineage("reader")) == {("same", "rows", "reader")}


def test_depth_bounds_what_is_followed_and_it_is_said(world: Account, runs: Runs) -> None:
    near = runs.lineage("demand/2", depth=1)
    assert near.is_cut
    assert "features-2" not in {node.name for node in near.nodes.values()}
    assert not runs.lineage("demand/2").is_cut
    assert runs.lineage("demand/2").ancestors()[0].identity.name in ("train-2", "demand-training-x2")


def test_a_parent_that_is_not_recorded_is_shown_as_such(world: Account, runs: Runs) -> None:
    world.record(demand.said("transform-job", "orphan", 400, parents=(("model", "model-package", "gone/1"),)))
    found = runs.lineage("orphan")
    assert links(found) == {("model-package/gone/1", "model", "orphan")}
    assert "not recorded" in mlp(world, "lineage", "orphan")


def test_the_terminal_shows_a_tree_each_way(world: Account) -> None:
    shown = mlp(world, "lineage", "demand/2")
    up, down = shown.split("what came of it")
    order = [up.index(name) for name in ("demand-2", "train-2", "features-2", "s3://demand/raw/")]
    assert order == sorted(order)
    assert "17,379 rows" in up
    assert "score-w47" in down
    document = json.loads(mlp(world, "lineage", "demand/2", "--json"))
    assert document["root"] == demand.run_id("model-package", "demand/2")
    assert {node["kind"] for node in document["nodes"]} >= {"data", "model-package", "training-job"}


def test_pictures_are_drawn_without_anything_else(world: Account, tmp_path: Path) -> None:
    for suffix in ("svg", "mmd", "html"):
        mlp(world, "lineage", "demand/2", "--picture", str(tmp_path / f"picture.{suffix}"))
    drawn = ElementTree.parse(tmp_path / "picture.svg").getroot()  # noqa: S314 - made here
    texts = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"train-2", "17,379 rows, version " + demand.RAW.version.removeprefix("sha256:")[:12]} <= texts  # type: ignore[union-attr]
    assert (tmp_path / "picture.mmd").read_text().startswith("flowchart LR\n")
    assert "http" not in (tmp_path / "picture.html").read_text().replace("http://www.w3.org/2000/svg", "")
    assert (
        "use a name that ends with"
        in json.loads(mlp(world, "lineage", "demand/2", "--picture", str(tmp_path / "a.gif"), "--json", code=2))["fix"]
    )


def test_a_notebook_shows_the_picture_and_has_the_edges_as_a_table(runs: Runs) -> None:
    lineage = runs.lineage("demand/2")
    assert lineage._repr_svg_().startswith("<svg")
    table: Any = lineage.edges_table()
    assert set(table[table.target_name == "train-2"].source_name) == {"features-2"}


SECTIONS = (
    *("Model details", "Intended use", "Data", "Training", "Evaluation", "Environment and code"),
    *("How to reproduce", "Lineage", "Approvals", "Cost", "Known lacks"),
)


def sections(card: str) -> dict[str, str]:
    title, *parts = card.split("\n## ")
    return {"": title, **{name: body for name, _, body in (part.partition("\n") for part in parts)}}


def test_the_card_says_what_the_records_say(world: Account, runs: Runs) -> None:
    found = sections(runs.card("demand/2"))
    assert tuple(found)[1:] == SECTIONS
    assert found[""].startswith("# demand/2\n")
    assert "> Better on every week but Christmas.\n> Goes live.\n> — ada, 2026-11-24 08:57 UTC" in found["Intended use"]
    assert f"`mlp runs note {demand.run_id('model-package', 'demand/2')[:12]} --question" in found["Intended use"]
    assert "| `s3://demand/raw/` | raw | " in found["Data"]
    assert "| 17,379 | rentals, timestamp | features-2 |" in found["Data"]
    assert "Made with it:\n\n" in found["Data"]
    assert "| loss | `a\\|b` |  |" in found["Training"]
    assert "| random_state | `7` | seed |" in found["Training"]
    assert "| metric | of | this | demand/1 | difference |" in found["Evaluation"]
    assert "| rmse | Train | 39.5 | 64.5 | -25 |" in found["Evaluation"]
    assert "| mae | Evaluate | 19.75 | 32.25 | -12.5 |" in found["Evaluation"]
    assert "| commit | `9fceb02d0ae598e95dc970b74767f19372d61af8` |" in found["Environment and code"]
    assert f"mlp reproduce {demand.run_id('model-package', 'demand/2')}" in found["How to reproduce"]
    assert "**reproduced**" in found["How to reproduce"]
    assert "```mermaid\nflowchart LR" in found["Lineage"]
    assert "| 2026-11-24 08:56 UTC | PendingManualApproval |\n| 2026-11-24 08:57 UTC | Approved |" in found["Approvals"]
    assert "| **all** |  | **0.0020** |" in found["Cost"]
    assert "processing-job `features-2`" in found["Known lacks"]


def test_the_first_version_is_compared_with_nothing_and_what_is_unknown_is_said(world: Account, runs: Runs) -> None:
    found = sections(runs.card("demand/1"))
    assert "There is no version before it" in found["Evaluation"]
    assert "Nobody has done so yet." in found["How to reproduce"]
    assert "Nothing that was made with it is recorded." in found["Data"]
    bare = sections(runs.card("prepare-w47"))
    assert tuple(bare)[1:] == SECTIONS
    assert "It was neither approved nor rejected." in bare["Approvals"]


def test_the_card_is_printed_or_written(world: Account, runs: Runs, tmp_path: Path) -> None:
    assert mlp(world, "card", "demand/2") == runs.card("demand/2")
    mlp(world, "card", "demand/2", "--to", str(tmp_path / "card.md"))
    assert (tmp_path / "card.md").read_text() == runs.card("demand/2")
    assert json.loads(mlp(world, "card", "demand/2", "--json"))["card"] == runs.card("demand/2")


def test_the_notebook_of_the_documentation_runs(
    world: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "lineage.md").read_text(), re.DOTALL)
    monkeypatch.setattr("mlp.runs.library.resolve", lambda **options: world.target)
    exec(compile(code, "lineage.md", "exec"), {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out.startswith("# demand/2\n")
