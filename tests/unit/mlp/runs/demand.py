"""A model's life, as observations: two trainings from raw data, two versions, a weekly forecast with the second, a reproduction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from mlrecords.canonical import canonical, digest
from mlrecords.codec import to_json
from mlrecords.observations import Observation, facts_of, order_of, run_id_of
from mlrecords.record import (
    Algorithm,
    Code,
    Cost,
    Data,
    DataListing,
    DataObject,
    Environment,
    Identity,
    Image,
    Machines,
    Metric,
    Note,
    Parent,
    Pinned,
    Status,
)
from mlrecords.store import RecordStore
from tests.unit.mlp.runs.account import Account

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
DIFF = b"diff --git a/train.py b/train.py\n"
IMAGE_DIGEST = digest(b"the image")


def moment(minute: int) -> str:
    return f"2026-11-24T{8 + minute // 60:02}:{minute % 60:02}:00+00:00"


def execution_arn(pipeline: str) -> str:
    return f"{ARN}:pipeline/{pipeline.rpartition('-')[0]}/execution/{pipeline.rpartition('-')[2]}"


def arn_of(kind: str, name: str) -> str:
    return execution_arn(name) if kind == "pipeline-execution" else f"{ARN}:{kind}/{name}"


def run_id(kind: str, name: str) -> str:
    return run_id_of(arn_of(kind, name))


def said(
    kind: str, name: str, minute: int, *, parents: tuple[tuple[str, str, str], ...] = (), **parts: Any
) -> Observation:
    """What the last event of a run says; `parents` are relations with kinds and names."""
    arn = arn_of(kind, name)
    facts = facts_of(
        {
            "identity": Identity(
                kind=kind,
                name=name.replace("/", "-"),
                arn=arn,
                project="demand",
                account="123456789012",
                region="us-east-1",
            ),
            "status": Status(state="Completed"),
            "parents": {
                run_id(of, called): Parent(relation=relation, arn=arn_of(of, called))
                for relation, of, called in parents
            },
            **parts,
        }
    )
    facts["identity"] |= {
        "created_at": moment(minute),
        "created_by": "arn:aws:sts::123456789012:assumed-role/people/ada",
    }
    facts["status"] |= {"started_at": moment(minute), "ended_at": moment(minute + 4)} | facts["status"]
    return Observation(run_id=run_id_of(arn), source="event", order=_order(minute, decided=True), facts=facts)


def in_s3(path: str, content: str, **more: Any) -> Data:
    return Data(
        uri=f"s3://demand/{path}", version=digest(content.encode()), object_count=1, size_bytes=len(content), **more
    )


RAW = in_s3("raw/", "raw", rows=17_379, columns={"timestamp": "string", "rentals": "int64"})
WEEK, FORECAST = in_s3("weeks/47/", "week"), in_s3("forecasts/47/", "forecast", rows=168)


def training(store: RecordStore, version: int, minute: int, *, rmse: float, raw: Data = RAW) -> list[Observation]:
    """Features, training, evaluation and a model version, of one execution; the diff and a listing are kept."""
    name = f"demand-training-x{version}"
    part = ("execution", "pipeline-execution", name)
    features = in_s3(f"{name}/features", f"features {version}", rows=17_000)
    model = in_s3(f"{name}/model.tar.gz", f"model {version}", role="model")
    listing = DataListing(
        uri=features.uri, objects=(DataObject(key="a.csv", size_bytes=3, version_id="v1", etag='"e"'),)
    )
    features = replace(features, listing=store.keep(canonical(to_json(listing))))
    trained = {
        "environment": Environment(
            image=Image(uri="registry/image:1", digest=IMAGE_DIGEST),
            machines=Machines(instance_type="ml.m5.large", instance_count=1),
            python="3.12.7",
            packages={"numpy": "2.4.6", "scikit-learn": "1.9.0"},
        ),
        "code": Code(
            archive_uri="s3://assets/code.gz",
            archive_sha256=digest(b"code"),
            entry_point=("train.py",),
            remote="https://example.com/demand.git",
            commit="9fceb02d0ae598e95dc970b74767f19372d61af8",
            dirty=True,
            diff=store.keep(DIFF),
        ),
        "algorithm": Algorithm(
            name="gbdt", hyperparameters={"loss": "a|b", "random_state": "7"}, seeds={"random_state": "7"}
        ),
        "cost": Cost(billable_seconds=62, usd=0.002, basis="1 x ml.m5.large x 62 s"),
    }
    package = f"demand/{version}"
    pinned = replace(
        said("training-job", f"train-{version}", minute + 8),
        is_pin=True,
        source="pin",
        facts=facts_of({"pinned": Pinned(at=_at(minute + 8), state="InProgress"), "inputs": {"train": features}}),
    )
    waiting = replace(
        said("model-package", package, minute + 16, parents=(("job", "training-job", f"train-{version}"), part)),
        order=_order(minute + 16),
    )
    waiting = replace(
        waiting, facts={**waiting.facts, "status": {"state": "Completed", "approval": "PendingManualApproval"}}
    )
    return [
        said("pipeline-execution", name, minute),
        said(
            "processing-job",
            f"features-{version}",
            minute,
            parents=(part,),
            inputs={"raw": raw},
            outputs={"features": features},
        ),
        said(
            "training-job",
            f"train-{version}",
            minute + 8,
            parents=(part,),
            inputs={"train": Data(uri=f"{features.uri}/")},
            outputs={"model": model},
            metrics={"rmse": Metric(value=rmse, steps={"1": rmse * 2, "2": rmse})},
            tags={"sagemaker:pipeline-step-name": "Train"},
            **trained,
        ),
        pinned,
        said(
            "processing-job",
            f"evaluate-{version}",
            minute + 12,
            parents=(part,),
            inputs={"model": model, "features": features},
            outputs={"report": in_s3(f"{name}/report/", f"report {version}")},
            metrics={"mae": Metric(value=rmse / 2)},
            tags={"sagemaker:pipeline-step-name": "Evaluate"},
        ),
        said(
            "pipeline-step",
            f"{name}-step",
            minute + 8,
            parents=(part, ("job", "training-job", f"train-{version}")),
        ),
        waiting,
        said(
            "model-package",
            package,
            minute + 17,
            outputs={"model": model},
            environment=Environment(image=Image(uri="registry/serving:1", digest=IMAGE_DIGEST)),
            status=Status(state="Completed", approval="Approved"),
            **_note(version, minute),
        ),
    ]


def forecast() -> list[Observation]:
    """A week with version 2, and somebody who reproduced that version."""
    name, package = "demand-weekly-w47", ("model", "model-package", "demand/2")
    part = ("execution", "pipeline-execution", name)
    prepared = in_s3(f"{name}/prepared/", "prepared")
    return [
        said("pipeline-execution", name, 100, parents=(package,)),
        said("processing-job", "prepare-w47", 100, parents=(part,), inputs={"week": WEEK}, outputs={"parts": prepared}),
        said(
            "processing-job",
            "score-w47",
            106,
            parents=(part, package),
            inputs={
                "part": Data(uri=f"{prepared.uri}part-1.csv"),
                "model": in_s3("demand-training-x2/model.tar.gz", "model 2"),
            },
            outputs={"forecast": FORECAST},
        ),
        said(
            "reproduction",
            "reproduction of demand-2",
            120,
            parents=(("reproduces", "model-package", "demand/2"),),
            tags={"verdict": "reproduced"},
        ),
    ]


def everything(account: Account) -> None:
    account.store.keep_environment(IMAGE_DIGEST, {"python": "3.12.7", "packages": {"numpy": "2.4.6"}})
    observations = [
        *training(account.store, 1, 0, rmse=64.5),
        *training(account.store, 2, 40, rmse=39.5),
        *forecast(),
    ]
    for one in observations:
        account.record(one)


def _note(version: int, minute: int) -> dict[str, Any]:
    text = "Better on every week but Christmas.\nGoes live."
    return {"notes": {f"n{version}": Note(kind="decision", text=text, author="ada", at=_at(minute + 17))}}


def _at(minute: int) -> datetime:
    return datetime.fromisoformat(moment(minute))


def _order(minute: int, *, decided: bool = False) -> str:
    return order_of(int(_at(minute).timestamp() * 1000), decided=decided)
