"""The thirty experiments: what is run, and what its record says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mlrecords.record import Data
from tests.local.reproduce.recording import Laboratory


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One command, with the seeds that its record names. Representative ones run in each `make test`."""

    name: str
    command: tuple[str, ...]
    seeds: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    inputs: Callable[[Laboratory], Mapping[str, Data]] = lambda laboratory: {}
    is_representative: bool = False

    def record(self, laboratory: Laboratory) -> str:
        """Run and record it."""
        return laboratory.record(
            self.command, inputs=self.inputs(laboratory), seeds=self.seeds, variables=self.variables
        )


def _tabular(model: str, seed: int, *, representative: bool = False) -> Experiment:
    command = ("tabular.py", "--model", model, "--seed", str(seed))
    return Experiment(
        name=f"sklearn {model}", command=command, seeds={"seed": str(seed)}, is_representative=representative
    )


def _boosted(name: str, seed: int, *options: str, representative: bool = False) -> Experiment:
    command = ("boosted.py", f"--seed={seed}", *options)
    return Experiment(
        name=f"LightGBM {name}", command=command, seeds={"seed": str(seed)}, is_representative=representative
    )


def _plain(method: str, seed: int | None = 3, *, representative: bool = False, **variables: str) -> Experiment:
    given = () if seed is None else ("--random-state", str(seed))
    seeds = {} if seed is None else {"random_state": str(seed)}
    return Experiment(
        name=f"numpy {method}",
        command=("plain.py", method, *given),
        seeds=seeds,
        variables=variables,
        is_representative=representative,
    )


def _series(model: str, *, representative: bool = False, **variables: str) -> Experiment:
    seed = {"SERIES_SEED": variables["SERIES_SEED"]} if variables else {}
    return Experiment(
        name=f"series {model}",
        command=("series.py", "--model", model),
        seeds=seed,
        variables=variables,
        inputs=lambda laboratory: {"history": laboratory.file("data/hourly.csv")},
        is_representative=representative,
    )


SERIES_FROM_S3 = Experiment(
    name="series from S3 by its version",
    command=("series.py",),
    inputs=lambda laboratory: {"history": laboratory.upload("hourly.csv", "data/hourly.csv")},
)

EXPERIMENTS = (
    _tabular("logistic", 1),
    _tabular("forest", 2),
    _tabular("boosting", 3),
    _tabular("neighbors", 4),
    _tabular("network", 5),
    _tabular("ridge", 6),
    _tabular("sgd", 7),
    _tabular("tree", 8, representative=True),
    _tabular("forest-regression", 9),
    _tabular("boosting-regression", 10),
    _tabular("support-vectors", 11),
    _boosted("regression", 1, representative=True),
    _boosted("classification", 2, "--objective", "binary"),
    _boosted("absolute error", 3, "--objective", "regression_l1"),
    _boosted("quantile", 4, "--objective", "quantile"),
    _boosted("two threads", 5, "--threads", "2"),
    _boosted("no sampling", 6, "--bagging", "1.0"),
    _plain("least-squares"),
    _plain("logistic"),
    _plain("clusters", representative=True),
    _plain("autoregression"),
    _plain("annealing"),
    _plain("hashes", None, PYTHONHASHSEED="12"),
    _plain("noisy", None),
    Experiment(name="numpy without a recorded seed", command=("plain.py", "clusters")),
    _series("linear"),
    _series("forest", SERIES_SEED="4"),
    _series("gradient", representative=True, SERIES_SEED="5"),
    _series("naive"),
    SERIES_FROM_S3,
)
