"""Which instance type a job gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrecords.codec import InvalidDocumentError, from_json
from mlscaling.jobs.ladder import GIB, USABLE_SHARE, Choice, Ladder, OutOfMemory, Rung, StepMemory, Usage, choose

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
LATER = NOW + timedelta(hours=6)
LADDER = Ladder(
    (
        Rung("ml.m5.large", 8, 2, 0.115),
        Rung("ml.r5.large", 16, 2, 0.151),
        Rung("ml.m5.xlarge", 16, 4, 0.23),
        Rung("ml.c5.xlarge", 8, 4, 0.204),
        Rung("ml.m5.2xlarge", 32, 8, 0.461),
    )
)


def usage(*records: tuple[float, float], instance_type: str = "ml.m5.large") -> StepMemory:
    """What jobs with so many GiB of input needed, in GiB."""
    return StepMemory(
        usage=tuple(Usage(instance_type, 1, int(size * GIB), 60.0, int(peak * GIB)) for size, peak in records)
    )


def chosen(memory: StepMemory = StepMemory(), *, gib: float = 1, ladder: Ladder = LADDER) -> Choice:  # noqa: B008
    return choose(ladder, memory, bytes=int(gib * GIB), now=NOW)


def test_the_first_run_is_guessed_from_its_bytes() -> None:
    assert chosen(gib=0.1).instance_type == "ml.m5.large"
    assert chosen(gib=1.5).instance_type == "ml.r5.large"
    assert chosen(gib=3).instance_type == "ml.m5.2xlarge"
    assert "guessed from 1 GiB of input" in chosen(gib=1).reason


def test_later_runs_get_what_earlier_ones_needed_and_some_more() -> None:
    assert chosen(usage((1, 5), (1, 5.5), (1, 5.2))).instance_type == "ml.m5.large"
    assert chosen(usage((1, 5), (1, 9), (1, 9.2))).instance_type == "ml.r5.large"


def test_a_fixed_part_is_told_from_one_that_grows_with_the_input() -> None:
    fixed = usage((1, 5), (2, 5.1), (3, 4.9), (4, 5), (5, 5))
    growing = usage((1, 2), (2, 3), (3, 4), (4, 5), (5, 6))

    assert chosen(fixed, gib=10).instance_type == "ml.m5.large"
    assert chosen(growing, gib=10).instance_type == "ml.r5.large"  # 11 GiB, and some more
    assert chosen(growing, gib=1).instance_type == "ml.m5.large"


def test_an_input_beyond_what_was_seen_once_is_taken_to_need_in_proportion() -> None:
    assert chosen(usage((1, 5)), gib=2).instance_type == "ml.r5.large"


def test_the_risk_of_another_attempt_is_weighed_against_the_price_of_more_memory() -> None:
    mostly_small = [(1, 5)] * 9 + [(1, 9)]
    half_price = Ladder((Rung("ml.m5.large", 8, 2, 0.1), Rung("ml.r5.large", 16, 2, 0.2)))
    almost_as_cheap = Ladder((Rung("ml.m5.large", 8, 2, 0.1), Rung("ml.r5.large", 16, 2, 0.11)))

    assert chosen(usage(*mostly_small), ladder=half_price).instance_type == "ml.m5.large"
    assert chosen(usage(*mostly_small), ladder=almost_as_cheap).instance_type == "ml.r5.large"


def test_without_all_prices_the_first_rung_with_little_risk_is_taken() -> None:
    unpriced = Ladder((Rung("ml.m9.xlarge", 16), Rung("ml.m5.large", 8, 2, 0.115)))

    assert chosen(usage((1, 5)), ladder=unpriced).instance_type == "ml.m9.xlarge"
    assert chosen(usage((1, 5), (1, 9)), ladder=Ladder(unpriced.rungs[::-1])).instance_type == "ml.m9.xlarge"


def test_a_rung_that_was_too_small_is_never_taken_again_for_as_large_an_input() -> None:
    memory = replace(usage((1, 5)), out_of_memory=(OutOfMemory(GIB, 8 * GIB),))

    assert chosen(memory, gib=1).instance_type == "ml.r5.large"
    assert chosen(memory, gib=0.99).instance_type == "ml.m5.large"
    assert "8 GiB were too little before" in chosen(memory, gib=1).reason


def test_without_capacity_another_type_with_as_much_memory_is_taken_until_the_time_is_over() -> None:
    short = StepMemory(no_capacity={"ml.r5.large": LATER})

    assert chosen(short, gib=1.5).instance_type == "ml.m5.xlarge"
    assert "no capacity of ml.r5.large" in chosen(short, gib=1.5).reason
    assert choose(LADDER, short, bytes=int(1.5 * GIB), now=LATER).instance_type == "ml.r5.large"


def test_when_no_type_that_is_large_enough_has_capacity_the_first_to_be_asked_again_is_taken() -> None:
    short = StepMemory(
        no_capacity={
            "ml.r5.large": LATER,
            "ml.m5.xlarge": LATER - timedelta(hours=1),
            "ml.m5.2xlarge": LATER,
        }
    )

    assert chosen(short, gib=1.5).instance_type == "ml.m5.xlarge"


def test_a_job_that_is_too_large_for_every_rung_gets_the_largest() -> None:
    assert chosen(usage((1, 50))).instance_type == "ml.m5.2xlarge"
    assert "nothing larger is allowed" in chosen(usage((1, 50))).reason
    assert not chosen(usage((1, 50))).exhausted


def test_after_the_largest_rung_the_ladder_is_exhausted() -> None:
    choice = chosen(StepMemory(out_of_memory=(OutOfMemory(0, 32 * GIB),)))

    assert (choice.instance_type, choice.exhausted) == ("ml.m5.2xlarge", True)


def test_a_ladder_that_is_none_is_refused_with_all_problems() -> None:
    with pytest.raises(InvalidDocumentError, match=r"ladder.rungs\[0\] has no memory_gib.*max_instances is 'two'"):
        from_json(Ladder, {"rungs": [{"instance_type": "ml.m5.large"}], "max_instances": "two"}, "ladder")


sizes = st.integers(0, 200 * GIB)
memories = st.builds(
    StepMemory,
    usage=st.lists(
        st.builds(
            Usage,
            st.sampled_from(["ml.m5.large", "ml.gone.large"]),
            st.integers(0, 10**9),
            sizes,
            st.floats(0, 10**6),
            sizes,
        ),
        max_size=20,
    ).map(tuple),
    out_of_memory=st.lists(st.builds(OutOfMemory, sizes, sizes), max_size=5).map(tuple),
    no_capacity=st.dictionaries(st.sampled_from([rung.instance_type for rung in LADDER.rungs]), st.just(LATER)),
)


@settings(max_examples=200, deadline=None)
@given(memories, sizes)
def test_a_choice_is_on_the_ladder_and_above_what_failed(memory: StepMemory, bytes: int) -> None:
    choice = choose(LADDER, memory, bytes=bytes, now=NOW)

    rung = LADDER.rung(choice.instance_type)
    assert rung is not None
    assert rung.memory_gib == choice.memory_gib
    failed = max((found.memory_bytes for found in memory.out_of_memory if found.bytes <= bytes), default=0)
    assert choice.exhausted == all(rung.memory_bytes <= failed for rung in LADDER.rungs)
    assert choice.exhausted or choice.memory_bytes > failed


@settings(max_examples=200, deadline=None)
@given(memories, sizes, st.integers(0, GIB))
def test_running_out_of_memory_always_leads_to_more_until_the_ladder_ends(
    memory: StepMemory, bytes: int, more: int
) -> None:
    """At most one attempt for each amount of memory on the ladder, whatever is remembered."""
    taken: list[int] = []
    while not (choice := choose(LADDER, memory, bytes=bytes + more * len(taken), now=NOW)).exhausted:
        taken.append(choice.memory_bytes)
        memory = memory.with_out_of_memory(OutOfMemory(bytes, choice.memory_bytes))

    assert taken == sorted(set(taken))
    assert len(taken) <= len({rung.memory_bytes for rung in LADDER.rungs})


@settings(max_examples=200, deadline=None)
@given(memories, sizes)
def test_a_shortage_of_capacity_never_leads_to_less_memory(memory: StepMemory, bytes: int) -> None:
    first = choose(LADDER, replace(memory, no_capacity={}), bytes=bytes, now=NOW)

    asked = [first.instance_type]
    memory = replace(memory, no_capacity={first.instance_type: LATER})
    for _ in LADDER.rungs:
        choice = choose(LADDER, memory, bytes=bytes, now=NOW)
        assert choice.memory_bytes >= min(first.memory_bytes, _least_enough(memory, bytes))
        asked.append(choice.instance_type)
        memory = memory.with_no_capacity(choice.instance_type, LATER, NOW)

    assert set(asked) <= {rung.instance_type for rung in LADDER.rungs}


def _least_enough(memory: StepMemory, bytes: int) -> int:
    """The smallest rung on which the job fits by the very same estimate."""
    alone = [
        rung
        for rung in LADDER.rungs
        if "nothing larger" not in choose(Ladder((rung,)), memory, bytes=bytes, now=NOW).reason
    ]
    return min((rung.memory_bytes for rung in alone), default=LADDER.rungs[-1].memory_bytes)


def test_the_usable_share_is_kept_free_for_the_system() -> None:
    just_fits = 8 * USABLE_SHARE / LADDER.memory_safety * 0.999

    assert chosen(usage(*[(1, just_fits)] * 20)).instance_type == "ml.m5.large"
    assert chosen(usage(*[(1, just_fits * LADDER.memory_safety * 1.01)] * 20)).instance_type == "ml.r5.large"


def test_what_was_killed_for_another_reason_costs_no_later_job_a_larger_machine() -> None:
    small, large, other = OutOfMemory(100, 4 * GIB), OutOfMemory(100, 32 * GIB), OutOfMemory(200, 32 * GIB)
    memory = StepMemory(out_of_memory=(small, large, other))

    after = memory.without_kills(bytes=100, peak_memory_bytes=3 * GIB)

    assert after.out_of_memory == (
        small,
        other,
    )  # 4 GiB may be too little for a bad day; for more input nothing is known.
    assert choose(LADDER, after, bytes=100, now=NOW).memory_gib < 32
