"""What a project's people are told, by mail and in chat, and what a budget stops."""

from __future__ import annotations

from typing import Any

import pytest

from mlplatform.project import SlackChannel, TeamsChannel
from tests.unit.project.templates import of_type, synthesize


def test_notifications_are_encrypted_and_mailed_to_the_owner(default: dict[str, Any]) -> None:
    (topic,) = (it["Properties"] for it in of_type(default, "AWS::SNS::Topic").values())
    assert topic["KmsMasterKeyId"]["Fn::GetAtt"][0].startswith("ProjectKey")
    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": "a@example.com"}]


def test_a_budget_that_is_spent_denies_new_jobs_only_on_request(default: dict[str, Any]) -> None:
    _, template = synthesize(monthly_budget_usd=200, deny_jobs_over_budget=True)
    (action,) = (it["Properties"] for it in of_type(template, "AWS::Budgets::BudgetsAction").values())
    assert action["ActionThreshold"] == {"Type": "PERCENTAGE", "Value": 100}
    assert (action["ActionType"], action["ApprovalModel"]) == ("APPLY_IAM_POLICY", "AUTOMATIC")
    held = [role["Ref"] for role in action["Definition"]["IamActionDefinition"]["Roles"]]
    assert [name[7:-12] for name in held] == ["Pipeline", "DataScientist", "Deploy"]
    assert of_type(default, "AWS::Budgets::BudgetsAction") == {}


def test_a_budget_warns_the_owner(default: dict[str, Any]) -> None:
    _, template = synthesize(monthly_budget_usd=200)
    (budget,) = of_type(template, "AWS::Budgets::Budget").values()
    assert budget["Properties"]["Budget"]["BudgetLimit"] == {"Amount": 200, "Unit": "USD"}
    assert budget["Properties"]["Budget"]["CostFilters"] == {"TagKeyValue": ["user:project$demand"]}
    alerts = budget["Properties"]["NotificationsWithSubscribers"]
    assert [(it["Notification"]["NotificationType"], it["Notification"]["Threshold"]) for it in alerts] == [
        (kind, percent) for kind in ("ACTUAL", "FORECASTED") for percent in (50, 80, 100)
    ]
    for alert in alerts:
        mail, topic = alert["Subscribers"]
        assert mail == {"SubscriptionType": "EMAIL", "Address": "a@example.com"}
        assert topic["Address"]["Ref"].startswith("ProjectNotifications")
    assert of_type(default, "AWS::Budgets::Budget") == {}


def test_chat_channels_show_notifications_and_can_do_nothing() -> None:
    teams = "01234567-89ab-cdef-0123-456789abcdef"
    _, template = synthesize(
        chat=[
            SlackChannel(workspace_id="T0123456789", channel_id="C0123456789"),
            SlackChannel(workspace_id="T0123456789", channel_id="C0000000000"),
            TeamsChannel(tenant_id=teams, team_id=teams, channel_id="19%3a0123%40thread.tacv2"),
        ]
    )
    slack = of_type(template, "AWS::Chatbot::SlackChannelConfiguration").values()
    channels = [*slack, *of_type(template, "AWS::Chatbot::MicrosoftTeamsChannelConfiguration").values()]
    assert len({it["Properties"]["ConfigurationName"] for it in channels}) == 3
    for channel in channels:
        assert channel["Properties"]["GuardrailPolicies"] == ["arn:aws:iam::aws:policy/AWSDenyAll"]
        assert len(channel["Properties"]["SnsTopicArns"]) == 1
    (role,) = (it for key, it in of_type(template, "AWS::IAM::Role").items() if "ChatRole" in key)
    assert "Policies" not in role["Properties"]
    assert "PermissionsBoundary" in role["Properties"]


def test_ids_of_chat_channels_that_are_none_are_all_told() -> None:
    with pytest.raises(
        ValueError, match=r"'t-1' is not the id of a Slack workspace.*; '#alerts' is not the id of a Slack"
    ):
        SlackChannel(workspace_id="t-1", channel_id="#alerts")
    with pytest.raises(ValueError, match=r"'x' is not an id of Microsoft Teams.*; 'general' is not the id of a Teams"):
        TeamsChannel(tenant_id="x", team_id="01234567-89ab-cdef-0123-456789abcdef", channel_id="general")
