"""The monthly budget of a project, with alerts to its owner."""

from __future__ import annotations

from aws_cdk import CfnResource
from constructs import Construct


def monthly_budget(scope: Construct, construct_id: str, *, project: str, owner: str, limit_usd: float) -> CfnResource:
    """Create a monthly cost budget in US dollars over everything tagged `project`.

    The tag `project` must be activated as a cost allocation tag in the payer account (AWS Billing user guide,
    "Activating user-defined cost allocation tags"); until then the budget sees no costs.
    """
    subscribers = [{"SubscriptionType": "EMAIL", "Address": owner}]
    alerts = (("ACTUAL", 80), ("FORECASTED", 100))
    return CfnResource(
        scope,
        construct_id,
        type="AWS::Budgets::Budget",
        properties={
            "Budget": {
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": limit_usd, "Unit": "USD"},
                "CostFilters": {"TagKeyValue": [f"user:project${project}"]},
            },
            "NotificationsWithSubscribers": [
                {
                    "Notification": {
                        "NotificationType": kind,
                        "ComparisonOperator": "GREATER_THAN",
                        "Threshold": percent,
                        "ThresholdType": "PERCENTAGE",
                    },
                    "Subscribers": subscribers,
                }
                for kind, percent in alerts
            ],
        },
    )
