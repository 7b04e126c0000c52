"""Budgets, which ministack has as API operations but not as a resource type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mllocal.aws import Aws
from mllocal.sagemaker.store import Document, Scope


@dataclass(frozen=True)
class Budget:
    """`AWS::Budgets::Budget`. The physical id is the budget's name. Nothing is billed, so no alert is ever sent."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        name = properties["Budget"].get("BudgetName", f"{stack}-{logical_id}")
        request = {
            "AccountId": scope.account,
            "Budget": _budget(properties, name),
            "NotificationsWithSubscribers": properties.get("NotificationsWithSubscribers", []),
        }
        Aws(scope).client("budgets").create_budget(**_numbers(request))
        return name, {}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        request = {"AccountId": scope.account, "NewBudget": _budget(new, physical_id)}
        Aws(scope).client("budgets").update_budget(**request)
        return physical_id, {}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        Aws(scope).client("budgets").delete_budget(AccountId=scope.account, BudgetName=physical_id)


def _budget(properties: Document, name: str) -> dict[str, Any]:
    budget = {**properties["Budget"], "BudgetName": name}
    limit = budget["BudgetLimit"]
    # A number in a template, text in the API.
    return {**budget, "BudgetLimit": {**limit, "Amount": str(limit["Amount"])}}


def _numbers(request: dict[str, Any]) -> dict[str, Any]:
    """Thresholds as numbers: a template may carry them as text."""
    for item in request["NotificationsWithSubscribers"]:
        item["Notification"] = {**item["Notification"], "Threshold": float(item["Notification"]["Threshold"])}
    return request
