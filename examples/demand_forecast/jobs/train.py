"""Train the forecaster: validate on the last weeks of the training data, then fit on all of it."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from pathlib import Path

import pandas as pd

from demand_features import BASELINE, FEATURES, TARGET
from demand_metrics import forecast_errors
from demand_model import LOSSES, MODEL_FILE, DemandModel, Hyperparameters
from demand_table import read_table
from job import TRAINING_FAILURE_FILE, JobError, run, write_files

# What the server needs: SageMaker puts the model's code/ directory on the path and imports inference.py.
SERVING_MODULES = ("inference.py", "demand_model.py")
HELP = {
    "loss": f"one of {', '.join(LOSSES)}",
    "max_iter": "number of trees",
    "learning_rate": "weight of each tree",
    "max_leaf_nodes": "most leaves of a tree",
    "min_samples_leaf": "fewest hours in a leaf",
    "l2_regularization": "penalty on the leaves' values",
    "random_state": "seed: the same seed and data give the same model",
    "profile_weight": "share of the same hour's mean on the last days of the same kind, 0 to 1",
}


def arguments() -> argparse.Namespace:
    """The command line: SageMaker passes each hyperparameter as `--name value`."""
    channel = Path(os.environ.get("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"))
    model_dir = Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--train", type=Path, default=channel, help="directory with train.csv")
    parser.add_argument("--model-dir", type=Path, default=model_dir, help="directory for the model")
    for field in fields(Hyperparameters):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default, help=HELP[field.name])
    parser.add_argument("--validation_weeks", type=int, default=4, help="weeks to validate on")
    return parser.parse_args()


def main() -> None:
    """Train."""
    options = arguments()
    hyperparameters = Hyperparameters(**{field.name: getattr(options, field.name) for field in fields(Hyperparameters)})
    problems = [*hyperparameters.problems()]
    if options.validation_weeks < 1:
        problems.append(f"validation_weeks is {options.validation_weeks}; use 1 or more")
    if problems:
        raise JobError(*problems)
    table = read_table(options.train)
    print_validation(table, hyperparameters, weeks=options.validation_weeks)
    model = DemandModel.fit(table[list(FEATURES)], table[TARGET], hyperparameters)
    files: dict[Path, str | bytes] = {
        options.model_dir / "code" / name: Path(__file__).with_name(name).read_bytes() for name in SERVING_MODULES
    }
    files[options.model_dir / MODEL_FILE] = model.to_bytes()
    write_files(files)
    print(f"fitted {hyperparameters} on {len(table)} hours until {table.index[-1]}")


def print_validation(table: pd.DataFrame, hyperparameters: Hyperparameters, *, weeks: int) -> None:
    """Print the errors on the last weeks of a model that was fitted on the weeks before them only."""
    start = table.index[-1] + pd.Timedelta(hours=1) - pd.Timedelta(weeks=weeks)
    earlier, later = table[table.index < start], table[table.index >= start]
    if earlier.empty:
        raise JobError(f"validation_weeks is {weeks}: no hour before {start} is left to fit on; use fewer weeks")
    model = DemandModel.fit(earlier[list(FEATURES)], earlier[TARGET], hyperparameters)
    forecast = model.predict(later[list(FEATURES)].to_numpy(float))
    for name, value in forecast_errors(forecast, later[TARGET]).items():
        print(f"validation:{name}={value:.4f}")
    for name, value in forecast_errors(later[BASELINE], later[TARGET]).items():
        print(f"validation:baseline_{name}={value:.4f}")


if __name__ == "__main__":
    run(main, reason_file=TRAINING_FAILURE_FILE)
