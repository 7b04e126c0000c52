"""Studio on the embedded AWS: domains, profiles, spaces and apps in the states that AWS gives them, refused as AWS refuses."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

import mllocal
from tests.local.studio import Studio, wait_until


@pytest.fixture
def studio(engine: mllocal.Engine) -> Studio:
    return Studio.create(engine)


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_domain_brings_a_file_system_mount_targets_and_two_groups(studio: Studio) -> None:
    domain = studio.sagemaker.describe_domain(DomainId=studio.domain_id)
    targets = studio.engine.client("efs").describe_mount_targets(FileSystemId=domain["HomeEfsFileSystemId"])

    assert {target["SubnetId"] for target in targets["MountTargets"]} == set(studio.subnet_ids)
    assert sorted(name for name in studio.left_behind() if name.startswith("security-group")) == [
        f"security-group-for-inbound-nfs-{studio.domain_id}",
        f"security-group-for-outbound-nfs-{studio.domain_id}",
    ]


def test_a_domain_without_a_home_file_system_brings_none(engine: mllocal.Engine) -> None:
    studio = Studio.create(engine, HomeEfsFileSystemCreation="Disabled")

    assert "HomeEfsFileSystemId" not in studio.sagemaker.describe_domain(DomainId=studio.domain_id)
    assert studio.left_behind() == []


def test_an_app_starts_in_a_space_has_an_interface_and_ends(studio: Studio) -> None:
    studio.add_profile("aiko")
    studio.add_space("mine", owner="aiko")
    before = studio.left_behind()

    app = studio.start_app("mine")
    during = studio.left_behind()
    studio.sagemaker.delete_app(DomainId=studio.domain_id, **app)
    studio.wait("app", "Deleted", **app)

    assert len(during) == len(before) + 1
    assert studio.left_behind() == before
    (listed,) = studio.sagemaker.list_apps(DomainIdEquals=studio.domain_id, SpaceNameEquals="mine")["Apps"]
    assert listed["Status"] == "Deleted"


def test_the_name_of_an_app_that_is_over_can_be_taken_again(studio: Studio) -> None:
    studio.add_profile("aiko")
    studio.add_space("mine", owner="aiko")
    app = studio.start_app("mine")

    with pytest.raises(ClientError, match="already exists and is InService") as refused:
        studio.start_app("mine")
    studio.sagemaker.delete_app(DomainId=studio.domain_id, **app)
    studio.wait("app", "Deleted", **app)

    assert code(refused) == "ResourceInUse"
    assert studio.start_app("mine") == app


def test_nothing_is_deleted_while_something_is_in_it(studio: Studio) -> None:
    studio.add_profile("aiko")
    studio.add_space("mine", owner="aiko")
    app = studio.start_app("mine")
    domain = {"DomainId": studio.domain_id}

    with pytest.raises(ClientError, match=r"because App\(s\) are associated with it") as of_the_domain:
        studio.sagemaker.delete_domain(**domain)
    with pytest.raises(ClientError, match=r"because App\(s\) are associated with it") as of_the_space:
        studio.sagemaker.delete_space(**domain, SpaceName="mine")
    studio.sagemaker.delete_app(**domain, **app)
    studio.wait("app", "Deleted", **app)
    with pytest.raises(ClientError, match=r"because Space\(s\) are associated with it") as of_the_profile:
        studio.sagemaker.delete_user_profile(**domain, UserProfileName="aiko")
    studio.sagemaker.delete_space(**domain, SpaceName="mine")
    studio.wait("space", None, SpaceName="mine")
    studio.sagemaker.delete_user_profile(**domain, UserProfileName="aiko")
    studio.wait("user_profile", None, UserProfileName="aiko")
    studio.sagemaker.delete_domain(**domain)
    studio.wait("domain", None)

    assert {code(of_the_domain), code(of_the_space), code(of_the_profile)} == {"ResourceInUse"}


def test_a_deleted_domain_leaves_its_file_system_and_groups_unless_told_otherwise(engine: mllocal.Engine) -> None:
    kept, removed = Studio.create(engine), Studio.create(engine)
    kept_id, removed_id = kept.file_system_id, removed.file_system_id

    kept.sagemaker.delete_domain(DomainId=kept.domain_id)
    removed.sagemaker.delete_domain(DomainId=removed.domain_id, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    kept.wait("domain", None)
    removed.wait("domain", None)

    assert kept_id in kept.file_systems()
    assert removed_id not in removed.file_systems()
    assert len(kept.left_behind()) == 4
    assert len(removed.left_behind()) == 2  # The groups stay in AWS, too.


def test_a_profile_of_identity_center_needs_a_domain_of_that_mode(studio: Studio) -> None:
    with pytest.raises(ClientError, match="go with AuthMode SSO; the domain's is IAM"):
        studio.sagemaker.create_user_profile(
            DomainId=studio.domain_id,
            UserProfileName="aiko",
            SingleSignOnUserIdentifier="UserName",
            SingleSignOnUserValue="aiko",
        )


def test_a_space_of_nobody_known_is_refused(studio: Studio) -> None:
    with pytest.raises(ClientError) as refused:
        studio.add_space("mine", owner="nobody")
    assert code(refused) == "ResourceNotFound"


def test_lists_are_of_one_domain(engine: mllocal.Engine, studio: Studio) -> None:
    other = Studio.create(engine)
    studio.add_profile("aiko")
    other.add_profile("ben")

    profiles = studio.sagemaker.list_user_profiles(DomainIdEquals=studio.domain_id)["UserProfiles"]

    assert [profile["UserProfileName"] for profile in profiles] == ["aiko"]
    domains = [domain["DomainId"] for domain in studio.sagemaker.list_domains()["Domains"]]
    assert {studio.domain_id, other.domain_id} <= set(domains)


def test_settings_change_in_place(studio: Studio) -> None:
    studio.add_profile("aiko")
    lab = {"DefaultResourceSpec": {"InstanceType": "ml.m5.large"}}

    studio.sagemaker.update_user_profile(
        DomainId=studio.domain_id, UserProfileName="aiko", UserSettings={"JupyterLabAppSettings": lab}
    )
    studio.sagemaker.update_domain(DomainId=studio.domain_id, DefaultUserSettings={"JupyterLabAppSettings": lab})

    profile = studio.sagemaker.describe_user_profile(DomainId=studio.domain_id, UserProfileName="aiko")
    domain = studio.sagemaker.describe_domain(DomainId=studio.domain_id)
    assert profile["UserSettings"]["JupyterLabAppSettings"] == lab
    assert domain["DefaultUserSettings"]["JupyterLabAppSettings"] == lab


def test_tags_of_a_domain_are_read_back(engine: mllocal.Engine) -> None:
    studio = Studio.create(engine, Tags=[{"Key": "project", "Value": "demand"}])
    arn = studio.sagemaker.describe_domain(DomainId=studio.domain_id)["DomainArn"]

    assert studio.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "project", "Value": "demand"}]


def test_a_subnet_with_something_in_it_fails_its_stacks_deletion_with_the_reason(engine: mllocal.Engine) -> None:
    """What users of other platforms complain about, so that a teardown that leaves something fails here, too."""
    cloudformation, ec2 = engine.client("cloudformation"), engine.client("ec2")
    template = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.99.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.99.0.0/24}}
"""
    cloudformation.create_stack(StackName="in-use", TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="in-use", WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
    )
    subnet = cloudformation.describe_stack_resource(StackName="in-use", LogicalResourceId="Subnet")
    subnet_id = subnet["StackResourceDetail"]["PhysicalResourceId"]
    interface = ec2.create_network_interface(SubnetId=subnet_id)["NetworkInterface"]["NetworkInterfaceId"]

    cloudformation.delete_stack(StackName="in-use")
    wait_until(lambda: status(engine) == "DELETE_FAILED")
    events = cloudformation.describe_stack_events(StackName="in-use")["StackEvents"]
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    cloudformation.delete_stack(StackName="in-use")
    wait_until(lambda: status(engine) == "DELETE_COMPLETE")

    reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert f"{subnet_id} has a dependent object: {interface}" in reasons
    assert "DependencyViolation" in reasons


def status(engine: mllocal.Engine) -> str:
    summaries = engine.client("cloudformation").list_stacks()["StackSummaries"]
    return next(str(it["StackStatus"]) for it in summaries if it["StackName"] == "in-use")


def test_interfaces_are_those_that_the_filters_ask_for(engine: mllocal.Engine, studio: Studio) -> None:
    other = Studio.create(engine)
    for each in (studio, other):
        each.add_profile("aiko")
        each.add_space("mine", owner="aiko")
        each.start_app("mine")
    ec2 = engine.client("ec2")

    found = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [studio.security_group_id]}])
    with pytest.raises(ClientError, match="the embedded AWS filters interfaces by group-id, subnet-id, vpc-id"):
        ec2.describe_network_interfaces(Filters=[{"Name": "status", "Values": ["in-use"]}])

    assert [it["SubnetId"] for it in found["NetworkInterfaces"]] == [studio.subnet_ids[0]]


def test_a_build_is_refused_and_not_said_to_have_succeeded(engine: mllocal.Engine) -> None:
    codebuild = engine.client("codebuild")
    codebuild.create_project(
        name="an-image",
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "standard", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/build",
    )

    with pytest.raises(ClientError, match="has no Docker, so it builds nothing; build 'an-image' in AWS"):
        codebuild.start_build(projectName="an-image")
