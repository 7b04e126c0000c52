"""The project's notifications in a chat channel, by Amazon Q Developer in chat applications (formerly AWS Chatbot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_chatbot as chatbot
from constructs import Construct

from mlplatform import naming
from mlplatform.policy import ServiceRole
from mlplatform.project.scope import ProjectScope


@dataclass(frozen=True, kw_only=True)
class SlackChannel:
    """A Slack channel that shows the project's notifications: alarms, runs that failed or are late, the budget.

    The workspace is authorized once, by hand, in the console of Amazon Q Developer in chat applications. Its id is there; the
    channel's id is in its link (`.../archives/C0123456789`). Invite Amazon Q to a private channel.

    Raises:
        ValueError: an id is not one; all in one message.
    """

    workspace_id: str
    channel_id: str

    def __post_init__(self) -> None:
        problems = naming.problems(naming.SLACK_WORKSPACE, [self.workspace_id])
        problems += naming.problems(naming.SLACK_CHANNEL, [self.channel_id])
        if problems:
            raise ValueError("; ".join(problems))


@dataclass(frozen=True, kw_only=True)
class TeamsChannel:
    """A channel of Microsoft Teams that shows the project's notifications, as `SlackChannel` does.

    The team is authorized once, by hand, in the console. The ids are in the channel's link: `tenantId`, `groupId`, and the part
    that begins with `19:` or `19%3a`.

    Raises:
        ValueError: an id is not one; all in one message.
    """

    tenant_id: str
    team_id: str
    channel_id: str

    def __post_init__(self) -> None:
        problems = naming.problems(naming.UUID, [self.tenant_id, self.team_id])
        problems += naming.problems(naming.TEAMS_CHANNEL, [self.channel_id])
        if problems:
            raise ValueError("; ".join(problems))


ChatChannel = SlackChannel | TeamsChannel


def chat_channels(
    construct: Construct, channels: Sequence[ChatChannel], *, scope: ProjectScope, topic_arn: str
) -> None:
    """Show what the topic gets in these channels, and let nobody do anything from there.

    The role has no permissions, and the guardrail denies everything, since without one it would be AdministratorAccess
    (administrator guide, "Channel guardrail policies"): a notification needs neither.
    """
    if not channels:
        return
    role = ServiceRole(
        construct,
        "ChatRole",
        service="chatbot.amazonaws.com",
        # AWS documents the trust of a channel role without conditions; the role may do nothing, whoever assumes it.
        account=None,
        path=scope.role_path,
        description=f"Notifications of the project {scope.name} in chat: may do nothing",
    )
    kinds = [type(channel).__name__ for channel in channels]
    for index, channel in enumerate(channels):
        number = kinds[:index].count(kinds[index])
        construct_id = f"{kinds[index]}{number + 1 if number else ''}"
        common: dict[str, Any] = {
            "configuration_name": f"{scope.name}-{scope.region}-{construct_id.lower()}",
            "iam_role_arn": role.arn,
            "guardrail_policies": [f"arn:{scope.partition}:iam::aws:policy/AWSDenyAll"],
            "logging_level": "ERROR",
            "sns_topic_arns": [topic_arn],
            "user_role_required": False,
        }
        if isinstance(channel, SlackChannel):
            chatbot.CfnSlackChannelConfiguration(
                construct,
                construct_id,
                slack_workspace_id=channel.workspace_id,
                slack_channel_id=channel.channel_id,
                **common,
            )
        else:
            chatbot.CfnMicrosoftTeamsChannelConfiguration(
                construct,
                construct_id,
                teams_tenant_id=channel.tenant_id,
                team_id=channel.team_id,
                teams_channel_id=channel.channel_id,
                **common,
            )
