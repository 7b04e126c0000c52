"""The containers of QualityCheck and ClarifyCheck, run as their jobs run them: environment variables and files in, files out."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mllocal.images import image_for

MONITOR = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
SEED = 7
CSV = {"csv": {"header": True, "output_columns_position": "START"}}


@dataclass
class Analysis:
    """A job's /opt/ml, and the job."""

    root: Path

    def run(self, image: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "ML_ROOT": str(self.root), "PYTHONDONTWRITEBYTECODE": "1", **variables}
        return subprocess.run(image_for(image).entrypoint, env=environment, capture_output=True, text=True, check=False)

    def monitor(self, text: str, dataset_format: Any = CSV, **variables: str) -> subprocess.CompletedProcess[str]:
        """Analyze a dataset."""
        source = self.root / "processing" / "input" / "baseline_dataset_input"
        source.mkdir(parents=True, exist_ok=True)
        (source / "data").write_text(text)
        contract = {
            "dataset_source": str(source),
            "dataset_format": json.dumps(dataset_format),
            "output_path": str(self.root / "processing" / "output"),
        }
        return self.run(MONITOR, {**contract, **variables})

    def monitor_against(self, baseline: str, text: str, **variables: str) -> list[dict[str, Any]]:
        """The violations of a dataset, against the constraints and statistics of another."""
        assert self.monitor(baseline, **variables).returncode == 0
        kept = self.root / "kept"
        (self.root / "processing" / "output").rename(kept)
        known = {f"baseline_{name}": str(kept / f"{name}.json") for name in ("constraints", "statistics")}
        done = self.monitor(text, **variables, **known)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = self.output("constraint_violations.json")["violations"]
        return found

    def clarify(self, text: str, configuration: dict[str, Any], **variables: str) -> subprocess.CompletedProcess[str]:
        """Analyze bias."""
        for name, content in (("config/analysis_config.json", json.dumps(configuration)), ("data/data.csv", text)):
            path = self.root / "processing" / "input" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return self.run(CLARIFY, variables)

    def output(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / "processing" / "output" / name).read_text())
        return content

    @property
    def message(self) -> str:
        return (self.root / "output" / "message").read_text()


@pytest.fixture
def analysis(tmp_path: Path) -> Analysis:
    return Analysis(tmp_path / "ml")


def rows(count: int, *, shift: float = 0.0, cities: str = "ab", seed: int = SEED) -> str:
    print(f"seed {seed}")
    chance = random.Random(seed)
    lines = [f"{chance.randint(1, 90)},{chance.choice(cities)},{chance.gauss(shift, 1):.4f}" for _ in range(count)]
    return "\n".join(["age,city,rate", *lines, ""])


def test_statistics_and_constraints_describe_each_column(analysis: Analysis) -> None:
    analysis.monitor("count,price,name,empty\n1,1.5,x,\n2,2.5,y,\n-3,,x,\n")

    features = {feature["name"]: feature for feature in analysis.output("statistics.json")["features"]}
    suggested = {feature["name"]: feature for feature in analysis.output("constraints.json")["features"]}
    assert {name: feature["inferred_type"] for name, feature in features.items()} == {
        "count": "Integral",
        "price": "Fractional",
        "name": "String",
        "empty": "Unknown",
    }
    assert features["count"]["numerical_statistics"]["mean"] == 0.0
    assert features["price"]["numerical_statistics"]["common"] == {"num_present": 2, "num_missing": 1}
    assert features["name"]["string_statistics"]["distinct_count"] == 2.0
    assert suggested["count"]["num_constraints"] == {"is_non_negative": False}
    assert suggested["price"]["completeness"] == pytest.approx(2 / 3)
    assert suggested["name"]["string_constraints"] == {"domains": ["x", "y"]}


def test_json_lines_and_csv_without_header_are_read_as_the_analyzer_names_their_columns(analysis: Analysis) -> None:
    analysis.monitor('{"a": {"b": 1}, "c": "x"}\n{"a": {"b": 2}, "c": "y"}\n', {"json": {"lines": True}})
    assert [feature["name"] for feature in analysis.output("statistics.json")["features"]] == ["a.b", "c"]

    analysis.monitor("1,x\n2,y\n", {"csv": {"header": False}})
    assert [feature["name"] for feature in analysis.output("statistics.json")["features"]] == ["_c0", "_c1"]


def test_a_dataset_like_its_baseline_has_no_violations(analysis: Analysis) -> None:
    assert analysis.monitor_against(rows(4000), rows(300, seed=SEED + 1)) == []
    assert analysis.message.startswith("Completed:")


def test_drift_is_the_largest_difference_of_distributions_beyond_sampling_error(analysis: Analysis) -> None:
    found = analysis.monitor_against(rows(4000), rows(1000, shift=1.0, seed=SEED + 1))

    assert [(item["feature_name"], item["constraint_check_type"]) for item in found] == [
        ("rate", "baseline_drift_check")
    ]
    # Normal distributions one deviation apart differ by 0.383 at most; Robust takes 1.8 * sqrt(1/4000 + 1/1000) off.
    distance = float(found[0]["description"].split()[3])
    assert distance == pytest.approx(0.383 - 1.8 * math.sqrt(1 / 4000 + 1 / 1000), abs=0.04)
    assert analysis.message.startswith("CompletedWithViolations")


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("age,city,rate\nx,a,0.1\n1,a,0.2\n", "data_type_check"),
        ("age,city,rate\n1,,0.1\n2,a,0.2\n", "completeness_check"),
        ("age,city,rate\n1,z,0.1\n2,a,0.2\n", "categorical_values_check"),
        ("age,city\n1,a\n2,b\n", "missing_column_check"),
        ("age,city,rate,new\n1,a,0.1,1\n2,b,0.2,1\n", "extra_column_check"),
    ],
)
def test_each_documented_check_is_a_violation(analysis: Analysis, text: str, check: str) -> None:
    found = analysis.monitor_against(rows(500), text)

    assert check in {item["constraint_check_type"] for item in found}


REGRESSION = {
    "analysis_type": "MODEL_QUALITY",
    "problem_type": "Regression",
    "inference_attribute": "predicted",
    "ground_truth_attribute": "truth",
}


def test_regression_quality_is_measured_and_held_against_the_baseline(analysis: Analysis) -> None:
    good, bad = "truth,predicted\n1,1.1\n2,1.9\n3,3.1\n", "truth,predicted\n1,2\n2,0\n3,5\n"

    found = analysis.monitor_against(good, bad, **REGRESSION)

    measured = analysis.output("statistics.json")["regression_metrics"]
    assert measured["mae"]["value"] == pytest.approx(5 / 3)
    assert measured["rmse"]["value"] == pytest.approx(math.sqrt(3))
    assert {(item["metric_name"], item["constraint_check_type"]) for item in found} == {
        ("mae", "GreaterThanThreshold"),
        ("mse", "GreaterThanThreshold"),
        ("rmse", "GreaterThanThreshold"),
        ("r2", "LessThanThreshold"),
    }


def test_binary_quality_follows_the_probability_threshold(analysis: Analysis) -> None:
    variables = {
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "BinaryClassification",
        "probability_attribute": "score",
        "ground_truth_attribute": "truth",
        "probability_threshold_attribute": "0.6",
    }

    analysis.monitor("truth,score\n1,0.9\n1,0.55\n0,0.2\n0,0.7\n", **variables)

    measured = analysis.output("statistics.json")["binary_classification_metrics"]
    assert measured["confusion_matrix"] == {"0": {"0": 1, "1": 1}, "1": {"0": 1, "1": 1}}
    assert {name: measured[name]["value"] for name in ("recall", "precision", "accuracy", "f1", "auc")} == (
        {"recall": 0.5, "precision": 0.5, "accuracy": 0.5, "f1": 0.5, "auc": 0.75}
    )


def test_multiclass_quality_is_weighted_by_class(analysis: Analysis) -> None:
    variables = {**REGRESSION, "problem_type": "MulticlassClassification"}

    analysis.monitor("truth,predicted\na,a\na,a\nb,c\nc,c\n", **variables)

    measured = analysis.output("statistics.json")["multiclass_classification_metrics"]
    assert measured["accuracy"]["value"] == 0.75
    assert measured["weighted_precision"]["value"] == pytest.approx((2 * 1 + 0 + 0.5) / 4)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({**REGRESSION, "ground_truth_attribute": "nope"}, "ground_truth_attribute 'nope' is not a column"),
        ({**REGRESSION, "problem_type": "Ranking"}, "problem_type 'Ranking' is not one of Regression"),
        ({"record_preprocessor_script": "/x.py"}, "record_preprocessor_script is not run by the embedded AWS"),
    ],
)
def test_what_cannot_be_analyzed_fails_the_job_with_a_sentence(
    analysis: Analysis, variables: dict[str, str], message: str
) -> None:
    assert analysis.monitor("truth,predicted\na,1\n", **variables).returncode == 255
    assert message in analysis.message


# Ten of each group; positive labels: 8 of a, 4 of d. Predicted positive: 6 of a, 2 of d, all of them right.
BIASED = "sex,label,predicted,region\n" + "".join(
    f"{sex},{int(number < positive)},{int(number < predicted)},{'xy'[number % 2]}\n"
    for sex, positive, predicted in (("a", 8, 6), ("d", 4, 2))
    for number in range(10)
)
BIAS = {
    "dataset_type": "text/csv",
    "label": "label",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "sex", "value_or_threshold": ["d"]}],
    "group_variable": "region",
    "predicted_label": "predicted",
    "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
}


def bias_values(analysis: Analysis, kind: str) -> dict[str, float | None]:
    (group,) = analysis.output("analysis.json")[f"{kind}_bias_metrics"]["facets"]["sex"]
    return {metric["name"]: metric["value"] for metric in group["metrics"]}


def test_pre_training_bias_is_that_of_the_labels(analysis: Analysis) -> None:
    done = analysis.clarify(BIASED, BIAS)

    assert done.returncode == 0, done.stderr
    values = bias_values(analysis, "pre_training")
    assert values["CI"] == 0.0
    assert values["DPL"] == pytest.approx(0.4)
    assert values["TVD"] == pytest.approx(0.4)
    assert values["KS"] == pytest.approx(0.4)
    assert values["LP"] == pytest.approx(0.4 * math.sqrt(2))
    assert values["KL"] == pytest.approx(0.8 * math.log(2) + 0.2 * math.log(1 / 3))
    # Either region: 6 of 10 accepted, 2 of them d; 4 rejected, 3 of them d.
    assert values["CDDL"] == pytest.approx(3 / 4 - 2 / 6)


def test_post_training_bias_is_that_of_the_predictions(analysis: Analysis) -> None:
    analysis.clarify(BIASED, BIAS)

    values = bias_values(analysis, "post_training")
    assert values["DPPL"] == pytest.approx(0.4)
    assert values["DI"] == pytest.approx(2 / 6)
    assert values["AD"] == pytest.approx(0.8 - 0.8)
    assert values["RD"] == pytest.approx(6 / 8 - 2 / 4)
    assert values["DCA"] == pytest.approx(8 / 6 - 4 / 2)
    assert values["DCR"] == pytest.approx(6 / 8 - 2 / 4)
    assert values["DAR"] == 0.0
    assert values["FT"] is None  # It compares neighbors, and the region is no number.


def test_the_flip_test_asks_the_nearest_favored_records(analysis: Analysis) -> None:
    """With fewer than ten favored records one neighbor decides: two of four would have been accepted, one rejected."""
    rows = [("a", 1, 1), ("a", 5, 0), ("a", 9, 1), ("d", 1, 0), ("d", 2, 0), ("d", 5, 1), ("d", 9, 1)]
    table = "sex,points,label,predicted\n" + "".join(f"{sex},{points},1,{label}\n" for sex, points, label in rows)
    configuration = {**BIAS, "methods": {"post_training_bias": {"methods": ["FT"]}}}
    configuration.pop("group_variable")

    done = analysis.clarify(table, configuration)

    assert done.returncode == 0, done.stderr
    assert bias_values(analysis, "post_training") == {"FT": (2 - 1) / 4}


@pytest.mark.parametrize(
    ("positive", "violations"),
    [(6, []), (4, []), (2, ["DPL"]), (10, []), (13, ["DPL"])],
)
def test_a_metric_further_from_no_bias_than_the_baseline_is_a_violation(
    analysis: Analysis, positive: int, violations: list[str]
) -> None:
    """Of 20 each, 8 of a are positive and, in the baseline, 4 of d: a difference of 0.2 to either side is allowed."""

    def labels(of_d: int) -> str:
        counts = (("a", 8), ("d", of_d))
        return "sex,label\n" + "".join(f"{sex},{int(row < count)}\n" for sex, count in counts for row in range(20))

    configuration = {name: BIAS[name] for name in ("dataset_type", "label", "label_values_or_threshold", "facet")}
    configuration["methods"] = {"pre_training_bias": {"methods": ["CI", "DPL"]}}
    analysis.clarify(labels(4), configuration)
    baseline = analysis.root / "baseline.json"
    baseline.write_text(json.dumps(analysis.output("analysis.json")))

    analysis.clarify(labels(positive), configuration, baseline_constraints=str(baseline))

    found = analysis.output("constraint_violations.json")["violations"]
    assert [item["metric_name"] for item in found] == violations
    assert all(item["constraint_check_type"] == "bias_drift_check" for item in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": {"pdp": {}}}, "methods.pdp is not one the embedded AWS computes; it computes pre_training_bias"),
        ({"facet": [{"name_or_index": "age"}]}, "'age' is not a column; there are sex, label, predicted, region"),
        ({"methods": {"pre_training_bias": {"methods": ["XX"]}}}, "has 'XX', which the embedded AWS does not compute"),
        ({"facet": [{"name_or_index": "sex", "value_or_threshold": ["q"]}]}, "selects 0 of 20 rows"),
        ({"predicted_label": None}, "methods.post_training_bias needs predicted_label, a column of the dataset"),
        (
            {"predicted_label": None, "predictor": {"endpoint_name": "e"}},
            "predictor.endpoint_name is not one the embedded AWS does: the embedded AWS has no endpoints; give model_name",
        ),
        (
            {"predicted_label": None, "predictor": {"model_name": "m", "accept_type": "application/json"}},
            "predictor.accept_type 'application/json' is not one the embedded AWS does",
        ),
        ({"methods": None}, "'methods' is missing in the analysis configuration"),
        ({"methods": {"shap": {}}}, "'predictor' is missing in the analysis configuration"),
    ],
)
def test_an_analysis_that_cannot_be_done_fails_naming_the_field(
    analysis: Analysis, change: dict[str, Any], message: str
) -> None:
    configuration = {name: value for name, value in {**BIAS, **change}.items() if value is not None}

    assert analysis.clarify(BIASED, configuration).returncode == 255
    assert message in analysis.message
