"""Synth time at 1, 10 and 50 projects, beside the same resources in plain JavaScript on aws-cdk-lib.

The floor (benchmarks/synth_floor/) is every resource as one typed L1 constructor call, generated from the very templates that our
constructs synthesize. Nobody writes that; it is the least that aws-cdk-lib needs for these resources. The staged files are the same.
Both programs run as the CDK CLI starts them, without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.timing import Sample, measure, ratio

ROOT = Path(__file__).parent.parent
FLOOR = Path(__file__).parent / "synth_floor"
PROJECTS = (1, 10, 50)
PYTHON, JAVASCRIPT = "Python", "JavaScript"
Program = Callable[[int, str], None]


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print."""
    platform = yaml.safe_load((ROOT / "platform.yaml").read_text(encoding="utf-8"))
    name = platform["projects"][0]["name"]
    stack = f"mlp-dev-project-{name}"
    for count in PROJECTS:
        (scratch / f"platform-{count}.yaml").write_text(organization(platform, count), encoding="utf-8")
    programs: dict[str, Program] = {PYTHON: partial(_python, scratch), JAVASCRIPT: partial(_javascript, scratch)}
    programs[PYTHON](1, "false")
    generate = ["node", str(FLOOR / "generate.js"), str(scratch / "python"), stack, name, str(scratch / "floor")]
    _execute(generate, {})
    programs[JAVASCRIPT](1, "false")
    console.print(_compared(scratch, stack))

    table = Table(title="Synth, seconds (min / median / max)", title_justify="left")
    for column in ("validation", "projects", *programs, "ratio"):
        table.add_column(column, justify="right")
    for validation, label in (("false", "off"), ("true", "on")):
        samples = {count: _measured(programs, count, validation, repetitions) for count in PROJECTS}
        for count, sample in samples.items():
            compared = ratio(sample[PYTHON], sample[JAVASCRIPT])
            table.add_row(label, str(count), *(str(sample[program]) for program in programs), compared)
        table.add_row(label, "each more", *_marginal(samples))
        table.add_section()
    console.print(table)


def organization(platform: Mapping[str, Any], count: int) -> str:
    """platform.yaml with `count` projects like its first, in dev only: elsewhere a person may have but one profile."""
    first = {**platform["projects"][0], "environments": ["dev"]}
    others = [{**first, "name": f"{first['name']}{index}"} for index in range(1, count)]
    return yaml.safe_dump({**platform, "projects": [first, *others]}, sort_keys=False)


def _measured(programs: Mapping[str, Program], count: int, validation: str, repetitions: int) -> dict[str, Sample]:
    subjects = {name: partial(program, count, validation) for name, program in programs.items()}
    return measure(subjects, repetitions=repetitions)


def _marginal(samples: Mapping[int, Mapping[str, Sample]]) -> list[str]:
    """What one more project costs: the difference of the medians of the smallest and the largest organization."""
    fewest, most = PROJECTS[0], PROJECTS[-1]
    cost = {
        name: (samples[most][name].median - samples[fewest][name].median) / (most - fewest) for name in samples[most]
    }
    milliseconds = [f"{seconds * 1000:.0f} ms" for seconds in cost.values()]
    return [*milliseconds, f"{cost[PYTHON] / cost[JAVASCRIPT]:.2f}"]


def _python(scratch: Path, count: int, validation: str) -> None:
    context = {"config": str(scratch / f"platform-{count}.yaml"), "environment": "dev"}
    _execute(
        [sys.executable, "app.py"],
        {
            "CDK_OUTDIR": str(scratch / "python"),
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_VALIDATION": validation,
        },
    )


def _javascript(scratch: Path, count: int, validation: str) -> None:
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    context = {**flags, "aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
    _execute(
        ["node", str(FLOOR / "app.js"), str(scratch / "floor"), str(count), str(scratch / "javascript")],
        {
            "CDK_VALIDATION": validation,
            "CDK_CONTEXT_JSON": json.dumps(context),
            "NODE_PATH": str(FLOOR / "node_modules"),
        },
    )


def _execute(command: list[str], variables: Mapping[str, str]) -> None:
    # Node is the one of the virtual environment, for jsii as for the floor.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{done.stderr[-4000:]}")


def _compared(scratch: Path, stack: str) -> str:
    """Say that the programs describe the same; exit when the floor does not, for then it is wrong."""
    python, javascript = (_templates(scratch / name) for name in ("python", "javascript"))
    different = sorted(name for name in python if python[name] != javascript.get(name))
    if different:
        sys.exit(f"the floor differs from the constructs in {', '.join(different)}: correct {FLOOR / 'generate.js'}")
    total, own = sum(len(resources) for resources in python.values()), len(python[stack])
    return f"Both synthesize the same {total} resources: {own} in each project stack, {total - own} in the shared ones."


def _templates(assembly: Path) -> dict[str, dict[str, Any]]:
    """The resources of every stack, without the metadata that no service sees."""
    found = {}
    for file in assembly.glob("*.template.json"):
        resources = json.loads(file.read_text(encoding="utf-8"))["Resources"]
        for resource in resources.values():
            resource.pop("Metadata", None)
            if resource["Type"] == "AWS::SageMaker::Pipeline":
                resource["Properties"]["PipelineDefinition"] = _definition(resource)
        found[file.name.removesuffix(".template.json")] = resources
    return found


def _definition(resource: Mapping[str, Any]) -> Any:
    """A pipeline's definition as values: Python and JavaScript write the same number or space in different ways."""
    parts = resource["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Join"][1]
    return json.loads("".join(part if isinstance(part, str) else str(part).replace('"', "'") for part in parts))
