"""platform.yaml: what it takes, and what it says about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplatform.config import NetworkSettings, Platform, PlatformConfigError, load_platform
from mlplatform.experiment_store import RecordRetention
from tests.conftest import REPOSITORY

GOOD = """\
organization: example-mobility
environments:
  dev: {account: "012345670123", region: us-east-1, network: {cidr: 10.40.0.0/16}}
  prod: {account: "210987654321", region: ap-northeast-1}
projects:
  - {name: demand, owner: a@example.com, definition: "teams.demand:define", environments: [dev, prod]}
  - {name: prices, owner: b@example.com, definition: "teams.prices:define", environments: [prod]}
"""


def load(tmp_path: Path, text: str) -> Platform:
    file = tmp_path / "platform.yaml"
    file.write_text(text, encoding="utf-8")
    return load_platform(file)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(PlatformConfigError) as raised:
        load(tmp_path, text)
    return raised.value.problems


def test_the_repositorys_own_file_is_fine() -> None:
    assert set(load_platform(REPOSITORY / "platform.yaml").environments) == {"dev", "prod"}


def test_defaults_cost_nothing_per_hour(tmp_path: Path) -> None:
    network = load(tmp_path, GOOD).environment("dev").network
    assert isinstance(network, NetworkSettings)
    assert network.interface_endpoints == []


def test_a_quoted_account_keeps_its_leading_zero(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).environment("dev").account == "012345670123"


def test_what_is_said_of_the_experiment_store_is_its_retention(tmp_path: Path) -> None:
    said = "experiment_store: {keep_days: 1095, backup_days: 35}"
    text = GOOD.replace("region: ap-northeast-1", f"region: ap-northeast-1, {said}")
    platform = load(tmp_path, text)
    assert platform.environment("prod").experiment_store.retention == RecordRetention(keep_days=1095, backup_days=35)
    assert platform.environment("dev").experiment_store.retention == RecordRetention()


@pytest.mark.parametrize("account", ["012345670123", "012345678901", "123456789012"])
def test_an_unquoted_account_is_named_as_written_with_its_quotes(tmp_path: Path, account: str) -> None:
    """YAML 1.1 reads the first as octal, the second as text and the third as an integer."""
    (problem,) = problems(tmp_path, GOOD.replace('"012345670123"', account))
    assert problem.startswith("platform.yaml:3: environments.dev.account: ")
    assert f'write "{account}"' in problem


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "region: ap-northeast-1",
            "region: ap-northeast-1, experiment_store: {keep_day: 3}",
            "environments.prod.experiment_store.keep_day: unknown key 'keep_day'; did you mean 'keep_days'?",
        ),
        (
            "region: ap-northeast-1",
            "region: ap-northeast-1, experiment_store: {alarm_topic_arn: alarms}",
            "environments.prod.experiment_store.alarm_topic_arn: 'alarms'",
        ),
        ("owner: a@", "ownr: a@", "projects[0].ownr: unknown key 'ownr'; did you mean 'owner'?"),
        ("owner: a@", "ownr: a@", "projects[0].owner: is missing; add the key 'owner'"),
        ("a@example.com", "nobody", "'nobody' is not an e-mail address"),
        ("name: demand", "name: Demand_1", "'Demand_1' is not a name of lower-case letters"),
        ("name: demand", f"name: {'d' * 33}", "of at most 32 characters"),
        ("us-east-1", "useast", "environments.dev.region: 'useast' is not an AWS region"),
        ('"012345670123"', '"123"', "'123' is not an AWS account number, which has 12 digits"),
        ("10.40.0.0/16", "10.40.0.0/33", "'10.40.0.0/33' is not an IPv4 network"),
        ("10.40.0.0/16", "10.40.0.1/16", "has host bits set"),
        ("10.40.0.0/16", "10.0.0.0/8", "prefix length 8; use /16 to /25"),
        ("10.40.0.0/16", "8.8.0.0/16", "'8.8.0.0/16' is public; use a private range"),
        (
            "cidr: 10.40.0.0/16",
            "cidr: 10.40.0.0/16, interface_endpoints: [kmz]",
            "'kmz' is unknown; did you mean 'kms'?",
        ),
        ("teams.demand:define", "teams.demand", "as 'package.module:function'"),
        ("[dev, prod]", "[dev, prd]", "no environment is named 'prd', did you mean 'prod'? (known: dev, prod)"),
        ("[dev, prod]", "dev", "'dev' is not a list"),
        ("[dev, prod]", "[]", "[] is empty; name at least one"),
        ("name: prices", "name: demand", "projects[1].name: 'demand' is taken by projects[0]"),
        ('"210987654321", region: ap-northeast-1', '"012345670123", region: us-east-1', "so names would collide"),
        ("name: prices", "name: prices, monthly_budget_usd: -3", "monthly_budget_usd: -3 is not positive"),
        ("name: prices", "name: yes", "True is not text; quote it if it is meant to be"),
        ("name: prices", "name:", "projects[1].name: has no value; write one, or remove the key"),
        ("name: prices", "name: prices, tags: {owner: me}", "'owner' is set by the platform; remove it"),
        ("name: prices", "name: prices, tags: {'aws:x': me}", "'aws:x' is not a tag key"),
        ("organization: example-mobility", "organization: [x]", "organization: "),
        ("environments:\n", "environments:\n  dev: {}\n", "environments.dev: appears twice, on lines 3 and 4"),
    ],
)
def test_a_mistake_is_named_with_its_fix(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new))
    assert any(expected in problem for problem in found), found


def test_all_mistakes_are_listed_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("10.40.0.0/16", "x").replace("a@example.com", "a").replace("[prod]", "[qa]")
    found = problems(tmp_path, text.replace("us-east-1", "moon"))
    assert [problem.split(": ")[1] for problem in found] == [
        "environments.dev.region",
        "environments.dev.network.cidr",
        "projects[0].owner",
        "projects[1].environments[0]",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("organization: [a\nenvironments: {}\n", "platform.yaml:2: not YAML: "),
        ("a: b\n\tc: d\n", "platform.yaml:2: not YAML: "),
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("- a\n", "is not a mapping"),
        ("a: \x00", "holds a character that YAML forbids"),
        ("a: *b\n", "undefined alias"),
        ("a: !!python/object:os.system x\n", "could not determine a constructor"),
        ("a: {[b]: c}\n", "not YAML: "),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problems(tmp_path, text)[0]


def test_a_missing_file_says_how_to_name_another() -> None:
    with pytest.raises(PlatformConfigError, match="does not exist; create it, or name another file with -c config="):
        load_platform(Path("/nowhere/platform.yaml"))


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(PlatformConfigError, match="is a directory"):
        load_platform(tmp_path)


def test_a_project_says_what_bounds_it_and_who_delivers(tmp_path: Path) -> None:
    settings = (
        "instance_types: [ml.m5.large], max_runtime_hours: 6, deny_jobs_over_budget: true, "
        "ci: {provider: ci.example.com, subjects: [main]}, auditors: ['arn:aws:iam::123456789012:role/audit']"
    )
    project = load(
        tmp_path, GOOD.replace("environments: [dev, prod]", f"environments: [dev, prod], {settings}")
    ).projects[0]
    assert (project.instance_types, project.max_runtime_hours) == (["ml.m5.large"], 6)
    assert project.ci is not None
    assert project.ci.subjects == ["main"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("instance_types: [m5.large]", "'m5.large' is not a SageMaker instance type, such as 'ml.m5.large'"),
        ("instance_types: []", "[] is empty; name at least one"),
        ("auditors: [audit]", "'audit' is not the ARN of a role"),
        ("ci: {provider: ci.example.com, subjects: ['repo:*']}", "'repo:*' is not a whole OIDC subject"),
        ("ci: {provider: ci.example.com, subject: main}", "unknown key 'subject'; did you mean 'subjects'?"),
    ],
)
def test_a_mistake_in_what_bounds_a_project_is_named(tmp_path: Path, settings: str, expected: str) -> None:
    found = problems(tmp_path, GOOD.replace("environments: [dev, prod]", f"environments: [dev, prod], {settings}"))
    assert any(expected in problem for problem in found)


def test_a_name_that_begins_with_another_projects_is_refused(tmp_path: Path) -> None:
    """The roles of `demand` may start pipelines called `demand-*`."""
    (problem,) = problems(tmp_path, GOOD.replace("name: prices", "name: demand-prices"))
    assert "'demand-prices' begins with the name of the project 'demand' and a hyphen" in problem
    assert load(tmp_path, GOOD.replace("name: prices", "name: demandprices")).projects[1].name == "demandprices"


def test_a_file_in_another_encoding_says_so(tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_bytes(b"organization: caf\xe9")
    with pytest.raises(PlatformConfigError, match="is not UTF-8"):
        load_platform(tmp_path / "platform.yaml")


def test_an_unknown_environment_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PlatformConfigError, match=r"'prd', did you mean 'prod'\? \(known: dev, prod\)"):
        load(tmp_path, GOOD).environment("prd")


def test_projects_are_those_of_the_environment_in_the_files_order(tmp_path: Path) -> None:
    platform = load(tmp_path, GOOD)
    assert [project.name for project in platform.projects_in("dev")] == ["demand"]
    assert [project.name for project in platform.projects_in("prod", only=["prices", "demand"])] == ["demand", "prices"]


def test_unknown_projects_are_all_listed_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PlatformConfigError) as raised:
        load(tmp_path, GOOD).projects_in("dev", only=["prices", "demnd"])
    assert len(raised.value.problems) == 2
    assert all("(known: demand)" in problem for problem in raised.value.problems)
