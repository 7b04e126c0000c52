"""What README and docs show is what is there."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from mlplatform.config import load_platform
from mlplatform.network import ENDPOINT_SETS
from tests.unit.pipeline.synthesis import synthesize_project
from tests.unit.scaling.demand import write_demand

REPOSITORY = Path(__file__).parents[3]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language in a page."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def test_the_readme_shows_the_projects_as_they_are() -> None:
    """Both run: the first in tests/local, the second in tests/conformance, where the SDK is."""
    assert blocks(REPOSITORY / "README.md", "python") == [
        (REPOSITORY / "examples" / example / "project.py").read_text()
        for example in ("demand_forecast", "bring_your_own")
    ]


def test_the_pipeline_of_the_documentation_is_valid_and_renders() -> None:
    (code,) = blocks(REPOSITORY / "docs" / "pipeline-definitions.md", "python")

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [step["Name"] for step in json.loads(done.stdout)["Steps"]] == ["Evaluate", "Check"]


@pytest.mark.parametrize(
    "code",
    [code for page in ("training", "batch-inference") for code in blocks(REPOSITORY / f"docs/{page}.md", "python")],
)
def test_the_pipelines_of_the_documentation_synthesize(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    module = tmp_path / "project.py"
    module.write_text(code)

    define = runpy.run_path(str(module))["define"]

    assert synthesize_project(tmp_path / "cdk.out", define).resources("AWS::SageMaker::Pipeline")


@pytest.mark.parametrize("code", blocks(REPOSITORY / "docs" / "endpoints.md", "python"))
def test_the_endpoints_of_the_documentation_synthesize(code: str, tmp_path: Path) -> None:
    module = tmp_path / "project.py"
    module.write_text(code)

    define = runpy.run_path(str(module))["define"]

    assert synthesize_project(tmp_path / "cdk.out", define).resources("AWS::SageMaker::Endpoint")


@pytest.mark.parametrize("page", ["projects.md", "training-environment.md"])
def test_the_platform_files_of_the_documentation_are_valid(page: str, tmp_path: Path) -> None:
    (content,) = blocks(REPOSITORY / "docs" / page, "yaml")
    path = tmp_path / "platform.yaml"
    path.write_text(content)

    assert [project.name for project in load_platform(path).projects] == ["demand-forecast"]


def test_the_sets_of_endpoints_are_as_documented_and_cost_what_is_said() -> None:
    page = (REPOSITORY / "docs" / "training-environment.md").read_text()
    rows = re.findall(r"^\| (`[a-z.]+`(?:, `[a-z.]+`)*) \|.*\| (x?) ?\| (x?) ?\|$", page, re.MULTILINE)
    sets = {
        name: {endpoint for endpoints, *marks in rows if marks[column] for endpoint in re.findall("`(.+?)`", endpoints)}
        for column, name in enumerate(("jobs", "studio"))
    }
    costs = dict(re.findall(r"^\| `(jobs|studio)` \(\d\) \| ([\d.]+) \|", page, re.MULTILINE))

    assert sets == {name: {str(endpoint) for endpoint in endpoints} for name, endpoints in ENDPOINT_SETS.items()}
    assert costs == {name: f"{len(endpoints) * 2 * 0.01 * 730:.2f}" for name, endpoints in ENDPOINT_SETS.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_mlp_command_of_the_documentation_exists() -> None:
    help_text = subprocess.run(
        [Path(sys.executable).with_name("mlp"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    mentioned = {name for page in PAGES for name in re.findall(r"(?:`|\n|\$ |/)mlp ([a-z]+)", page.read_text())}

    assert mentioned
    assert {name for name in mentioned if not re.search(rf"\b{name}\b", help_text)} == set()


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`?make ([a-z-]+)", (REPOSITORY / "README.md").read_text())) <= targets


def test_the_scaling_policies_of_the_documentation_are_valid() -> None:
    codes = [one for one in blocks(REPOSITORY / "docs" / "scaling.md", "python") if "def define(" not in one]

    assert len(codes) == 2
    for code in codes:
        subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("place", "share"),
    [(0, 1), (1, 1), (2, 0.001), (3, 0.001)],
    ids=["EndpointScaling", "a forecast of your own", "AsyncEndpoint", "ServerlessEndpoint"],
)
def test_the_policies_of_the_documentation_are_proved_and_synthesize(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, share: float
) -> None:
    code = [one for one in blocks(REPOSITORY / "docs" / "scaling.md", "python") if "def define(" in one][place]
    write_demand(tmp_path, share=share).rename(tmp_path / "demand.csv")
    knee = {"requests_per_second": 10, "concurrency": 2, "confirmed": True}
    (tmp_path / "load-test.json").write_text(json.dumps(knee))
    (tmp_path / "project.py").write_text(code)
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    monkeypatch.chdir(tmp_path)

    define = runpy.run_path("project.py")["define"]

    assert synthesize_project(tmp_path / "cdk.out", define).resources("AWS::ApplicationAutoScaling::ScalingPolicy")
