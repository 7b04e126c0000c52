"""The monthly budget of a project, with alerts to its owner."""

from __future__ import annotations

from aws_cdk import aws_budgets as budgets
from constructs import Construct


def monthly_budget(
    scope: Construct, construct_id: str, *, project: str, owner: str, limit_usd: float
) -> budgets.CfnBudget:
    """Create a monthly cost budget in US dollars over everything tagged `project`.

    The tag `project` must be activated as a cost allocation tag in the payer account (AWS Billing user guide,
    "Activating user-defined cost allocation tags"); until then the budget sees no costs.
    """
    subscribers = [{"subscriptionType": "EMAIL", "address": owner}]
    return budgets.CfnBudget(
        scope,
        construct_id,
        budget={
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "budgetLimit": {"amount": limit_usd, "unit": "USD"},
            "costFilters": {"TagKeyValue": [f"user:project${project}"]},
        },
        notifications_with_subscribers=[
            {
                "notification": {
                    "notificationType": kind,
                    "comparisonOperator": "GREATER_THAN",
                    "threshold": percent,
                    "thresholdType": "PERCENTAGE",
                },
                "subscribers": subscribers,
            }
            for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
        ],
    )
