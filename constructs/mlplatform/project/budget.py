"""The monthly budget of a project: alerts on the way, and on request an end to new jobs when it is spent."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlplatform.policy import Role, ServiceRole, Statement
from mlplatform.project.scope import PROJECT_TAG, ProjectScope

ALERT_PERCENTS = (50, 80, 100)
"""Each for what is spent and for what AWS forecasts for the month: six of the ten notifications a budget can have."""
BUDGETS = "budgets.amazonaws.com"
_STARTS = (
    "sagemaker:CreateApp",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateTransformJob",
    "sagemaker:RetryPipelineExecution",
    "sagemaker:StartNotebookInstance",
    "sagemaker:StartPipelineExecution",
)


def monthly_budget(
    construct: Construct,
    construct_id: str,
    *,
    scope: ProjectScope,
    owner: str,
    topic_arn: str,
    limit_usd: float,
) -> budgets.CfnBudget:
    """Create a monthly cost budget in US dollars over everything tagged `project`.

    The owner is mailed and the topic told at 50, 80 and 100 % of it, actual and forecast. The tag `project` must be activated
    as a cost allocation tag in the payer account (AWS Billing user guide, "Activating user-defined cost allocation tags");
    until then the budget sees no costs.
    """
    subscribers = [
        {"subscriptionType": "EMAIL", "address": owner},
        {"subscriptionType": "SNS", "address": topic_arn},
    ]
    return budgets.CfnBudget(
        construct,
        construct_id,
        budget={
            "budgetName": scope.budget_name,
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "budgetLimit": {"amount": limit_usd, "unit": "USD"},
            "costFilters": {"TagKeyValue": [f"user:{PROJECT_TAG}${scope.name}"]},
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
            for kind in ("ACTUAL", "FORECASTED")
            for percent in ALERT_PERCENTS
        ],
    )


def deny_jobs_over_budget(
    construct: Construct, *, scope: ProjectScope, owner: str, budget: budgets.CfnBudget, roles: Sequence[Role]
) -> None:
    """Once the budget is spent, have AWS Budgets attach a policy to these roles that denies whatever starts something.

    What runs goes on. AWS Budgets takes the policy off again when the next month begins (AWS Cost Management user guide,
    "Configuring a budget action").
    """
    policy = iam.CfnManagedPolicy(
        construct,
        "DenyNewJobs",
        description=f"Attached by AWS Budgets when the budget of {scope.name} is spent",
        path=scope.budget_policy_path,
        policy_document={
            "Version": "2012-10-17",
            "Statement": [{"Sid": "BudgetSpent", "Effect": "Deny", "Action": list(_STARTS), "Resource": "*"}],
        },
    )
    policy_arn: str = policy.ref
    executor = ServiceRole(
        construct,
        "BudgetRole",
        service=BUDGETS,
        account=scope.account,
        description=f"Denies the project {scope.name} new jobs when its budget is spent",
        path=scope.role_path,
        statements=[
            Statement(
                sid="AttachThePolicy",
                actions=["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
                resources=[role.arn for role in roles],
                conditions={"ArnEquals": {"iam:PolicyARN": policy_arn}},
            )
        ],
    )
    budgets.CfnBudgetsAction(
        construct,
        "BudgetAction",
        action_type="APPLY_IAM_POLICY",
        approval_model="AUTOMATIC",
        budget_name=budget.ref,
        notification_type="ACTUAL",
        action_threshold={"type": "PERCENTAGE", "value": 100},
        definition={"iamActionDefinition": {"policyArn": policy_arn, "roles": [role.resource.ref for role in roles]}},
        execution_role_arn=executor.arn,
        subscribers=[{"type": "EMAIL", "address": owner}],
    )
