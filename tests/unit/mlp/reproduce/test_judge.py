"""From runs to the verdict: how often it is run, what is learned from it, which cause is given."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mlp.reproduce.judge import Judge
from mlp.reproduce.noise import REPEATS
from mlp.reproduce.verdict import Cause, Finding, Result, Verdict, cannot

SEED = random.randrange(10**6)


def finding(cause: Cause) -> Finding:
    return Finding(cause=cause, sentence=f"something with the {cause}")


@dataclass
class Computation:
    """A recorded computation: a function of a seed and of chance."""

    recorded: Result
    compute: Callable[[int, random.Random], Result]
    has_moved: Sequence[Finding] = ()
    used_other_seeds: Sequence[Finding] = ()
    known_differences: Sequence[Finding] = ()
    can_vary_seed: bool = False
    generator: random.Random = field(default_factory=lambda: random.Random(SEED))

    def moved(self) -> tuple[Sequence[Finding], Sequence[str]]:
        return self.has_moved, ["names"]

    def prepare(self) -> None:
        """Nothing to prepare."""

    def run(self, *, seed_offset: int = 0) -> Result:
        return self.compute(7 + seed_offset, self.generator)

    def seed_findings(self, result: Result) -> Sequence[Finding]:
        return self.used_other_seeds

    def differences(self) -> Sequence[Finding]:
        return self.known_differences


def rmse(value: float, **outputs: str) -> Result:
    return Result(metrics={"rmse": value}, outputs=outputs)


def judged(computation: Computation, *, as_recorded: bool = False) -> Verdict:
    print(f"seed {SEED}")
    return Judge(subject=computation, as_recorded=as_recorded).verdict()


def test_what_is_equal_at_once_runs_once() -> None:
    verdict = judged(Computation(rmse(0.5, model="a"), lambda seed, chance: rmse(0.5, model="a")))
    assert (verdict.title, verdict.runs) == ("reproduced", 1)


def test_a_name_that_moved_stops_it_before_it_runs() -> None:
    computation = Computation(rmse(0.5), lambda seed, chance: rmse(0.5), has_moved=[finding(Cause.DATA)])
    assert (judged(computation).title, judged(computation).runs) == ("not reproduced: data", 0)
    verdict = judged(computation, as_recorded=True)
    assert verdict.title == "reproduced"
    assert any("something with the data" in sentence for sentence in verdict.checked)


def test_noise_is_learned_from_repeats_and_outputs_that_vary_do_not_count() -> None:
    def noisy(seed: int, chance: random.Random) -> Result:
        return rmse(40 + chance.gauss(0, 1), model=str(chance.random()))

    near = judged(Computation(rmse(40.0, model="recorded"), noisy))
    far = judged(Computation(rmse(400.0, model="recorded"), noisy))

    assert (near.title, near.runs) == ("reproduced", REPEATS)
    assert far.title == "not reproduced: unexplained"
    assert near.sentences[0].startswith("0 of 1 metrics are equal, 1 within what 5 runs of it vary")


def test_without_noise_the_last_digit_counts() -> None:
    verdict = judged(Computation(rmse(0.1 + 0.2), lambda seed, chance: rmse(0.3)))
    assert verdict.sentences == ("metric rmse was 0.30000000000000004 and is 0.3, and repeats give 0.3 +- 0",)


def test_a_difference_that_is_known_is_the_cause_only_if_it_comes_out_differently() -> None:
    known = [finding(Cause.ENVIRONMENT)]
    assert judged(Computation(rmse(0.5), lambda s, c: rmse(0.5), known_differences=known)).title == "reproduced"
    assert judged(Computation(rmse(0.5), lambda s, c: rmse(0.6), known_differences=known)).cause == Cause.ENVIRONMENT


def test_what_only_another_seed_gives_was_recorded_with_one() -> None:
    def seeded(seed: int, chance: random.Random) -> Result:
        return rmse(random.Random(seed).gauss(40, 1))

    verdict = judged(Computation(seeded(99, random.Random()), seeded, can_vary_seed=True))
    assert (verdict.title, verdict.runs) == ("not reproduced: seed", 2 * REPEATS)


def test_seeds_that_the_code_did_not_use_are_told_although_it_is_equal() -> None:
    computation = Computation(rmse(0.5), lambda s, c: rmse(0.5), used_other_seeds=[finding(Cause.SEED)])
    assert judged(computation).title == "not reproduced: seed"


def test_an_output_that_is_always_the_same_and_not_as_recorded_speaks_against_the_run() -> None:
    other = Computation(rmse(1, model="x"), lambda s, c: rmse(1, model="y"))
    missing = Computation(rmse(1, model="x"), lambda s, c: rmse(1))
    assert judged(other).sentences == ("output model holds something else than recorded",)
    assert judged(missing).sentences == ("output model was not written",)


def test_a_run_that_fails_is_a_verdict_too() -> None:
    def fails(seed: int, chance: random.Random) -> Result:
        raise cannot(Cause.MISSING_FILE, "rows.csv is gone")

    assert judged(Computation(rmse(1), fails)).title == "not reproduced: missing file"
