"""The operations of Application Auto Scaling. Errors are AWS's; what scales is in `controller`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mllocal.autoscaling.documents import (
    ACTIVITY,
    POLICY,
    SCHEDULED_ACTION,
    TARGET,
    identity,
    of_target,
    policy_arn,
    scheduled_action_arn,
    target_arn,
)
from mllocal.autoscaling.resources import resource_of
from mllocal.autoscaling.scheduled import check_schedule, is_over
from mllocal.autoscaling.tracking_alarms import delete_alarms, put_alarms
from mllocal.errors import ApiError, validation
from mllocal.sagemaker import wire
from mllocal.sagemaker.store import Document, Scope, Store

SERVICE = "application-autoscaling"
TARGET_PREFIX = "AnyScaleFrontendService."
PAGE = 50
_ROLE = (
    "aws-service-role/{namespace}.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_{owner}"
)
_NOT_SUSPENDED = dict.fromkeys(
    ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
)
_Handler = Callable[[Scope, Document], Document]


class AutoScalingApi:
    """Answers requests from the documents of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._handlers: dict[str, _Handler] = {
            "RegisterScalableTarget": self._register,
            "DeregisterScalableTarget": self._deregister,
            "DescribeScalableTargets": self._describe(TARGET, "ScalableTargets", "ResourceIds", "ResourceId"),
            "PutScalingPolicy": self._put_policy,
            "DeleteScalingPolicy": self._delete_policy,
            "DescribeScalingPolicies": self._describe(POLICY, "ScalingPolicies", "PolicyNames", "PolicyName"),
            "PutScheduledAction": self._put_scheduled_action,
            "DeleteScheduledAction": self._delete_scheduled_action,
            "DescribeScheduledActions": self._describe(
                SCHEDULED_ACTION, "ScheduledActions", "ScheduledActionNames", "ScheduledActionName"
            ),
            "DescribeScalingActivities": self._describe_activities,
            "ListTagsForResource": self._tags,
            "TagResource": self._tags,
            "UntagResource": self._tags,
        }

    def invoke(self, operation: str, scope: Scope, request: Document) -> dict[str, Any]:
        """Carry out one operation. Raises `ApiError`."""
        wire.check_request(operation, request, SERVICE)
        handler = self._handlers.get(operation)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            sentence = f"the embedded AWS does not emulate Application Auto Scaling {operation}; it emulates {known}"
            raise ApiError("UnknownOperationException", sentence)
        return wire.answer(operation, handler(scope, request), SERVICE)

    def _register(self, scope: Scope, request: Document) -> Document:
        arn = target_arn(scope, request)
        found = self._store.get(arn)
        resource = resource_of(scope, request)
        if resource is not None and resource.state() is None:
            raise validation(f"No scalable resource found: {request['ResourceId']} does not exist")
        document = {**_new_target(scope, request, arn), **(found or {}), **request}
        document["SuspendedState"] = {**(found or document)["SuspendedState"], **request.get("SuspendedState", {})}
        _check_limits(document)
        if found is None:
            self._store.insert(TARGET, arn, document)
        else:
            # Only the members of the request: the controller writes others meanwhile.
            changed = {name: document[name] for name in (*request, "SuspendedState")}
            self._store.update(arn, lambda stored: stored.update(changed, LimitedBy=None))
        return {"ScalableTargetARN": arn}

    def _deregister(self, scope: Scope, request: Document) -> Document:
        target = self._target(scope, request)
        for policy in of_target(self._store, POLICY, scope, target):
            delete_alarms(scope, policy)
            self._store.delete(policy["PolicyARN"])
        for action in of_target(self._store, SCHEDULED_ACTION, scope, target):
            self._store.delete(action["ScheduledActionARN"])
        self._store.delete(target["ScalableTargetARN"])
        return {}

    def _put_policy(self, scope: Scope, request: Document) -> Document:
        self._target(scope, request)
        arn = policy_arn(scope, request)
        found = self._store.get(arn) or {}
        kind = request.get("PolicyType") or found.get("PolicyType", "StepScaling")
        document = {
            **{name: found[name] for name in ("CreationTime",) if name in found},
            **request,
            "PolicyType": kind,
            "PolicyARN": arn,
            "Alarms": [],
        }
        document.setdefault("CreationTime", time.time())
        _check_policy(document)
        if kind == "TargetTrackingScaling" and resource_of(scope, request) is not None:
            document["Alarms"] = put_alarms(scope, document)
        if not self._store.insert(POLICY, arn, document):
            self._store.update(arn, lambda stored: stored.update(document))
        return document

    def _delete_policy(self, scope: Scope, request: Document) -> Document:
        policy = self._found(policy_arn(scope, request), f"No scaling policy found for {request['PolicyName']}")
        delete_alarms(scope, policy)
        self._store.delete(policy["PolicyARN"])
        return {}

    def _put_scheduled_action(self, scope: Scope, request: Document) -> Document:
        self._target(scope, request)
        arn = scheduled_action_arn(scope, request)
        now = time.time()
        document = {**(self._store.get(arn) or {"CreationTime": now}), **request, "ScheduledActionARN": arn}
        document["ChangedAt"] = now
        check_schedule(document)
        if is_over(document):
            self._store.delete(arn)
        elif not self._store.insert(SCHEDULED_ACTION, arn, document):
            self._store.update(arn, lambda stored: stored.update(document))
        return {}

    def _delete_scheduled_action(self, scope: Scope, request: Document) -> Document:
        name = request["ScheduledActionName"]
        action = self._found(scheduled_action_arn(scope, request), f"No scheduled action found for {name}")
        self._store.delete(action["ScheduledActionARN"])
        return {}

    def _describe(self, kind: str, member: str, list_field: str, field: str) -> _Handler:
        def describe(scope: Scope, request: Document) -> Document:
            names = request.get(list_field)
            found = [
                document
                for document in self._store.find(kind, scope)
                if _matches(document, request) and (names is None or document[field] in names)
            ]
            return _page(found, request, member)

        return describe

    def _describe_activities(self, scope: Scope, request: Document) -> Document:
        found = [document for document in self._store.find(ACTIVITY, scope) if _matches(document, request)]
        return _page(found[::-1], request, "ScalingActivities")

    def _tags(self, scope: Scope, request: Document) -> Document:
        """Add those of the request, take away those that it names, and answer what there is."""
        removed, added = request.get("TagKeys", ()), request.get("Tags", {})

        def change(stored: Document) -> None:
            tags = {**stored.get("Tags", {}), **added}
            stored["Tags"] = {key: value for key, value in tags.items() if key not in removed}

        try:
            return self._store.update(request["ResourceARN"], change)
        except KeyError:
            sentence = f"The resource {request['ResourceARN']} does not exist"
            raise ApiError("ResourceNotFoundException", sentence) from None

    def _target(self, scope: Scope, request: Document) -> Document:
        named = identity(request)
        sentence = (
            f"No scalable target found for service namespace: {named['ServiceNamespace']}, "
            f"resource ID: {named['ResourceId']}, scalable dimension: {named['ScalableDimension']}"
        )
        return self._found(target_arn(scope, request), sentence)

    def _found(self, arn: str, sentence: str) -> Document:
        document = self._store.get(arn)
        if document is None:
            raise ApiError("ObjectNotFoundException", sentence)
        return document


def _new_target(scope: Scope, request: Document, arn: str) -> Document:
    namespace = request["ServiceNamespace"]
    role = _ROLE.format(namespace=namespace, owner={"sagemaker": "SageMakerEndpoint"}.get(namespace, namespace))
    return {
        "ScalableTargetARN": arn,
        "RoleARN": f"arn:aws:iam::{scope.account}:role/{role}",
        "CreationTime": time.time(),
        "SuspendedState": _NOT_SUSPENDED,
        "Cooldowns": {},
    }


def _check_limits(target: Document) -> None:
    missing = [name for name in ("MinCapacity", "MaxCapacity") if name not in target]
    if missing:
        raise validation(f"{' and '.join(missing)} must be given when a scalable target is registered")
    if not 0 <= target["MinCapacity"] <= target["MaxCapacity"]:
        raise validation(
            f"MinCapacity {target['MinCapacity']} and MaxCapacity {target['MaxCapacity']} cannot be: "
            "use 0 or more, and a maximum that is not below the minimum"
        )


def _check_policy(policy: Document) -> None:
    member = {
        "StepScaling": "StepScalingPolicyConfiguration",
        "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    }.get(policy["PolicyType"])
    if member is None:
        raise validation(
            f"PolicyType {policy['PolicyType']} is not one the embedded AWS does; use StepScaling or TargetTrackingScaling"
        )
    if member not in policy:
        raise validation(f"{member} is missing: PolicyType is {policy['PolicyType']}")
    if policy["PolicyType"] == "StepScaling":
        if not policy[member].get("StepAdjustments"):
            raise validation("StepAdjustments is empty; give at least one step")
        return
    given = [
        name for name in ("PredefinedMetricSpecification", "CustomizedMetricSpecification") if name in policy[member]
    ]
    if len(given) != 1:
        raise validation(
            f"{member} must have one of PredefinedMetricSpecification and CustomizedMetricSpecification; got {len(given)}"
        )


def _matches(document: Document, request: Document) -> bool:
    wanted = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    return all(document[name] == request[name] for name in wanted if name in request)


def _page(found: list[Document], request: Document, member: str) -> Document:
    start = int(request.get("NextToken") or 0)
    end = start + request.get("MaxResults", PAGE)
    return {member: found[start:end], "NextToken": str(end) if end < len(found) else None}
