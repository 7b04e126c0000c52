"""An endpoint as DescribeEndpoint and its events show it."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

from mllocal.endpoints.fleet import Fleet, VariantFleet
from mllocal.jobs.events import job_event
from mllocal.sagemaker.kinds import ENDPOINT
from mllocal.sagemaker.store import Document


def summaries_of(fleet: Fleet) -> dict[str, Any]:
    """The members that say what is deployed."""
    shadows = [_summary(one) for one in fleet.shadows.values()]
    return {
        "ProductionVariants": [_summary(one) for one in fleet.production.values()],
        "ShadowProductionVariants": shadows or None,
    }


def _summary(fleet: VariantFleet) -> Document:
    image = fleet.variant.container["Image"]
    count = len(fleet.instances)
    serverless = fleet.variant.document.get("ServerlessConfig")
    capacity: Document = {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
    if serverless is not None:
        capacity = {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    pools = Counter(instance.instance_type for instance in fleet.instances) if fleet.variant.pools else {}
    return {
        "VariantName": fleet.variant.name,
        "InstancePools": [{"InstanceType": name, "CurrentInstanceCount": many} for name, many in pools.items()] or None,
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": time.time()}],
        "CurrentWeight": fleet.weight,
        "DesiredWeight": fleet.weight,
        **capacity,
    }


def event(document: Document) -> tuple[str, list[str], Document]:
    """Its state-change event; there, states are written `IN_SERVICE`."""
    title, resources, detail = job_event(ENDPOINT, document)
    status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", detail["EndpointStatus"]).upper()
    return title, resources, {**detail, "EndpointStatus": status}
