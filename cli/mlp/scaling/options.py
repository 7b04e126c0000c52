"""What the commands of `mlp scaling` are asked with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MAXIMUM = 100

HistoryArgument = Annotated[Path, typer.Argument(metavar="HISTORY", help="A CSV file of times and counts of requests.")]
RateOption = Annotated[
    float | None,
    typer.Option("--rps", min=0.001, help="What one instance serves at the latency objective: the load test's knee."),
]
LoadTestOption = Annotated[
    Path | None,
    typer.Option("--load-test", metavar="FILE", help="As `mlp loadtest --out` writes it, in the place of --rps."),
]
ProvisioningOption = Annotated[
    list[float],
    typer.Option(
        "--provisioning-seconds", min=1, help="Until a new instance serves; give it several times for a range."
    ),
]
DaysOption = Annotated[int, typer.Option("--days", min=1, help="How many of the last days to play.")]
ServedOption = Annotated[float, typer.Option("--served", min=0, max=1, help="The share of requests to serve in time.")]
InEventsOption = Annotated[
    float,
    typer.Option("--served-in-events", min=0, max=1, help="The same of each event that is so many times the usual."),
]
MaximumOption = Annotated[int, typer.Option("--maximum", min=1, help="The most instances.")]
MostOption = Annotated[
    int | None,
    typer.Option(
        "--maximum",
        min=1,
        help=f"The most instances, in the place of what --policy has; when not given, that, or {MAXIMUM} without one.",
    ),
]
MinimumOption = Annotated[
    int | None,
    typer.Option("--minimum", min=0, help="The fewest instances: 1 when not given, 0 of an asynchronous endpoint."),
]
CalendarOption = Annotated[
    Path | None,
    typer.Option(
        "--calendar",
        metavar="FILE",
        help="Events: a CSV file of name,at,capacity,minutes; with times,requests_per_second for times the usual.",
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy", metavar="FILE", help="As `tune --out` writes it. When not given: AWS's default target tracking."
    ),
]
ForecastsOption = Annotated[
    Path | None,
    typer.Option(
        "--forecasts",
        metavar="FILE",
        help="What a pipeline had published: a CSV file of published_at,time,requests. When not given: nothing.",
    ),
]
PriceOption = Annotated[float | None, typer.Option("--usd-per-hour", min=0, help="Of an instance.")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the policy here, as JSON.")]
ChartOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="The PNG file.")]
AsyncOption = Annotated[
    bool,
    typer.Option(
        "--asynchronous", help="Of an asynchronous endpoint, whose requests wait. A policy by backlog says so itself."
    ),
]
ColdOption = Annotated[
    float | None,
    typer.Option(
        "--cold-start-seconds",
        min=0.001,
        help="Of a serverless endpoint: until a container that is started takes its request. --maximum is its max_concurrency.",
    ),
]
WarmUpOption = Annotated[
    int,
    typer.Option("--warm-up-seconds", min=0, help="How long a new instance serves half of what it serves later."),
]
WaitOption = Annotated[
    float | None,
    typer.Option(
        "--longest-wait-seconds",
        min=0.001,
        help="How long a request may wait. When not given: 1; until the answer of an asynchronous endpoint, 900.",
    ),
]
QueueOption = Annotated[
    int | None,
    typer.Option(
        "--max-queued-requests",
        min=1,
        help="How many an instance lets wait, as `RealtimeEndpoint` has it. When not given: two seconds of work.",
    ),
]
ErrorOption = Annotated[
    float,
    typer.Option("--load-test-error", min=0, max=0.9, help="The share by which an instance may serve less than --rps."),
]
CheaperOption = Annotated[
    bool,
    typer.Option("--cost-of-default", help="The fewest violations at the cost of AWS's default, instead of --served."),
]
