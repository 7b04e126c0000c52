"""Targets, policies, scheduled actions and activities in the engine's store: their names and how they are found."""

from __future__ import annotations

import hashlib
import uuid

from mllocal.sagemaker.store import Document, Scope, Store

TARGET, POLICY, SCHEDULED_ACTION, ACTIVITY = "ScalableTarget", "ScalingPolicy", "ScheduledAction", "ScalingActivity"
_IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")


def identity(document: Document) -> Document:
    """What says which resource a request or a document is about."""
    return {name: document[name] for name in _IDENTITY}


def target_arn(scope: Scope, request: Document) -> str:
    """The ARN of the target that a request names."""
    return f"arn:aws:application-autoscaling:{scope.region}:{scope.account}:scalable-target/{_id(scope, request)[:12]}"


def policy_arn(scope: Scope, request: Document) -> str:
    """The ARN of the policy that a request names."""
    return _arn(scope, request, "scalingPolicy", f"policyName/{request['PolicyName']}")


def scheduled_action_arn(scope: Scope, request: Document) -> str:
    """The ARN of the scheduled action that a request names."""
    return _arn(scope, request, "scheduledAction", f"scheduledActionName/{request['ScheduledActionName']}")


def activity_arn(scope: Scope, activity_id: str) -> str:
    """The key of an activity in the store."""
    return f"arn:aws:application-autoscaling:{scope.region}:{scope.account}:activity/{activity_id}"


def _arn(scope: Scope, request: Document, kind: str, name: str) -> str:
    resource = f"resource/{request['ServiceNamespace']}/{request['ResourceId']}"
    return f"arn:aws:autoscaling:{scope.region}:{scope.account}:{kind}:{_id(scope, request, name)}:{resource}:{name}"


def _id(scope: Scope, request: Document, *more: str) -> str:
    """The same for the same resource, as a UUID."""
    text = "|".join((scope.account, scope.region, *(str(value) for value in identity(request).values()), *more))
    return str(uuid.UUID(hashlib.sha256(text.encode()).hexdigest()[:32]))


def of_target(store: Store, kind: str, scope: Scope, target: Document) -> list[Document]:
    """The documents of a kind that belong to a target, oldest first."""
    wanted = identity(target)
    return [document for document in store.find(kind, scope) if identity(document) == wanted]
