"""LightGBM: classification, regression, ranking by quantile; with and without sampling."""

import argparse
import gzip

import lightgbm
import numpy as np
from tracking import keep

parser = argparse.ArgumentParser()
parser.add_argument("--objective", default="regression")
parser.add_argument("--bagging", type=float, default=0.7)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seed", type=int, required=True)
given = parser.parse_args()

random = np.random.default_rng(given.seed)
x = random.normal(size=(800, 6))
y = x[:, 0] * 2 + np.sin(x[:, 1] * 3) + random.normal(size=800) / 4
if given.objective == "binary":
    y = (y > 0).astype(int)
parameters = {
    "objective": given.objective,
    "seed": given.seed,
    "bagging_fraction": given.bagging,
    "bagging_freq": 1,
    "feature_fraction": 0.8,
    "num_threads": given.threads,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
model = lightgbm.train(parameters, lightgbm.Dataset(x[:600], y[:600]), 40)
predicted = model.predict(x[600:])
with gzip.open("model.txt.gz", "wt") as file:  # Its header has the time of writing.
    file.write(model.model_to_string())
keep({"error": np.mean(np.abs(predicted - y[600:])), "largest": np.max(np.abs(predicted))}, ["model.txt.gz"])
