"""A model card in Markdown, from records only: what no record says is said to be missing.

Sections follow Mitchell et al., "Model Cards for Model Reporting" (2019), and Hugging Face's annotated model card template. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from mlp.render import duration
from mlp.runs.card_facts import CardFacts, Version
from mlp.runs.lineage import DATA
from mlp.runs.pictures import mermaid
from mlp.runs.rows import SHORT_ID, short
from mlrecords.record import Data, RunRecord
from mlrecords.required import advice, missing
from mlrecords.states import has_succeeded

_JOBS = ("training-job", "processing-job", "transform-job", "tuning-job", "script")
_FEW = 12
"""Packages that a card lists; the record has all."""
_MANY = 200
_NOTES = (
    ("question", "What it was to answer"),
    ("interpretation", "What the results mean"),
    ("decision", "What was decided"),
)


def card(facts: CardFacts) -> str:
    """The card. Every section is there in every card, so that two cards can be laid side by side."""
    sections = (
        ("Model details", _details(facts)),
        ("Intended use", _notes(facts)),
        ("Data", _data(facts)),
        ("Training", _training(facts)),
        ("Evaluation", _evaluation(facts)),
        ("Environment and code", _environment(facts)),
        ("How to reproduce", _reproduce(facts)),
        ("Lineage", ["```mermaid", mermaid(facts.lineage).rstrip(), "```"]),
        ("Approvals", _approvals(facts)),
        ("Cost", _cost(facts)),
        ("Known lacks", _lacks(facts)),
    )
    lines = [
        f"# {_name(facts.record)}",
        "",
        f"Written from the run record `{facts.record.run_id}` and those that it came from.",
    ]
    for title, content in sections:
        lines += ["", f"## {title}", "", *content]
    return "\n".join(lines) + "\n"


def _details(facts: CardFacts) -> list[str]:
    record, trained = facts.record, facts.trained_by
    identity, status = record.identity, record.status
    return _table(
        ("", ""),
        [
            ("kind", identity.kind),
            ("name", _code(_name(record))),
            ("project", identity.project),
            ("made", _moment(identity.created_at or status.started_at)),
            ("by", _code(identity.created_by)),
            ("state", status.approval or status.state),
            ("algorithm", trained.algorithm.name),
            ("model file", next((_code(data.uri) for data in record.outputs.values() if data.role == "model"), None)),
            ("served by", _code(record.environment.image.uri if record.environment.image else None)),
            ("ARN", _code(identity.arn)),
        ],
    )


def _notes(facts: CardFacts) -> Iterator[str]:
    """Notes of people on the model and on what trained it, word by word."""
    found = [
        note
        for one in {one.run_id: one for one in (facts.record, facts.trained_by)}.values()
        for note in one.notes.values()
    ]
    for kind, title in (*_NOTES, ("note", "Notes")):
        yield from (f"### {title}", "")
        said = sorted((note for note in found if note.kind == kind), key=lambda note: note.at)
        if not said and kind != "note":
            yield f'No record says it: `mlp runs note {facts.record.run_id[:SHORT_ID]} --{kind} "..."`.'
        elif not said:
            yield "None."
        for note in said:
            yield from (f"> {line}".rstrip() for line in note.text.splitlines())
            yield from (f"> — {note.author}, {_moment(note.at)}", "")
        if not said:
            yield ""


def _data(facts: CardFacts) -> list[str]:
    """What the model was made from, and what was made from the model."""
    read = [
        (
            _code(data.uri),
            name,
            short(data.version) if data.version else "not known",
            _number(data.rows),
            _columns(data),
            one.identity.name,
        )
        for one in facts.runs
        if one.identity.kind in _JOBS
        for name, data in one.inputs.items()
        if data.role != "code"
    ]
    written = [
        (
            _code(node.name),
            edge.name,
            short(node.data.version) if node.data.version else "not known",
            _number(node.data.rows),
            _columns(node.data),
            facts.lineage.nodes[edge.source].name,
        )
        for edge in facts.lineage.edges
        if (node := facts.lineage.nodes[edge.target]).kind == DATA and node.data is not None
    ]
    head = ("place", "as", "version", "rows", "columns", "run")
    return [
        *(_table(head, read) if read else ["No record says what it was trained on."]),
        "",
        "Made with it:" if written else "Nothing that was made with it is recorded.",
        *(["", *_table(head, written)] if written else []),
    ]


def _training(facts: CardFacts) -> list[str]:
    trained = facts.trained_by
    hyperparameters, seeds = trained.algorithm.hyperparameters, trained.algorithm.seeds
    rows = [
        (name, _code(value), "seed" if name in seeds else "")
        for name, value in sorted({**seeds, **hyperparameters}.items())
    ]
    status, machines = trained.status, trained.environment.machines
    took = (status.ended_at - status.started_at).total_seconds() if status.started_at and status.ended_at else None
    where = (
        f" on {machines.instance_count or 1} x {machines.instance_type}" if machines and machines.instance_type else ""
    )
    return [
        f"{trained.identity.kind} `{trained.identity.name}` (run `{trained.run_id[:SHORT_ID]}`), {duration(took) or 'not timed'}{where}.",
        "",
        *(_table(("hyperparameter", "value", ""), rows) if rows else ["No hyperparameters are recorded."]),
    ]


def _evaluation(facts: CardFacts) -> list[str]:
    """Metrics beside those of the version before, by the step that measured them."""
    previous = facts.previous
    now, before = _metrics(facts.version), {} if previous is None else _metrics(previous)
    if not now:
        return ["No metrics are recorded."]
    head = ("metric", "of", "this", *((f"{_name(previous.record)}", "difference") if previous else ()))
    rows = [
        (
            name,
            of,
            short(value),
            *((_short(before.get((name, of))), _difference(value, before.get((name, of)))) if previous else ()),
        )
        for (name, of), value in sorted(now.items())
    ]
    return [*_table(head, rows), *([] if previous else ["", "There is no version before it to compare it with."])]


def _metrics(version: Version) -> dict[tuple[str, str], float]:
    """By metric and pipeline step, or kind where there is no step."""
    return {
        (name, one.tags.get("sagemaker:pipeline-step-name") or one.identity.kind): metric.value
        for one in reversed([*version.runs, *version.evaluated_by])
        for name, metric in one.metrics.items()
    }


def _environment(facts: CardFacts) -> list[str]:
    trained = facts.trained_by
    environment, code = trained.environment, trained.code
    image = environment.image
    packages = [f"{name} {version}" for name, version in sorted(environment.packages.items())]
    more = f" and {len(packages) - _FEW} more" if len(packages) > _FEW else ""
    state = {True: "with changes that were not committed", False: "nothing uncommitted", None: None}[code.dirty]
    return _table(
        ("", ""),
        [
            ("image", _code(image.uri if image else None)),
            ("image digest", _code(image.digest if image else None)),
            ("Python", environment.python),
            ("packages", ", ".join(packages[:_FEW]) + more),
            ("repository", _code(code.remote)),
            ("commit", _code(code.commit)),
            ("work tree", state),
            ("diff", _code(code.diff)),
            ("archive", _code(code.archive_uri)),
            ("archive SHA-256", _code(code.archive_sha256)),
            ("entry point", _code(" ".join(code.entry_point))),
        ],
    )


def _reproduce(facts: CardFacts) -> list[str]:
    return [
        "From the store alone, with a verdict:",
        "",
        "```console",
        f"mlp reproduce {facts.record.run_id}",
        "```",
        "",
        *_verdicts(facts),
    ]


def _verdicts(facts: CardFacts) -> Iterator[str]:
    """What came of it when somebody did."""
    made = [
        node.record
        for node in facts.lineage.nodes.values()
        if node.record and node.record.identity.kind == "reproduction"
    ]
    if not made:
        yield "Nobody has done so yet."
    for one in made:
        yield f"- {_moment(one.status.ended_at)}: **{one.tags.get('verdict', one.status.state)}**, by {_code(one.identity.created_by)}"


def _approvals(facts: CardFacts) -> list[str]:
    """Each change of the approval, with the moment at which SageMaker made it."""
    rows: list[tuple[str, str]] = []
    for observation in sorted(facts.observations, key=lambda one: one.order):
        approval = (observation.facts.get("status") or {}).get("approval")
        if approval is not None and (not rows or rows[-1][1] != approval):
            milliseconds = int(observation.order.partition(".")[0])
            rows.append((_moment(datetime.fromtimestamp(milliseconds / 1000, UTC)), approval))
    return _table(("when", "approval"), rows) if rows else ["It was neither approved nor rejected."]


def _cost(facts: CardFacts) -> list[str]:
    rows = [
        (f"{one.identity.kind} {one.identity.name}", one.cost.basis or "", f"{one.cost.usd:.4f}")
        for one in facts.runs
        if one.cost is not None and one.cost.usd is not None
    ]
    if not rows:
        return ["No cost is recorded."]
    total = sum(one.cost.usd for one in facts.runs if one.cost is not None and one.cost.usd is not None)
    return _table(("run", "what", "USD at list price"), [*rows, ("**all**", "", f"**{total:.4f}**")])


def _lacks(facts: CardFacts) -> list[str]:
    """What records lack to be reproducible, run by run."""
    lines = [
        f"- {one.identity.kind} `{one.identity.name}`: {sentence}"
        for one in facts.runs
        for sentence in (*missing(one), *(f"(advice) {said}" for said in advice(one)))
    ]
    failed = [
        one.identity.name for one in facts.runs if not has_succeeded(one.status.state) and one.identity.kind in _JOBS
    ]
    lines += [f"- {name} did not complete" for name in failed]
    if facts.lineage.is_cut:
        lines.append("- its lineage has more than is shown here")
    return lines or ["None: its records have everything that is required to run it again."]


def _name(record: RunRecord) -> str:
    arn = record.identity.arn or ""
    return arn.partition(":model-package/")[2] or record.identity.name


def _table(head: tuple[str, ...], rows: Iterable[Sequence[str | None]]) -> list[str]:
    """A table of Markdown; rows whose last value is not known are left out."""
    shown = [[_cell(value) for value in row] for row in rows if row[-1] is not None and (len(row) > 2 or row[-1])]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *shown)]


def _cell(value: str | None) -> str:
    text = " ".join((value or "").split())
    return (text if len(text) <= _MANY else f"{text[:_MANY]}...").replace("|", "\\|")


def _code(value: str | None) -> str | None:
    return f"`{value}`" if value else None


def _columns(data: Data) -> str:
    names = list(data.columns)
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _short(value: float | None) -> str:
    return "" if value is None else short(value)


def _difference(now: float, before: float | None) -> str:
    return "" if before is None else f"{now - before:+.4g}"


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else ""
