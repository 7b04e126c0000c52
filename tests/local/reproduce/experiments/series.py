"""A time series from a file: hourly rentals, forecast for the last days."""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
import tracking
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path, default=Path("data/hourly.csv"))
parser.add_argument("--model", choices=("linear", "forest", "gradient", "naive"), default="linear")
parser.add_argument("--seed", type=int, default=int(os.environ.get("SERIES_SEED", "0")))
given = parser.parse_args()

with tracking.given("history", given.data).open() as file:
    demand = np.array([float(row["bikers"]) for row in csv.DictReader(file)])
hours = np.arange(168, len(demand))
x = np.column_stack([hours % 24, hours % 168, demand[hours - 24], demand[hours - 168]])
train, test = slice(None, -168), slice(-168, None)
models = {
    "linear": LinearRegression(),
    "forest": RandomForestRegressor(20, random_state=given.seed),
    "gradient": GradientBoostingRegressor(n_estimators=30, subsample=0.7, random_state=given.seed),
}
y = demand[hours]
predicted = y[test] * 0 + x[test][:, 3]
if given.model != "naive":
    predicted = models[given.model].fit(x[train], y[train]).predict(x[test])
np.savetxt("forecast.csv", predicted, fmt="%.6f")
tracking.keep({"mae": np.mean(np.abs(predicted - y[test]))}, ["forecast.csv"])
