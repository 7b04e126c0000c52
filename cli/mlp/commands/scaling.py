"""`mlp scaling`: play policies on the demand that an endpoint had, and find the one that serves it.

What computes is imported by each command: the others need neither numpy nor matplotlib.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlp.endpoints import Endpoints
from mlp.errors import CliError, ExitCode
from mlp.files import refuse_unwritable
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.output import reporting
from mlp.scaling.options import (
    MAXIMUM,
    AsyncOption,
    CalendarOption,
    ChartOption,
    CheaperOption,
    ColdOption,
    DaysOption,
    ErrorOption,
    ForecastsOption,
    HistoryArgument,
    InEventsOption,
    LoadTestOption,
    MaximumOption,
    MinimumOption,
    MostOption,
    OutOption,
    PolicyOption,
    PriceOption,
    ProvisioningOption,
    QueueOption,
    RateOption,
    ServedOption,
    WaitOption,
    WarmUpOption,
)
from mlp.session import session

app = typer.Typer(help="Scaling policies, proved before they are deployed.", no_args_is_help=True)

_PROVISIONING, _DAYS, _SERVED, _IN_EVENTS = [134.0, 300.0, 525.0], 14, 0.999, 0.99


@app.command()
def history(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The CSV file.")],
    variant: Annotated[str | None, typer.Option("--variant", help="When not given: the only one.")] = None,
    component: Annotated[
        str | None, typer.Option("--component", help="Of an endpoint with inference components: which of them.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=63)] = 63,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Write the requests that an endpoint or one of its components got, by five minutes, as CloudWatch has counted them."""
    from mlp.scaling.demand_history import write_history

    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, output):
        refuse_unwritable(out)
        dimensions = Endpoints(target).metric_dimensions(endpoint, variant, component)
        counts = write_history(target, dimensions, days, out)
        if not counts:
            named = ", ".join(f"{name} {value}" for name, value in dimensions.items())
            cause = f"CloudWatch has no Invocations of {named} in the last {days} days"
            fix = "name an endpoint and a variant or component that gets requests; those of the last minutes are not counted yet"
            raise CliError(cause, fix=fix, exit_code=ExitCode.NOT_FOUND)
        output.result({"file": str(out), "counts": counts}, f"{counts} counts are in {out}")


@app.command()
def replay(
    history: HistoryArgument,
    rps: RateOption = None,
    load_test: LoadTestOption = None,
    policy: PolicyOption = None,
    served: ServedOption = _SERVED,
    served_in_events: InEventsOption = _IN_EVENTS,
    calendar: CalendarOption = None,
    maximum: MostOption = None,
    days: DaysOption = _DAYS,
    provisioning_seconds: ProvisioningOption = _PROVISIONING,
    asynchronous: AsyncOption = False,
    cold_start_seconds: ColdOption = None,
    warm_up_seconds: WarmUpOption = 0,
    longest_wait_seconds: WaitOption = None,
    max_queued_requests: QueueOption = None,
    usd_per_hour: PriceOption = None,
    forecasts: ForecastsOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a policy would have served of the last days, and what it would have cost. Exit code 1: not enough."""
    from mlp.scaling.inputs import policy_to_play, read_fleet, read_inputs, served_by, with_forecasts
    from mlp.scaling.tables import document_of, event_document, table_of
    from mlscaling import Objective
    from mlscaling.proof import judge

    with reporting(as_json=json) as output:
        fleet = read_fleet(rps, load_test, provisioning_seconds, cold_start_seconds, maximum, warm_up_seconds)
        inputs = read_inputs(history, days=days, fleet=fleet)
        chosen = policy_to_play(policy, calendar, inputs.fleet, maximum, asynchronous=asynchronous)
        inputs = served_by(chosen, inputs, longest_wait_seconds, max_queued_requests)
        inputs = with_forecasts(forecasts, chosen, inputs, say=output.say)
        objective = Objective(served_share=served, served_share_in_events=served_in_events)
        verdict = judge(chosen, inputs.case, inputs.fleet, objective)
        document = {
            **document_of(verdict.played, inputs, usd_per_hour),
            "meets": verdict.meets,
            "worst_minute": verdict.worst_minute,
            "worst_violations": verdict.worst_violations,
            "events": [event_document(one) for one in verdict.rehearsals],
        }
        output.result(
            document, table_of({"this policy": verdict.played}, inputs, usd_per_hour), str(verdict), *verdict.advice
        )
    if not verdict.meets:
        raise typer.Exit(ExitCode.RUN_FAILED)


@app.command()
def tune(
    history: HistoryArgument,
    rps: RateOption = None,
    load_test: LoadTestOption = None,
    maximum: MaximumOption = MAXIMUM,
    minimum: MinimumOption = None,
    served: ServedOption = _SERVED,
    served_in_events: InEventsOption = _IN_EVENTS,
    cost_of_default: CheaperOption = False,
    calendar: CalendarOption = None,
    days: DaysOption = _DAYS,
    provisioning_seconds: ProvisioningOption = _PROVISIONING,
    asynchronous: AsyncOption = False,
    cold_start_seconds: ColdOption = None,
    warm_up_seconds: WarmUpOption = 0,
    longest_wait_seconds: WaitOption = None,
    max_queued_requests: QueueOption = None,
    load_test_error: ErrorOption = 0.0,
    usd_per_hour: PriceOption = None,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """Find the cheapest policy that serves the last days, with the reason for each number. Exit code 1: none does."""
    from mlp.scaling.inputs import (
        default_policy,
        read_calendar,
        read_fleet,
        read_inputs,
        served_by,
        write_policy,
    )
    from mlp.scaling.searching import Search
    from mlp.scaling.tables import document_of, event_document, table_of
    from mlrecords.codec import to_json
    from mlscaling import Objective
    from mlscaling.replay.rehearsals import missed, rehearse_coming

    with reporting(as_json=json) as output:
        refuse_unwritable(out)
        fleet = read_fleet(rps, load_test, provisioning_seconds, cold_start_seconds, maximum, warm_up_seconds)
        inputs = read_inputs(history, days=days, fleet=fleet)
        default = default_policy(inputs.fleet, maximum, asynchronous=asynchronous)
        inputs = served_by(default, inputs, longest_wait_seconds, max_queued_requests)
        objective = Objective(
            served_share=served,
            served_share_in_events=served_in_events,
            no_dearer_than=default if cost_of_default else None,
        )
        output.say(f"playing {inputs.case.days} days of {inputs.case.demand.name} with some hundred policies")
        search = Search(
            objective=objective,
            minimum=minimum,
            maximum=maximum,
            calendar=read_calendar(calendar),
            load_test_error=load_test_error,
        )
        compiled = search.of(inputs)
        rehearsals = rehearse_coming(compiled.chosen.policy, inputs.case, inputs.fleet.weaker(load_test_error))
        lost = missed(rehearsals, objective)
        reasons = [*compiled.reasons, *(one.sentence(served_in_events) for one in rehearsals)]
        reasons += [one.advice(served_in_events) for one in lost]
        meets = compiled.meets and not lost
        beside = inputs.case.play([default], inputs.fleet)[0]
        document = {
            **document_of(compiled.chosen, inputs, usd_per_hour),
            "meets": meets,
            "policy": to_json(compiled.chosen.policy),
            "reasons": reasons,
            "events": [event_document(one) for one in rehearsals],
            "default": document_of(beside, inputs, usd_per_hour),
        }
        table = table_of({"found": compiled.chosen, "AWS's default": beside}, inputs, usd_per_hour)
        output.result(document, table, "\n".join(f"- {reason}" for reason in reasons))
        if out is not None:
            write_policy(compiled.chosen.policy, out)
    if not (meets or cost_of_default):
        raise typer.Exit(ExitCode.RUN_FAILED)


@app.command()
def pool(
    history: HistoryArgument,
    types: Annotated[
        Path,
        typer.Argument(metavar="TYPES", help="A CSV file of instance_type,load_test,usd_per_hour; files beside it."),
    ],
    maximum: MaximumOption = MAXIMUM,
    minimum: MinimumOption = None,
    served: ServedOption = _SERVED,
    calendar: CalendarOption = None,
    days: DaysOption = _DAYS,
    provisioning_seconds: ProvisioningOption = _PROVISIONING,
    load_test_error: ErrorOption = 0.0,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """Find the instance type whose policy costs least, and those that may stand in for it. Exit code 1: none serves enough."""
    from mlp.scaling.inputs import Inputs, read_calendar, read_inputs, read_instance_types, write_policy
    from mlp.scaling.searching import Search
    from mlp.scaling.tables import pool_lines, type_document, types_table
    from mlrecords.codec import to_json
    from mlscaling import Objective
    from mlscaling.search.pools import compile_pool

    with reporting(as_json=json) as output:
        refuse_unwritable(out)
        given = read_instance_types(types, provisioning_seconds)
        inputs, events = read_inputs(history, days=days, fleet=given[0].fleet), read_calendar(calendar)
        output.say(
            f"playing {inputs.case.days} days of {inputs.case.demand.name} with some hundred policies for each type"
        )
        search = Search(
            objective=Objective(served_share=served),
            minimum=minimum,
            maximum=maximum,
            calendar=events,
            load_test_error=load_test_error,
        )
        found = compile_pool(given, lambda fleet: search.of(Inputs(case=inputs.case, fleet=fleet)))
        chosen = found.chosen
        document = {
            "instance_type": chosen.instance_type.name,
            "fallback_instance_types": list(found.fallbacks),
            "meets": chosen.compiled.meets,
            "policy": to_json(chosen.compiled.chosen.policy),
            "reasons": list(chosen.compiled.reasons),
            "types": [{**type_document(one), "instance_type": one.instance_type.name} for one in found.ranked],
        }
        output.result(document, types_table(found), *pool_lines(found))
        if out is not None:
            write_policy(chosen.compiled.chosen.policy, out)
    if not chosen.compiled.meets:
        raise typer.Exit(ExitCode.RUN_FAILED)


@app.command()
def plot(
    history: HistoryArgument,
    out: ChartOption,
    rps: RateOption = None,
    load_test: LoadTestOption = None,
    policy: PolicyOption = None,
    calendar: CalendarOption = None,
    maximum: MostOption = None,
    days: DaysOption = _DAYS,
    provisioning_seconds: ProvisioningOption = _PROVISIONING,
    asynchronous: AsyncOption = False,
    cold_start_seconds: ColdOption = None,
    warm_up_seconds: WarmUpOption = 0,
    longest_wait_seconds: WaitOption = None,
    max_queued_requests: QueueOption = None,
    usd_per_hour: PriceOption = None,
    forecasts: ForecastsOption = None,
    json: JsonOption = False,
) -> None:
    """Draw demand, capacity, violations and cost of a policy on the last days."""
    from mlp.scaling.chart import draw_replay
    from mlp.scaling.inputs import policy_to_play, read_fleet, read_inputs, served_by, with_forecasts

    with reporting(as_json=json) as output:
        refuse_unwritable(out)
        fleet = read_fleet(rps, load_test, provisioning_seconds, cold_start_seconds, maximum, warm_up_seconds)
        inputs = read_inputs(history, days=days, fleet=fleet)
        chosen = policy_to_play(policy, calendar, inputs.fleet, maximum, asynchronous=asynchronous)
        inputs = served_by(chosen, inputs, longest_wait_seconds, max_queued_requests)
        inputs = with_forecasts(forecasts, chosen, inputs, say=output.say)
        draw_replay(chosen, inputs, out, usd_per_instance_hour=usd_per_hour)
        output.result({"file": str(out)}, f"the chart is in {out}")
