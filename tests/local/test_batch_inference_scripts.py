"""The container scripts of batch inference in the oldest of AWS's scikit-learn images, as its local environment has it."""

from __future__ import annotations

from pathlib import Path

from mllocal.images import image_for
from tests.unit.batch_inference.jobs.scripts import ScoringJob

SCIKIT_LEARN_1_2 = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
MODEL = """
from sklearn.linear_model import LinearRegression

def model_fn(directory):
    return LinearRegression().fit([[0, 0], [1, 0], [0, 1]], [0, 2, 3])
"""


def test_the_scripts_run_with_the_packages_of_the_oldest_image(tmp_path: Path) -> None:
    python = image_for(SCIKIT_LEARN_1_2).bin_directory / "python"
    job = ScoringJob(tmp_path)
    job.model(MODEL)
    job.raw("rows.csv", "".join(f"2026-11-24,{number},1\n" for number in range(50)) + "2026-11-24,x,1\n")

    for script in ("prepare_parts.py", "score.py"):
        done = job.run(script, python=python)
        assert done.returncode == 0, done.stderr

    assert job.json("report/report.json")["set_aside"] == {"rows": 1, "reasons": {"feature_0: not a number": 1}}
    predicted = job.table("out").column("prediction").to_pylist()
    assert [round(value, 6) for value in predicted] == [2.0 * number + 3 for number in range(50)]
