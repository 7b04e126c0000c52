"""The shapes of names that AWS and the platform accept, each with the words that explain it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAX_PROJECT_NAME_LENGTH = 32
"""A SageMaker model package group takes 63 characters; half of them stay free for what a project appends."""
MAX_PERSON_LENGTH = 23
"""The name of a space takes 63 characters: project, hyphen, person, '-shared'."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A pattern that a whole string must match, with what it wants in words."""

    pattern: re.Pattern[str]
    wants: str
    accepts: Callable[[str], bool] = lambda _: True

    def problem(self, value: str) -> str | None:
        """Say what is wrong with `value`, or None when it is fine."""
        if self.pattern.fullmatch(value) and self.accepts(value):
            return None
        return f"{value!r} is not {self.wants}"


def problems(rule: Rule, values: Iterable[str]) -> list[str]:
    """What is wrong with each of these values that `rule` does not accept."""
    return [problem for value in values if (problem := rule.problem(value))]


def is_token(value: str) -> bool:
    """Whether `value` holds a CDK token, which has no shape yet; `Token.is_unresolved` without a call to Node."""
    return "${Token[" in value


PROJECT_NAME = Rule(
    pattern=re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"),
    wants=(
        f"a name of lower-case letters, digits and single hyphens, starting with a letter, "
        f"of at most {MAX_PROJECT_NAME_LENGTH} characters, such as 'demand-forecast'"
    ),
    accepts=lambda value: len(value) <= MAX_PROJECT_NAME_LENGTH,
)
ENVIRONMENT_NAME = Rule(
    pattern=re.compile(r"[a-z][a-z0-9]{0,15}"),
    wants="a name of at most 16 lower-case letters and digits, starting with a letter, such as 'dev'",
)
DEFINITION = Rule(
    pattern=re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"),
    wants="the name of a function as 'package.module:function'",
)
TAG_KEY = Rule(
    pattern=re.compile(r"(?!aws:)[\w .:/=+@-]{1,128}", re.IGNORECASE),
    wants="a tag key: 1 to 128 letters, digits, spaces and .:/=+@_- that do not start with 'aws:'",
)
TAG_VALUE = Rule(
    pattern=re.compile(r"[\w .:/=+@-]{0,256}"),
    wants="a tag value: at most 256 letters, digits, spaces and .:/=+@_-",
)
EMAIL = Rule(
    pattern=re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+"),
    wants="an e-mail address, such as 'forecasting@example.com'",
)
ACCOUNT = Rule(pattern=re.compile(r"\d{12}"), wants="an AWS account number, which has 12 digits")
REGION = Rule(
    pattern=re.compile(r"[a-z]{2}(-[a-z]+)+-\d"),
    wants="an AWS region, such as 'us-east-1'",
)
VPC_ID = Rule(pattern=re.compile(r"vpc-[0-9a-f]{8,17}"), wants="the id of a VPC, such as 'vpc-0123456789abcdef0'")
SUBNET_ID = Rule(
    pattern=re.compile(r"subnet-[0-9a-f]{8,17}"),
    wants="the id of a subnet, such as 'subnet-0123456789abcdef0'",
)
DOMAIN_NAME = Rule(
    pattern=re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"),
    wants="a domain name, such as 'packages.example.com' or '*.example.com'",
)
PERSON = Rule(
    pattern=re.compile(r"[A-Za-z0-9]+([._+-][A-Za-z0-9]+)*(@[^@\s]+)?"),
    wants=(
        "the name of a user: letters and digits with single '.', '_', '+' or '-' between, "
        f"of at most {MAX_PERSON_LENGTH} characters before an '@'"
    ),
    accepts=lambda value: len(value.partition("@")[0]) <= MAX_PERSON_LENGTH,
)
INSTANCE_TYPE = Rule(
    pattern=re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+"),
    wants="a SageMaker instance type, such as 'ml.m5.large'",
)
ROLE_ARN = Rule(
    pattern=re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+"),
    wants="the ARN of a role, such as 'arn:aws:iam::123456789012:role/audit'",
)
TOPIC_ARN = Rule(
    pattern=re.compile(r"arn:aws[\w-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}"),
    wants="the ARN of a standard SNS topic, such as 'arn:aws:sns:us-east-1:123456789012:platform-alarms'",
)
OIDC_PROVIDER = Rule(
    pattern=re.compile(r"[\w-]+(\.[\w-]+)+(/[\w.-]+)*"),
    wants="an OIDC provider without 'https://', such as 'token.actions.githubusercontent.com'",
)
OIDC_SUBJECT = Rule(
    pattern=re.compile(r"[^*?\s]+"),
    wants="a whole OIDC subject, without wildcards, such as 'repo:example/forecasting:ref:refs/heads/main'",
)
SLACK_WORKSPACE = Rule(
    pattern=re.compile(r"[0-9A-Z]{1,255}"),
    wants="the id of a Slack workspace as Amazon Q Developer shows it, such as 'T0123456789'",
)
SLACK_CHANNEL = Rule(
    pattern=re.compile(r"[A-Za-z0-9]{1,255}"),
    wants="the id of a Slack channel, from its link, such as 'C0123456789'",
)
UUID = Rule(
    pattern=re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    wants="an id of Microsoft Teams, such as '01234567-89ab-cdef-0123-456789abcdef'",
)
TEAMS_CHANNEL = Rule(
    pattern=re.compile(r"19(:|%3[aA])[A-Za-z0-9_%@.-]{1,250}"),
    wants="the id of a Teams channel, from its link, such as '19%3a0123456789abcdef%40thread.tacv2'",
)

LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""What PutRetentionPolicy accepts (CloudWatch Logs API reference)."""
