"""A script that `mlplatform.track` recorded, run again in a clean directory."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlp.reproduce import python_environment, repository, seeds
from mlp.reproduce.content import fingerprint
from mlp.reproduce.failures import failed
from mlp.reproduce.pinned import PinnedObject, Pins, file_path
from mlp.reproduce.python_environment import PythonEnvironment
from mlp.reproduce.verdict import Cause, Finding, NotReproducibleError, Result, cannot
from mlrecords.canonical import digest
from mlrecords.record import RunRecord

REPRODUCING = "MLP_REPRODUCING"
"""Where `mlplatform.track` leaves `result.json` instead of a run: `{"metrics": {name: number}, "outputs": {name: sha256}}`.
`inputs.json` there says which file or directory holds the content that an input's name meant: `{name: path}`."""

MASK = "*** masked"
_INSIDE = Path(__file__).parent / "inside"


@dataclass(kw_only=True)
class Script:
    """A `judge.Subject`. `here` is the directory of whoever asks: its repository may be the script's own."""

    record: RunRecord
    pins: Pins
    directory: Path
    here: Path
    say: Callable[[str], None] = lambda line: None
    _environment: PythonEnvironment | None = None
    _places: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    @cached_property
    def recorded(self) -> Result:
        outputs = {name: data.version for name, data in self.record.outputs.items() if data.version is not None}
        return Result(
            metrics={name: metric.value for name, metric in self.record.metrics.items()},
            outputs={name: self._recorded_output(name, version) for name, version in outputs.items()},
        )

    def moved(self) -> tuple[Sequence[Finding], Sequence[str]]:
        record = self.record
        findings = list(
            seeds.contradictions(record.algorithm.seeds, record.code.entry_point, record.environment.variables)
        )
        inputs = self._inputs()
        for name, data in record.inputs.items():
            found = self.pins.added(data, self.pins.objects(name, data))
            findings += [found] if found else []
        for pinned in inputs:
            found = self.pins.moved(pinned)
            findings += [found] if found else []
        return findings, (f"{len(inputs)} objects of {len(record.inputs)} inputs: what their names mean now",)

    def prepare(self) -> None:
        self.say("checking out the code")
        repository.check_out(self.record.code, self.pins.store, self._root, self.here)
        problems = [*self._place_inputs(), *self._missing_entry_point()]
        if problems:
            raise NotReproducibleError(*problems)
        self.say(
            f"building the environment: Python {self.record.environment.python}, {len(self.record.environment.packages)} packages"
        )
        self._environment = python_environment.build(self.record.environment)

    def run(self, *, seed_offset: int = 0) -> Result:
        self._count += 1
        private = self.directory / f"run-{self._count}"
        private.mkdir()
        (private / "inputs.json").write_text(json.dumps(self._places))
        with (private / "log.txt").open("wb") as log:
            done = subprocess.run(
                self._command(seed_offset),
                cwd=self._working_directory,
                env=self._variables(private, seed_offset),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            said = (private / "log.txt").read_text(errors="replace")
            masked = ", ".join(sorted(name for name, value in self._recorded_variables.items() if MASK in value))
            raise failed(
                " ".join(self.record.code.entry_point),
                said or f"exit code {done.returncode}",
                masked=masked,
            )
        result = _result(private)
        outputs = {name: self._output(name, written) for name, written in result.outputs.items()}
        return dataclasses.replace(result, outputs=outputs)

    def seed_findings(self, result: Result) -> Sequence[Finding]:
        recorded = self.record
        return tuple(seeds.unused(recorded.algorithm.seeds, result.seeds, recorded.code.entry_point, self._root))

    def differences(self) -> Sequence[Finding]:
        return self._built.differences

    @property
    def can_vary_seed(self) -> bool:
        return self._command(1) != self._command(0) or self._seeded_variables(1) != self._seeded_variables(0)

    @property
    def _built(self) -> PythonEnvironment:
        if self._environment is None:
            raise RuntimeError("the script is prepared before it runs")
        return self._environment

    @property
    def _root(self) -> Path:
        return self.directory / "repository"

    @property
    def _working_directory(self) -> Path:
        return self._root / (self.record.code.directory or ".")

    @property
    def _recorded_variables(self) -> Mapping[str, str]:
        return self.record.environment.variables

    def _inputs(self) -> list[PinnedObject]:
        return [pinned for name, data in self.record.inputs.items() for pinned in self.pins.objects(name, data)]

    def _file(self, name: str) -> PinnedObject | None:
        """An output that is one file, in the working copy."""
        objects = self.pins.objects(name, self.record.outputs[name])
        return objects[0] if len(objects) == 1 and objects[0].place.startswith("file:") else None

    def _recorded_output(self, name: str, version: str) -> str:
        """What the file held, where that is kept; otherwise its hash, or the version of a directory, as track writes it down."""
        file = self._file(name)
        if file is None:
            return version
        return fingerprint(self.pins.content(file)) if self.pins.is_kept(file) else file.sha256 or version

    def _output(self, name: str, written: str) -> str:
        """The same of what the run just wrote."""
        file = self._file(name) if name in self.record.outputs else None
        path = None if file is None else self._root / file_path(file.place)
        if file is None or path is None or not path.is_file() or not self.pins.is_kept(file):
            return written
        content = path.read_bytes()
        return fingerprint(content) if digest(content) == written else written

    def _place_inputs(self) -> list[Finding]:
        """Put what the inputs held where the script looks for it; what cannot be had."""
        problems: list[Finding] = []
        for pinned in self._inputs():
            try:
                self._place(pinned)
            except NotReproducibleError as error:
                problems += error.findings
        return problems

    def _place(self, pinned: PinnedObject) -> None:
        target = self._path_of(pinned)
        if not target.resolve().is_relative_to(self.directory.resolve()):
            raise cannot(Cause.MISSING_FILE, f"input {pinned.name} ({pinned.place}) lies outside of its repository")
        if target.is_file() and pinned.sha256 == digest(target.read_bytes()):
            return
        content = self.pins.content(pinned)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def _path_of(self, pinned: PinnedObject) -> Path:
        path = Path(file_path(pinned.uri))
        if pinned.uri.startswith("s3://") or path.is_absolute():
            base = self.directory / "inputs" / pinned.name / path.name
        else:
            base = self._root / path
        self._places[pinned.name] = str(base)
        return base / pinned.item.key.lstrip("/") if pinned.item.key else base

    def _missing_entry_point(self) -> list[Finding]:
        command = self.record.code.entry_point
        script = next((word for word in command if word.endswith((".py", ".sh"))), None)
        if not command:
            return [Finding(cause=Cause.CODE, sentence="the record does not say which command ran")]
        if script is None or Path(script).is_absolute() or (self._working_directory / script).is_file():
            return []
        place = f"{self.record.code.directory or '.'}/{script}"
        return [
            Finding(
                cause=Cause.MISSING_FILE,
                sentence=f"the script {place} is neither in the commit nor in the recorded patch",
            )
        ]

    def _command(self, seed_offset: int) -> list[str]:
        words = seeds.with_other_seeds(self.record.code.entry_point, self.record.algorithm.seeds, seed_offset)
        moved = {file_path(data.uri): self._places.get(name) for name, data in self.record.inputs.items()}
        words = [moved.get(word) or word if Path(word).is_absolute() else word for word in words]
        return [self._built.python, *words]

    def _seeded_variables(self, seed_offset: int) -> dict[str, str]:
        return seeds.moved_values(self._recorded_variables, self.record.algorithm.seeds, seed_offset)

    def _variables(self, private: Path, seed_offset: int) -> dict[str, str]:
        """Nothing of this shell but how to reach AWS and a package index; the recorded variables; and the private place."""
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        known = {name: value for name, value in self._seeded_variables(seed_offset).items() if MASK not in value}
        passed = {name: value for name, value in os.environ.items() if name.startswith("AWS_") or name == "LANG"}
        path = [str(_INSIDE), *filter(None, [known.pop("PYTHONPATH", "")])]
        return {
            **passed,
            "HOME": str(home),
            "TMPDIR": str(home),
            "PYTHONPYCACHEPREFIX": str(self._built.bytecode),
            **known,
            "PATH": os.pathsep.join([str(self._built.bin), os.defpath]),
            "PYTHONPATH": os.pathsep.join(path),
            "MLFLOW_TRACKING_URI": f"sqlite:///{private / 'mlflow.db'}",
            "MLP_SEEDS": str(private / "seeds.txt"),
            REPRODUCING: str(private),
        }


def _result(private: Path) -> Result:
    file = private / "result.json"
    if not file.is_file():
        raise cannot(Cause.CODE, "the script ended without a result: at this commit it does not use mlplatform.track")
    document = json.loads(file.read_text())
    noted = private / "seeds.txt"
    lines = frozenset(noted.read_text().split()) if noted.is_file() else frozenset()
    return Result(
        metrics={name: float(value) for name, value in document.get("metrics", {}).items()},
        outputs={
            name: f"sha256:{value.removeprefix('sha256:')}" for name, value in document.get("outputs", {}).items()
        },
        seeds=None if "?" in lines else lines,
    )
