"""Runs the example's jobs one after the other as plain processes, and prints how good the forecast is.

    python -m examples.demand_forecast.backtest                        # the README's figures
    python -m examples.demand_forecast.backtest --origin 2011-10-30    # as if it were that day
    python -m examples.demand_forecast.backtest --max_iter 100         # with other hyperparameters

No AWS, no emulation: what is measured here is the model and the scripts alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from examples.demand_forecast.history import (
    ForecastErrors,
    actual_demand,
    final_origin,
    forecast_errors,
    seasonal_naive,
    write_history,
)

JOBS = Path(__file__).with_name("jobs")

# What the container's server does with a batch, in the directory of the packaged code.
_SERVE = """
import sys, inference
model = inference.model_fn(sys.argv[1])
data = inference.input_fn(sys.stdin.read(), "text/csv")
sys.stdout.write(inference.output_fn(inference.predict_fn(data, model), "text/csv")[0])
"""


class JobFailedError(Exception):
    """A job exited with another code than 0; the message is what it printed last on stderr."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """What one run of the jobs gave.

    Attributes:
        origin: the first hour that was not known.
        test: the metrics of evaluation.json on the test weeks before the origin, by name.
        forecast: rentals per hour in the 168 hours from the origin on.
        week: errors of that forecast, and of the seasonal naive one, or None where the data ends before it.
    """

    origin: datetime
    test: Mapping[str, float]
    forecast: Mapping[datetime, float]
    week: tuple[ForecastErrors, ForecastErrors] | None


def run_backtest(directory: Path, *, origin: datetime, hyperparameters: Sequence[str] = ()) -> Backtest:
    """Train on the history before an origin and forecast the week after it.

    Args:
        directory: an empty directory that keeps everything the jobs read and write.
        origin: the first hour that is not known.
        hyperparameters: options of train.py, such as `("--max_iter", "100")`.

    Raises:
        JobFailedError: a job failed.
    """
    folder = {name: directory / name for name in ("input", "validation", "train", "test", "model", "prepared")}
    folder["input"].mkdir(parents=True)
    write_history(folder["input"] / "history.csv", until=origin)
    run_job("validate.py", "--input", folder["input"], "--output", folder["validation"])
    run_job(
        "features.py",
        "--input",
        folder["input"],
        "--output-train",
        folder["train"],
        "--output-test",
        folder["test"],
    )
    training = {"SM_CHANNEL_TRAIN": str(folder["train"]), "SM_MODEL_DIR": str(folder["model"])}
    run_job("train.py", *hyperparameters, environment=training)
    with tarfile.open(directory / "model.tar.gz", "w:gz") as archive:
        archive.add(folder["model"], arcname=".")
    run_job("evaluate.py", "--model", directory, "--test", folder["test"], "--output", directory)
    run_job("prepare.py", "--input", folder["input"], "--output", folder["prepared"])

    evaluation = json.loads((directory / "evaluation.json").read_text(encoding="utf-8"))
    forecast = _transform(folder["model"], folder["prepared"] / "week.csv")
    actual = actual_demand(origin)
    return Backtest(
        origin=origin,
        test={name: metric["value"] for name, metric in evaluation["regression_metrics"].items()},
        forecast=forecast,
        week=(forecast_errors(forecast, actual), forecast_errors(seasonal_naive(origin), actual)) if actual else None,
    )


def run_job(script: str, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """Run one script of jobs/ to its end and return what it printed.

    Raises:
        JobFailedError: it exited with another code than 0.
    """
    return _run([str(JOBS / script), *map(str, arguments)], environment=environment)


def _transform(model: Path, prepared: Path) -> dict[datetime, float]:
    """The key stays here, the features go to the model's own code, as its server takes them."""
    keys, features = zip(
        *(line.split(",", 1) for line in prepared.read_text(encoding="utf-8").splitlines()), strict=True
    )
    answer = _run(["-c", _SERVE, str(model)], cwd=model / "code", standard_input="\n".join(features))
    return {datetime.fromisoformat(key): float(value) for key, value in zip(keys, answer.splitlines(), strict=True)}


def _run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    standard_input: str = "",
) -> str:
    ended = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        input=standard_input,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise JobFailedError(ended.stderr.strip() or f"{command[0]} exited with code {ended.returncode}")
    return ended.stdout


def report(result: Backtest) -> str:
    """The metrics as a table."""
    test = result.test
    lines = [
        f"origin {result.origin:%Y-%m-%d %H:%M}             model  seasonal naive  model / naive",
        *(_line(f"8 test weeks, {name}", test[name], test[f"baseline_{name}"]) for name in ("rmse", "mae", "wape")),
    ]
    if result.week is not None:
        model, naive = (asdict(errors) for errors in result.week)
        lines += [_line(f"the week after, {name}", model[name], naive[name]) for name in ("rmse", "mae", "wape")]
    return "\n".join(lines)


def _line(label: str, model: float, naive: float) -> str:
    return f"{label:<24}{model:>16.3f}{naive:>16.3f}{model / naive:>15.3f}"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Run the demand forecast's jobs and print its errors beside those of the seasonal naive "
        "forecast. Further options go to train.py."
    )
    parser.add_argument(
        "--origin",
        type=datetime.fromisoformat,
        action="append",
        help="first hour not known, such as 2011-10-30; may be given several times (default: 7 days before the end)",
    )
    parser.add_argument("--chart", type=Path, help="draw the forecast against what happened into this PNG file")
    options, hyperparameters = parser.parse_known_args()
    for origin in options.origin or [final_origin()]:
        with tempfile.TemporaryDirectory() as directory:
            try:
                result = run_backtest(Path(directory) / "run", origin=origin, hyperparameters=hyperparameters)
            except (JobFailedError, ValueError) as error:
                sys.exit(str(error))
        print(report(result), end="\n\n")
        if options.chart is not None:
            from examples.demand_forecast.chart import draw_forecast

            draw_forecast(result.forecast, actual_demand(origin), seasonal_naive(origin), options.chart)


if __name__ == "__main__":
    main()
