"""Schedules: ministack's own type loses the time zone and the target's parameters on the way to its API."""

from __future__ import annotations

from dataclasses import dataclass

from mllocal.aws import Aws
from mllocal.sagemaker.store import Document, Scope

DEFAULT_GROUP = "default"


@dataclass(frozen=True)
class Schedule:
    """`AWS::Scheduler::Schedule`: its properties are the members of the API's requests. The physical id is the name."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        name = properties.get("Name", f"{stack}-{logical_id}")
        answer = Aws(scope).client("scheduler").create_schedule(**{**properties, "Name": name})
        return name, {"Arn": answer["ScheduleArn"]}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        if (_group(new), new.get("Name", physical_id)) != (_group(old), physical_id):
            return self.create(scope, physical_id, new, "replaced")
        answer = Aws(scope).client("scheduler").update_schedule(**{**new, "Name": physical_id})
        return physical_id, {"Arn": answer["ScheduleArn"]}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        Aws(scope).client("scheduler").delete_schedule(GroupName=_group(properties), Name=physical_id)


def _group(properties: Document) -> str:
    group: str = properties.get("GroupName", DEFAULT_GROUP)
    return group
