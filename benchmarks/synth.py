"""Synth time at 1, 10 and 50 projects, beside the same resources in plain JavaScript on aws-cdk-lib.

The floor is generated from what our constructs synthesize today: one typed L1 constructor call for each resource, the
same properties, the same files staged. That is less than a person would write in JavaScript, who would use L2s too:
it is the least that aws-cdk-lib needs for these resources. Both programs run without the CDK CLI, as it starts them.
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


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print."""
    generated = scratch / "floor"
    platform = yaml.safe_load((ROOT / "platform.yaml").read_text(encoding="utf-8"))
    name = platform["projects"][0]["name"]
    for count in PROJECTS:
        (scratch / f"platform-{count}.yaml").write_text(organization(platform, count), encoding="utf-8")
    python = partial(_python, scratch)
    javascript = partial(_javascript, scratch, generated)
    python(1, "false")
    stack = f"mlp-dev-project-{name}"
    _execute(["node", str(FLOOR / "generate.js"), str(scratch / "python"), stack, name, str(generated)], {})
    javascript(1, "false")
    console.print(_same_resources(scratch, stack))

    table = Table(title="Synth, seconds (min / median / max)", title_justify="left")
    for column in ("validation", "projects", PYTHON, JAVASCRIPT, "ratio"):
        table.add_column(column, justify="right")
    for validation, label in (("false", "off"), ("true", "on")):
        samples = {count: _measured(python, javascript, count, validation, repetitions) for count in PROJECTS}
        for count, sample in samples.items():
            table.add_row(label, str(count), str(sample[PYTHON]), str(sample[JAVASCRIPT]), _ratio(sample))
        table.add_row(label, "each more", *_marginal(samples))
        table.add_section()
    console.print(table)


def organization(platform: Mapping[str, Any], count: int) -> str:
    """platform.yaml with `count` projects like its first."""
    first = platform["projects"][0]
    others = [{**first, "name": f"{first['name']}-{index}"} for index in range(1, count)]
    return yaml.safe_dump({**platform, "projects": [first, *others]}, sort_keys=False)


def _measured(
    python: Callable[[int, str], None],
    javascript: Callable[[int, str], None],
    count: int,
    validation: str,
    repetitions: int,
) -> dict[str, Sample]:
    subjects = {PYTHON: partial(python, count, validation), JAVASCRIPT: partial(javascript, count, validation)}
    return measure(subjects, repetitions=repetitions)


def _ratio(sample: Mapping[str, Sample]) -> str:
    return ratio(sample[PYTHON], sample[JAVASCRIPT])


def _marginal(samples: Mapping[int, Mapping[str, Sample]]) -> tuple[str, str, str]:
    """What one more project costs, from the medians of the two larger organizations."""
    fewer, more = PROJECTS[-2:]
    cost = {
        name: (samples[more][name].median - samples[fewer][name].median) / (more - fewer)
        for name in (PYTHON, JAVASCRIPT)
    }
    milliseconds = (f"{cost[name] * 1000:.0f} ms" for name in (PYTHON, JAVASCRIPT))
    return (*milliseconds, f"{cost[PYTHON] / cost[JAVASCRIPT]:.2f}")  # type: ignore[return-value]


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


def _javascript(scratch: Path, generated: Path, count: int, validation: str) -> None:
    command = ["node", str(FLOOR / "app.js"), str(generated), str(count), str(scratch / "javascript")]
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    context = {**flags, "aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
    _execute(
        command,
        {
            "CDK_VALIDATION": validation,
            "CDK_CONTEXT_JSON": json.dumps(context),
            "NODE_PATH": str(FLOOR / "node_modules"),
        },
    )


def _execute(command: list[str], variables: Mapping[str, str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{done.stderr[-4000:]}")


def _same_resources(scratch: Path, stack: str) -> str:
    """Say that both programs describe the same; exit when they do not, for then the ratio means nothing."""
    python, javascript = (_templates(scratch / language) for language in ("python", "javascript"))
    different = sorted(name for name in python if python[name] != javascript.get(name))
    if different:
        sys.exit(f"the floor differs from the constructs in {', '.join(different)}: correct {FLOOR / 'generate.js'}")
    total = sum(len(resources) for resources in python.values())
    own = len(python[stack])
    return f"Both synthesize the same {total} resources: {own} in each project stack, {total - own} in the shared ones."


def _templates(assembly: Path) -> dict[str, dict[str, Any]]:
    """The resources of every stack, without what the CLI adds for its own use."""
    found = {}
    for file in assembly.glob("*.template.json"):
        resources = json.loads(file.read_text(encoding="utf-8"))["Resources"]
        for resource in resources.values():
            resource.pop("Metadata", None)
        found[file.name.removesuffix(".template.json")] = resources
    return found
