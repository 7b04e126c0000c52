"""What a proof makes of a synthesis: it stops, warns or says so, by files that are read then."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match
from typer.testing import CliRunner

from mlp.main import app as mlp
from mlplatform import InvalidPropsError, ScalingProof, read_scaling
from mlplatform.project import PublishedOutput
from mlrecords.codec import to_json
from mlscaling import (
    Event,
    ForecastFloor,
    Objective,
    PublishedForecast,
    Scaling,
    Step,
    StepScaling,
    TimesUsual,
)
from mlscaling.replay.fleet import Fleet, Provisioning
from mlscaling.search.reasons import describe
from tests.conftest import REPOSITORY
from tests.unit.pipeline.synthesis import new_project
from tests.unit.scaling.demand import write_demand
from tests.unit.scaling.quotes import TARGET, TRACKING, define, synthesized

NO_FORECAST = Scaling(maximum=60, target=TRACKING)
ENOUGH = Scaling(minimum=25, maximum=60, target=TRACKING)


def test_a_policy_without_a_proof_warns_what_to_run(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    project = new_project(app)
    define(NO_FORECAST)(project)

    Annotations.from_stack(project.node.scope).has_warning(  # type: ignore[arg-type]
        "/stack-demo/Project/Scaling",
        Match.string_like_regexp(
            r"ships unproved.*mlp scaling history ENDPOINT.*mlp loadtest ENDPOINT.*ScalingProof\(demand="
        ),
    )


def test_a_policy_that_misses_its_objective_stops_the_synthesis(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10, usd_per_instance_hour=0.23)

    with pytest.raises(InvalidPropsError) as raised:
        synthesized(tmp_path / "out", NO_FORECAST, proof=proof)

    (said,) = raised.value.problems
    assert str(raised.value).startswith("scaling of endpoint 'quotes':")
    assert "of the requests of trace 'noon' wait too long or are rejected, and 0.100% may" in said
    assert "in its worst minute, 2026-03-0" in said
    assert "would meet it: " in said
    assert " times as much\n" in said
    assert "or say with `although` why this one may go out without" in said


def test_the_command_that_a_proof_says_finds_the_policy_that_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.csv").write_text("name,at,capacity,minutes\nspot,2026-03-03T12:00:00+00:00,3,60\n")
    spot = Event(name="spot", at=datetime(2026, 3, 3, 12, tzinfo=UTC), capacity=3)
    policy = dataclasses.replace(NO_FORECAST, calendar=(spot,))
    proof = ScalingProof(
        demand=write_demand(tmp_path, days=3), requests_per_second=10, objective=Objective(served_share=0.99)
    )

    with pytest.raises(InvalidPropsError) as raised:
        proof.prove(policy, max_queued_requests=8)

    (said,) = raised.value.problems
    (better,) = re.findall("would meet it: (.*); .* of the requests", said)
    (command,) = re.findall("take it: `(.*)`, with the calendar as events.csv, writes it for read_scaling", said)
    assert command == (
        "mlp scaling tune noon.csv --rps 10 --provisioning-seconds 300 --max-queued-requests 8 --served 0.99 "
        "--minimum 1 --maximum 60 --calendar events.csv --out policy.json"
    )
    assert CliRunner().invoke(mlp, shlex.split(command)[1:]).exit_code == 0
    fleet = Fleet(requests_per_second=10, provisioning=Provisioning.fixed(300))
    assert describe(read_scaling("policy.json"), fleet) == better


def test_a_policy_that_meets_its_objective_says_so_in_the_template_and_warns_of_nothing(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    project = new_project(app)
    scaling = define(ENOUGH, proof=proof)(project)

    Annotations.from_stack(project.node.scope).has_no_warning("*", Match.any_value())  # type: ignore[arg-type]
    assert scaling.target.get_metadata("mlplatform:scaling")["verdict"].startswith("0.0")


def test_a_published_forecast_is_proved_by_what_was_published_or_else_by_the_quantile(tmp_path: Path) -> None:
    wanted = PublishedForecast(pipeline="demo-demand", interval_minutes=60)
    floor = ForecastFloor(requests_per_second=8, quantile=0, published=wanted)
    policy = Scaling(maximum=60, target=TRACKING, floor=floor)
    rows = [
        f"2026-03-0{day}T00:00:00,2026-03-0{day}T{hour:02}:00:00,{3600 * (200 if hour == 12 else 20)}\n"
        for day in (2, 3, 4, 5)
        for hour in range(24)
    ]
    forecasts = tmp_path / "forecasts.csv"
    forecasts.write_text(f"published_at,time,requests\n{''.join(rows)}")
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10)

    shares = [
        one.prove(policy).played.violation_share
        for one in (dataclasses.replace(proof, forecasts=forecasts), dataclasses.replace(proof, although="x"))
    ]
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    project = new_project(app)
    project.outputs["demo-demand"] = PublishedOutput(columns=("time", "requests"), json_lines=True)
    define(policy, proof=dataclasses.replace(proof, although="nothing is published yet"))(project)

    assert shares[0] < 0.001 < shares[1]
    Annotations.from_stack(project.node.scope).has_info(  # type: ignore[arg-type]
        "*",
        Match.string_like_regexp(
            "played by its quantile alone, as if nothing had been published; give the proof forecasts="
        ),
    )
    with pytest.raises(InvalidPropsError, match=r"the policy uses no published forecast; leave .*forecasts\.csv out"):
        dataclasses.replace(proof, forecasts=forecasts).prove(NO_FORECAST)


def test_an_event_that_would_be_lost_stops_the_synthesis(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10)
    spot = Event(
        name="TV spot",
        at=datetime(2026, 3, 20, 20, tzinfo=UTC),
        capacity=2,
        demand=TimesUsual(times=40, requests_per_second=9),
    )

    with pytest.raises(InvalidPropsError) as raised:
        synthesized(tmp_path / "out", dataclasses.replace(ENOUGH, calendar=(spot,)), proof=proof)

    (said,) = raised.value.problems
    assert "'TV spot', 40 times the usual at the 0.9 quantile, had it been at 20:00 UTC on each of 3 days: " in said
    assert re.search(r"\n *for 'TV spot': raise the maximum from 60 to \d{2,3}; or say with `although` why", said)


def test_an_event_is_rehearsed_or_else_the_synthesis_says_that_it_is_not(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10)
    at = datetime(2026, 3, 20, 20, tzinfo=UTC)
    spot = Event(name="TV spot", at=at, capacity=2, demand=TimesUsual(times=5, requests_per_second=9))
    launch = Event(name="launch", at=at, capacity=30)
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    project = new_project(app)

    scaling = define(dataclasses.replace(ENOUGH, calendar=(spot, launch)), proof=proof)(project)

    (_, rehearsed) = scaling.target.get_metadata("mlplatform:scaling")["verdict"].splitlines()
    assert rehearsed.startswith("'TV spot', 5 times the usual")
    Annotations.from_stack(project.node.scope).has_info(  # type: ignore[arg-type]
        "*", Match.string_like_regexp(r"not rehearsed: 'launch'; an event needs demand=TimesUsual")
    )


def test_a_policy_that_misses_goes_out_with_a_reason_that_stays_in_the_template(tmp_path: Path) -> None:
    proof = ScalingProof(
        demand=write_demand(tmp_path), requests_per_second=10, although="a pilot that two people use until May"
    )
    template = synthesized(tmp_path / "out", NO_FORECAST, proof=proof).template
    again = synthesized(tmp_path / "again", NO_FORECAST, proof=proof).template

    (target,) = [one for one in template["Resources"].values() if one["Type"] == TARGET]
    said = target["Metadata"]["mlplatform:scaling"]
    assert said["although"] == "a pilot that two people use until May"
    assert "in its worst minute, 2026-03-0" in said["verdict"]
    assert again == template


def test_a_proof_of_too_few_days_or_of_no_file_is_refused(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path, days=2), requests_per_second=10)

    with pytest.raises(InvalidPropsError, match=r"noon.csv has 2 whole days \(UTC\); give 3 or more"):
        synthesized(tmp_path / "out", ENOUGH, proof=proof)
    with pytest.raises(InvalidPropsError, match=r"No such file.*absent.csv"):
        synthesized(tmp_path / "out", ENOUGH, proof=dataclasses.replace(proof, demand=tmp_path / "absent.csv"))


def test_the_policy_that_was_found_is_the_one_that_ships(tmp_path: Path) -> None:
    policy = dataclasses.replace(ENOUGH, steps=(StepScaling(steps=(Step(at_least=100, add=50),)),))
    (tmp_path / "policy.json").write_text(json.dumps(to_json(policy)))
    (tmp_path / "empty.json").write_text("{}")

    assert read_scaling(tmp_path / "policy.json") == policy
    with pytest.raises(InvalidPropsError, match=r"empty.json has no maximum; give a file"):
        read_scaling(tmp_path / "empty.json")
    with pytest.raises(InvalidPropsError, match="No such file"):
        read_scaling(tmp_path / "absent.json")


def test_a_proof_reads_the_load_test(tmp_path: Path) -> None:
    load_test = tmp_path / "load-test.json"
    load_test.write_text(json.dumps({"requests_per_second": 10, "concurrency": 2, "confirmed": True}))
    weak = tmp_path / "weak.json"
    weak.write_text(json.dumps({"requests_per_second": 5, "concurrency": 2, "confirmed": True}))
    proof = ScalingProof(demand=write_demand(tmp_path), load_test=load_test)

    assert proof.prove(ENOUGH).meets
    assert not dataclasses.replace(proof, load_test=weak, although="a test").prove(ENOUGH).meets
    with pytest.raises(InvalidPropsError, match=r"No such file.*absent.json"):
        dataclasses.replace(proof, load_test=tmp_path / "absent.json").prove(ENOUGH)


def test_files_of_a_proof_may_be_texts_and_nothing_else(tmp_path: Path) -> None:
    load_test = tmp_path / "load-test.json"
    load_test.write_text(json.dumps({"requests_per_second": 10, "concurrency": 2, "confirmed": True}))

    assert ScalingProof(demand=str(write_demand(tmp_path)), load_test=str(load_test)).prove(ENOUGH).meets
    with pytest.raises(InvalidPropsError) as raised:
        ScalingProof(demand=None, load_test=3, objective=Objective(served_share=2))  # type: ignore[arg-type]
    assert raised.value.problems[:2] == (
        "demand is None; give the path of a file",
        "load_test is 3; give the path of a file",
    )
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize(
    ("unit", "component", "said"),
    [
        (
            "instance",
            "prices",
            "is of an instance, and this scales copies of an inference component; test one of those",
        ),
        ("copy", None, "is of a copy, and this scales instances of a variant; test one of those"),
    ],
)
def test_a_load_test_of_another_unit_proves_nothing(
    tmp_path: Path, unit: str, component: str | None, said: str
) -> None:
    """A copy has some of an instance's cores."""
    load_test = tmp_path / "load-test.json"
    load_test.write_text(json.dumps({"requests_per_second": 10, "concurrency": 2, "confirmed": True, "unit": unit}))
    proof = ScalingProof(demand=write_demand(tmp_path), load_test=load_test)
    with pytest.raises(InvalidPropsError, match=said):
        synthesized(tmp_path / "out", ENOUGH, proof=proof, component_name=component)


def test_a_load_test_of_a_copy_proves_a_component(tmp_path: Path) -> None:
    load_test = tmp_path / "load-test.json"
    load_test.write_text(json.dumps({"requests_per_second": 10, "concurrency": 2, "confirmed": True, "unit": "copy"}))
    proof = ScalingProof(demand=write_demand(tmp_path), load_test=load_test)
    target = synthesized(tmp_path / "out", ENOUGH, proof=proof, component_name="prices").template["Resources"]
    assert any("verdict" in it.get("Metadata", {}).get("mlplatform:scaling", {}) for it in target.values())


def test_a_proof_knows_how_many_requests_instances_let_wait(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10, although="a test")
    late = proof.prove(NO_FORECAST).played.violation_share
    refused = proof.prove(NO_FORECAST, max_queued_requests=8).played.violation_share

    assert refused < 0.9 * late
    scaling = synthesized(tmp_path / "out", NO_FORECAST, proof=proof, max_queued_requests=8)
    (target,) = [it for it in scaling.template["Resources"].values() if it["Type"] == TARGET]
    assert f"{refused:.3%}" in target["Metadata"]["mlplatform:scaling"]["verdict"]


def test_a_proof_knows_how_long_new_instances_are_slow(tmp_path: Path) -> None:
    proof = ScalingProof(demand=write_demand(tmp_path), requests_per_second=10, although="a test")

    slow = dataclasses.replace(proof, warm_up_seconds=600).prove(NO_FORECAST)

    assert slow.played.violation_share > 1.1 * proof.prove(NO_FORECAST).played.violation_share


def test_all_numbers_of_a_proof_that_cannot_be_are_told_at_once() -> None:
    with pytest.raises(InvalidPropsError) as raised:
        ScalingProof(
            demand=Path("demand.csv"),
            requests_per_second=0,
            objective=Objective(served_share=99, served_share_in_events=-1),
            although=" ",
            usd_per_instance_hour=-1,
            provisioning_seconds=-300,
            warm_up_seconds=-1,
        )

    assert len(raised.value.problems) == 7
    with pytest.raises(InvalidPropsError, match="what one instance serves has to be said once"):
        ScalingProof(demand=Path("demand.csv"))


def test_an_ordinary_synthesis_does_not_load_numpy() -> None:
    """It takes a tenth of a second and is not among the dependencies of the library."""
    script = (
        "import sys; from aws_cdk import App; from mlplatform import EndpointScaling, ScalingProof;"
        "from mlscaling import Scaling; from tests.unit.pipeline.synthesis import new_project;"
        "app = App(); project = new_project(app);"
        "EndpointScaling(project, 'S', project=project, endpoint_name='a', variant_name='b', scaling=Scaling(maximum=2));"
        "app.synth(); sys.exit('numpy' in sys.modules)"
    )
    completed = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=False)
    assert completed.returncode == 0, completed.stderr.decode()
