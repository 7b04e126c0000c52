"""scikit-learn on tables: a model, a task, a seed."""

import argparse

import joblib
from sklearn import datasets, ensemble, linear_model, metrics, neighbors, neural_network, svm, tree
from sklearn.model_selection import train_test_split
from tracking import keep

MODELS = {
    "logistic": lambda seed: linear_model.LogisticRegression(max_iter=500, random_state=seed),
    "forest": lambda seed: ensemble.RandomForestClassifier(30, random_state=seed, n_jobs=2),
    "boosting": lambda seed: ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=seed),
    "neighbors": lambda seed: neighbors.KNeighborsClassifier(),
    "network": lambda seed: neural_network.MLPClassifier((16,), max_iter=40, random_state=seed),
    "ridge": lambda seed: linear_model.Ridge(random_state=seed),
    "sgd": lambda seed: linear_model.SGDRegressor(random_state=seed),
    "tree": lambda seed: tree.DecisionTreeRegressor(max_depth=5, random_state=seed),
    "forest-regression": lambda seed: ensemble.RandomForestRegressor(30, random_state=seed),
    "boosting-regression": lambda seed: ensemble.HistGradientBoostingRegressor(max_iter=20, random_state=seed),
    "support-vectors": lambda seed: svm.SVR(),
}
REGRESSIONS = ("ridge", "sgd", "tree", "forest-regression", "boosting-regression", "support-vectors")

parser = argparse.ArgumentParser()
parser.add_argument("--model", choices=MODELS, required=True)
parser.add_argument("--seed", type=int, required=True)
given = parser.parse_args()

is_regression = given.model in REGRESSIONS
if is_regression:
    x, y = datasets.make_regression(600, 8, noise=10, random_state=given.seed)
else:
    x, y = datasets.make_classification(600, 12, n_informative=6, random_state=given.seed)
x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=given.seed)
model = MODELS[given.model](given.seed).fit(x_train, y_train)
predicted = model.predict(x_test)
joblib.dump(model, "model.joblib")
if is_regression:
    found = {"rmse": metrics.root_mean_squared_error(y_test, predicted), "r2": metrics.r2_score(y_test, predicted)}
else:
    found = {"accuracy": metrics.accuracy_score(y_test, predicted), "f1": metrics.f1_score(y_test, predicted)}
keep(found, ["model.joblib"])
