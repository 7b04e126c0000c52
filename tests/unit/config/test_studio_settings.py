"""platform.yaml: networks, training environments, and the people of projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplatform.config import ExistingNetworkSettings, NetworkSettings, Platform, PlatformConfigError, load_platform
from mlplatform.network import ENDPOINT_SETS

GOOD = """\
organization: example-mobility
environments:
  dev:
    account: "012345670123"
    region: us-east-1
    network:
      cidr: 10.40.0.0/16
      interface_endpoints: studio
    training_environment:
      home_file_system: remove
      auth_mode: IAM
  prod:
    account: "210987654321"
    region: ap-northeast-1
    network: {vpc_id: vpc-0123456789abcdef0, subnet_ids: [subnet-01234567, subnet-12345678], cidr: 10.0.0.0/16}
projects:
  - name: demand
    owner: a@example.com
    definition: teams.demand:define
    environments: [dev]
    studio: {people: [aiko.tanaka@example.com, ben]}
"""
OTHER_PROJECT = """\
  - name: prices
    owner: b@example.com
    definition: teams.prices:define
    environments: [dev]
    studio: {people: [ben]}
"""


def load(tmp_path: Path, text: str) -> Platform:
    file = tmp_path / "platform.yaml"
    file.write_text(text, encoding="utf-8")
    return load_platform(file)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(PlatformConfigError) as raised:
        load(tmp_path, text)
    return raised.value.problems


def own_network(platform: Platform) -> NetworkSettings:
    network = platform.environment("dev").network
    assert isinstance(network, NetworkSettings)
    return network


def test_a_set_of_endpoints_is_read_as_its_members(tmp_path: Path) -> None:
    assert own_network(load(tmp_path, GOOD)).interface_endpoints == [*ENDPOINT_SETS["studio"]]


def test_sets_and_endpoints_can_be_mixed_and_are_named_once(tmp_path: Path) -> None:
    text = GOOD.replace("interface_endpoints: studio", "interface_endpoints: [lambda, studio, sts, jobs]")
    assert own_network(load(tmp_path, text)).interface_endpoints == ["lambda", *ENDPOINT_SETS["studio"]]


def test_a_network_with_a_vpc_id_is_one_that_exists(tmp_path: Path) -> None:
    network = load(tmp_path, GOOD).environment("prod").network
    assert isinstance(network, ExistingNetworkSettings)
    assert network.subnet_ids == ["subnet-01234567", "subnet-12345678"]


def test_limits_have_defaults_that_shut_down_idle_apps_after_an_hour(tmp_path: Path) -> None:
    training = load(tmp_path, GOOD).environment("dev").training_environment
    assert training is not None
    assert training.limits.idle_shutdown_minutes == 60
    assert training.limits.problems() == []
    assert training.image is False


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "home_file_system: remove",
            "max_space_gb: 10",
            "training_environment.home_file_system: is missing; add the key 'home_file_system'",
        ),
        (
            "home_file_system: remove",
            "home_file_system: drop",
            "input should be 'keep', 'remove' or 'none', got 'drop'",
        ),
        ("auth_mode: IAM", "auth_mod: IAM", "unknown key 'auth_mod'; did you mean 'auth_mode'?"),
        ("auth_mode: IAM", "image: 'yes'", "'yes' is not true or false; write one of them, without quotes"),
        ("auth_mode: IAM", "image_version: 3", "image_version 3 is of no image; set image to true"),
        ("auth_mode: IAM", "idle_shutdown_minutes: 5", "greater than or equal to 60, got 5"),
        (
            "auth_mode: IAM",
            "idle_shutdown_minutes: 600",
            "idle_shutdown_minutes 600 is more than max_idle_shutdown_minutes 480; use less, or allow more",
        ),
        (
            "auth_mode: IAM",
            "instance_types: [ml.t3.mediun]",
            "'ml.t3.mediun' is no instance type that Studio apps run on; did you mean 'ml.t3.medium'?",
        ),
        ("      interface_endpoints: studio\n", "", "the network lacks sagemaker.api and sagemaker.runtime"),
        ("studio\n    training", "[sagemaker.api]\n    training", "the network lacks sagemaker.runtime; write"),
        ("studio\n    training", "[studoi]\n    training", "'studoi' is unknown; did you mean 'studio'?"),
        ("vpc-0123456789abcdef0", "vpc-1", "environments.prod.network.vpc_id: 'vpc-1' is not the id of a VPC"),
        ("subnet-01234567,", "subnet-1,", "network.subnet_ids[0]: 'subnet-1' is not the id of a subnet"),
        ("vpc_id: vpc", "vpcid: vpc", "environments.prod.network.vpc_id: is missing; add the key 'vpc_id'"),
        ("vpc_id: vpc", "vpcid: vpc", "unknown key 'vpcid'; did you mean 'vpc_id'?"),
        (", cidr: 10.0.0.0/16}", "}", "environments.prod.network.cidr: is missing; add the key 'cidr'"),
        (
            "cidr: 10.40.0.0/16",
            "cidr: 10.40.0.0/16\n      egress: {allowed_domains: [packages.example.com, http://x]}",
            "allowed_domains[1]: 'http://x' is not a domain name, such as 'packages.example.com' or '*.example.com'",
        ),
        ("cidr: 10.40.0.0/16", "cidr: 10.40.0.0/16\n      egress: {}", "egress.allowed_domains: is missing"),
        ("[aiko.tanaka@example.com, ben]", "[]", "[] is empty; name at least one"),
        ("[aiko.tanaka@example.com, ben]", "['a b']", "'a b' is not the name of a user"),
        (
            "[aiko.tanaka@example.com, ben]",
            "[aiko.tanaka@example.com, aiko_tanaka]",
            "'aiko_tanaka' and 'aiko.tanaka@example.com' would share the profile 'demand-aiko-tanaka'",
        ),
        (
            "ben]}",
            "ben], shared_space_owner: bem}",
            "projects[0].studio: shared_space_owner 'bem' is not among people; use one of aiko.tanaka@example.com, ben",
        ),
        ("ben]}", "ben], idle_shutdown_minutes: 481}", "481 is more than the 480 minutes that dev allows; use less"),
        (
            "ben]}",
            "ben], instance_types: [ml.t3.medium, ml.p4d.24xlarge]}",
            "ml.p4d.24xlarge is not allowed in dev; use ml.t3.medium, ml.m5.large, ml.m5.xlarge",
        ),
        ("[dev]", "[prod]", "none of the environments prod has a training_environment; add one, or remove studio"),
    ],
)
def test_a_mistake_is_named_with_its_fix(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new))
    assert any(expected in problem for problem in found), found


def test_a_training_environment_needs_a_network(tmp_path: Path) -> None:
    text = GOOD.replace("    network:\n      cidr: 10.40.0.0/16\n      interface_endpoints: studio\n", "")
    assert problems(tmp_path, text) == (
        "platform.yaml:6: environments.dev.training_environment: needs a network for its apps; add network beside it",
    )


def test_egress_is_as_good_as_endpoints(tmp_path: Path) -> None:
    text = GOOD.replace("interface_endpoints: studio", "egress: {allowed_domains: [packages.example.com]}")
    network = own_network(load(tmp_path, text))
    assert network.egress is not None
    assert network.egress.allowed_domains == ["packages.example.com"]


def test_a_person_may_be_in_two_projects_unless_identity_center_signs_them_in(tmp_path: Path) -> None:
    assert len(load(tmp_path, GOOD + OTHER_PROJECT).projects) == 2
    (problem,) = problems(tmp_path, (GOOD + OTHER_PROJECT).replace("auth_mode: IAM", "auth_mode: SSO"))
    assert "projects[1].studio.people[0]: 'ben' is in projects[0], too" in problem


def test_all_mistakes_are_listed_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("home_file_system: remove", "idle_shutdown_minutes: 5").replace("10.40.0.0/16", "x")
    found = problems(tmp_path, text.replace("[dev]", "[prod]"))
    assert [problem.split(": ")[1] for problem in found] == [
        "environments.dev.network.cidr",
        "environments.dev.training_environment.home_file_system",
        "environments.dev.training_environment.idle_shutdown_minutes",
        "projects[0].studio",
    ]
