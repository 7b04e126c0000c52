"""Selective execution: some steps run, and what they need of the others comes from a source execution.

Source: the developer guide, "Selective execution of pipeline steps", and the API reference, SelectiveExecutionConfig.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from mllocal.execution.graph import Node
from mllocal.sagemaker.store import Document

SOURCE_STATUSES = ("Failed", "Stopped", "Succeeded", "CompletedWithFailures")


def selection_problems(nodes: Mapping[str, Node], names: Collection[str], source: Document | None) -> list[str]:
    """Why a selection cannot run, one sentence each; `source` is the execution that values of other steps come from."""
    unknown = [name for name in names if name not in nodes]
    if unknown:
        steps = ", ".join(nodes)
        return [f"selected step {name!r} is not one of the pipeline's; it has {steps}" for name in unknown]
    twice = [name for name, number in Counter(names).items() if number > 1]
    return [
        *(f"step {name!r} is selected twice; name it once" for name in twice),
        *_gaps(nodes, set(names)),
        *_missing_values(nodes, set(names), source),
    ]


def needed_from_source(nodes: Mapping[str, Node], names: Collection[str]) -> list[str]:
    """The steps not selected that selected ones wait for, in the order they are written."""
    needed = {other for name in names for other in nodes[name].waits_for} - set(names)
    return [name for name in nodes if name in needed]


def reused_steps(nodes: Mapping[str, Node], names: Collection[str], source: Document) -> dict[str, Document]:
    """The steps of the source execution that stand in for those not selected, each saying where it comes from."""
    origin = {"SelectiveExecutionResult": {"SourcePipelineExecutionArn": source["PipelineExecutionArn"]}}
    return {name: {**source["Steps"][name], **origin} for name in needed_from_source(nodes, names)}


def _gaps(nodes: Mapping[str, Node], names: set[str]) -> Iterator[str]:
    """A step on a path between two selected ones must be selected too."""
    before = {name: _all_before(nodes, name) for name in nodes}
    for name in nodes:
        if name in names:
            continue
        above = next((other for other in sorted(before[name]) if other in names), None)
        below = next((other for other in nodes if other in names and name in before[other]), None)
        if above is not None and below is not None:
            yield f"step {name!r} lies between the selected steps {above!r} and {below!r}; select it too"


def _all_before(nodes: Mapping[str, Node], name: str) -> set[str]:
    """Every step that a step waits for, over whatever others."""
    found: set[str] = set()
    pending = list(nodes[name].waits_for)
    while pending:
        other = pending.pop()
        if other not in found:
            found.add(other)
            pending.extend(nodes[other].waits_for)
    return found


def _missing_values(nodes: Mapping[str, Node], names: set[str], source: Document | None) -> Iterator[str]:
    for name in (name for name in nodes if name in names):
        for other in sorted(nodes[name].waits_for - names):
            if source is None:
                yield (
                    f"selected step {name!r} needs step {other!r}, which is not selected; "
                    "select it too or give SourcePipelineExecutionArn"
                )
            else:
                yield from _problems_in_source(nodes[name], other, source)


def _problems_in_source(node: Node, other: str, source: Document) -> Iterator[str]:
    step = source["Steps"].get(other)
    arn = source["PipelineExecutionArn"]
    if step is None:
        yield f"selected step {node.name!r} needs step {other!r}, which did not run in {arn}; select it too"
    elif not node.runs_after(other, step["StepStatus"]):
        status = step["StepStatus"]
        yield f"selected step {node.name!r} needs step {other!r}, which is {status} in {arn}; select it too"
    elif node.branch and node.branch[0] == other and step["Properties"]["Outcome"] != str(node.branch[1]):
        yield (
            f"selected step {node.name!r} is in a branch of {other!r} that was not taken in {arn}; select {other!r} too"
        )
