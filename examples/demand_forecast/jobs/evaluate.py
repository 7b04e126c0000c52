"""Compare the model with the seasonal naive forecast on the test weeks; writes evaluation.json."""

from __future__ import annotations

import argparse
import json
import tarfile
import tempfile
from pathlib import Path

from demand_features import BASELINE, FEATURES, TARGET
from demand_metrics import forecast_errors
from demand_model import MODEL_FILE, DemandModel
from demand_table import read_table
from job import JobError, run, write_files


def arguments() -> argparse.Namespace:
    """The command line."""
    processing = Path("/opt/ml/processing")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=processing / "model", help="directory with model.tar.gz")
    parser.add_argument("--test", type=Path, default=processing / "test", help="directory with test.csv")
    parser.add_argument("--output", type=Path, default=processing / "evaluation", help="directory for evaluation.json")
    return parser.parse_args()


def main() -> None:
    """Evaluate."""
    options = arguments()
    table = read_table(options.test)
    model = unpack(options.model / "model.tar.gz")
    if model.features != FEATURES:
        raise JobError(
            f"the model was trained on {list(model.features)}; the test has {list(FEATURES)}: train it again"
        )
    forecast = model.predict(table[list(FEATURES)].to_numpy(float))
    errors = forecast_errors(forecast, table[TARGET])
    baseline = forecast_errors(table[BASELINE], table[TARGET])
    metrics = {
        **errors,
        **{f"baseline_{name}": value for name, value in baseline.items()},
        "relative_rmse": errors["rmse"] / baseline["rmse"],
    }
    report = {
        "regression_metrics": {name: {"value": value} for name, value in metrics.items()},
        "test": {
            "first_hour": table.index[0].isoformat(),
            "last_hour": table.index[-1].isoformat(),
            "hours": len(table),
        },
    }
    write_files({options.output / "evaluation.json": json.dumps(report, indent=2) + "\n"})
    for name, value in metrics.items():
        print(f"test:{name}={value:.4f}")


def unpack(archive: Path) -> DemandModel:
    """The model in a model.tar.gz, as SageMaker training leaves it."""
    if not archive.is_file():
        raise JobError(f"{archive} is not there; give the directory with the model.tar.gz of a training job as --model")
    with tempfile.TemporaryDirectory() as directory:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(directory, filter="data")
        except tarfile.TarError as error:
            raise JobError(f"{archive} cannot be unpacked ({error}); train the model again") from error
        if not (Path(directory) / MODEL_FILE).is_file():
            raise JobError(f"{archive} holds no {MODEL_FILE}; it was not made by train.py")
        return DemandModel.load(Path(directory))


if __name__ == "__main__":
    run(main)
