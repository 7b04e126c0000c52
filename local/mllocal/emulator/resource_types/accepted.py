"""Types that are accepted so that whole stacks deploy, without anything behind them. `mlp status` lists them."""

from __future__ import annotations

from dataclasses import dataclass

from mllocal.sagemaker.store import Document, Scope

NOT_EMULATED = (
    "AWS::Budgets::BudgetsAction",
    "AWS::Chatbot::MicrosoftTeamsChannelConfiguration",
    "AWS::Chatbot::SlackChannelConfiguration",
    "AWS::Route53Resolver::FirewallDomainList",
    "AWS::Route53Resolver::FirewallRuleGroup",
    "AWS::Route53Resolver::FirewallRuleGroupAssociation",
)


@dataclass(frozen=True)
class Accepted:
    """A type that CloudFormation records and that does nothing."""

    def create(self, scope: Scope, logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
        return f"{stack}-{logical_id}", {"Id": f"{stack}-{logical_id}"}

    def update(self, scope: Scope, physical_id: str, old: Document, new: Document) -> tuple[str, Document]:
        return physical_id, {"Id": physical_id}

    def delete(self, scope: Scope, physical_id: str, properties: Document) -> None:
        """Nothing stands behind it."""
