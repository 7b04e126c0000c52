"""What the functions of batch inference answer in some execution, for whoever reads a definition that depends on it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from model_registry import Model
from runs.begin_run import answer_of
from runs.settings import Settings
from runs.state import ActiveRun, Because
from tests.access.world import World

RUN_ID = "2026-11-24T080000Z"
MOMENT = datetime(2026, 11, 24, 8, tzinfo=UTC)
_OUTPUT = re.compile(r"Steps\.(\w+)\.OutputParameters\['(\w+)'\]")
_INPUT = {"Get": "Parameters.InputUri"}

Answers = Mapping[str, Mapping[str, Any]]


def environment(world: World, project: str, function_name: str) -> dict[str, Any] | None:
    """The environment variables of a function as it is deployed; None without such a function."""
    for _, properties in world.account.find("AWS::Lambda::Function", f"mlp-dev-project-{project}"):
        if properties["FunctionName"] == function_name:
            return dict(properties.get("Environment", {}).get("Variables", {}))
    return None


def answers_of_functions(world: World, project: str, pipeline_name: str) -> Iterator[Answers]:
    """What each Lambda step that plans answers, by its name: once for each type of the ladder; nothing for other pipelines."""
    (artifacts,) = world.resources[project]["artifacts bucket"]
    artifact_uri = artifacts.arn.replace("arn:aws:s3:::", "s3://")
    found = environment(world, project, f"{pipeline_name}-begin-run")
    climbs = environment(world, project, f"{pipeline_name.removesuffix('-on-demand')}-plan-training")
    if climbs is not None:
        for rung in json.loads(climbs["TRAINING"])["ladder"]["rungs"]:
            yield {"PlanTraining": {"instance_type": rung["instance_type"]}}
        return
    if found is None:
        plan = f"{artifact_uri}/{pipeline_name}/x/plan"
        yield {"PlanQuality": {"manifest_uri": f"{plan}/manifest.json", "runs_uri": f"{plan}/runs"}}
        return
    settings = Settings.from_json(json.loads(found["RUNS"]))
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    champion, challenger = (
        Model(f"{project}/{version}", version, f"{artifact_uri}/{project}-training/{version}/model.tar.gz", image)
        for version in (1, 2)
    )
    run = ActiveRun(
        fence=1,
        generation=1,
        attempt=1,
        scheduled_at=MOMENT,
        because=Because.SCHEDULE,
        started_at=MOMENT,
        attempt_started_at=MOMENT,
    )
    begun = answer_of(settings, RUN_ID, run, champion, challenger)
    for rung in settings.ladder.rungs:
        begin_run = {**begun, "input_uri": _INPUT, "prepare_instance_type": rung.instance_type}
        planned = {"manifest_uri": f"{begun['work_uri']}/plan/manifest.json", "instance_type": rung.instance_type}
        yield {"BeginRun": begin_run, "PlanScoring": planned}


def answered(value: Any, answers: Answers) -> Any:
    """A definition in which references to these answers are the answers."""
    match value:
        case {"Get": str(path)} if (found := _OUTPUT.fullmatch(path)) and found[2] in answers.get(found[1], {}):
            return answers[found[1]][found[2]]
        case dict():
            return {key: answered(item, answers) for key, item in value.items()}
        case list():
            return [answered(item, answers) for item in value]
    return value
