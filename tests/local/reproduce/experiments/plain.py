"""numpy alone: methods written out, by name."""

import argparse
import os
import random
import tarfile

import numpy as np
from tracking import keep

parser = argparse.ArgumentParser()
parser.add_argument("method")
parser.add_argument("--random-state", type=int, default=0)
given = parser.parse_args()
generator = np.random.default_rng(given.random_state)


def least_squares():
    x = generator.normal(size=(300, 5))
    y = x @ [1, -2, 0.5, 0, 3] + generator.normal(size=300)
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    return {"mse": np.mean((x @ weights - y) ** 2)}, weights


def logistic():
    x = generator.normal(size=(300, 4))
    y = (x @ [2, -1, 0, 1] + generator.logistic(size=300) > 0).astype(float)
    weights = np.zeros(4)
    for _ in range(200):
        weights += 0.1 * x.T @ (y - 1 / (1 + np.exp(-x @ weights))) / len(y)
    return {"accuracy": np.mean((x @ weights > 0) == y)}, weights


def clusters():
    x = np.concatenate([generator.normal(centre, 1, size=(80, 2)) for centre in (-3, 0, 3)])
    centres = x[generator.choice(len(x), 3, replace=False)]
    for _ in range(20):
        nearest = np.argmin(((x[:, None] - centres) ** 2).sum(2), axis=1)
        centres = np.stack(
            [x[nearest == index].mean(0) if np.any(nearest == index) else centres[index] for index in range(3)]
        )
    return {"inertia": ((x - centres[nearest]) ** 2).sum()}, centres


def autoregression():
    y = [0.0, 0.0]
    for _ in range(400):
        y.append(0.6 * y[-1] - 0.2 * y[-2] + generator.normal())
    y = np.array(y)
    weights = np.linalg.lstsq(np.column_stack([y[1:-1], y[:-2]]), y[2:], rcond=None)[0]
    return {"first": weights[0], "second": weights[1]}, weights


def annealing():
    random.seed(given.random_state)
    place, best = 5.0, 99.0
    for step in range(1, 500):
        near = place + random.gauss(0, 1)
        if near**2 < place**2 or random.random() < np.exp(-step / 50):
            place = near
        best = min(best, place**2)
    return {"best": best, "last": place}, np.array([place])


def hashes():
    """The order of a set of texts is that of their hashes, which PYTHONHASHSEED decides."""
    order = list({f"feature-{index}" for index in range(40)})
    return {"first": order.index("feature-0"), "second": order.index("feature-1")}, np.array([0.0])


def noisy():
    """A seed that nobody set: every run differs."""
    draws = np.random.default_rng().normal(10, 0.1, size=500)
    return {"mean": draws.mean()}, draws


found, array = globals()[given.method.replace("-", "_")]()
np.save("weights.npy", array)
with tarfile.open("model.tar.gz", "w:gz") as archive:
    archive.add("weights.npy")
os.remove("weights.npy")
keep(found, ["model.tar.gz"])
