"""Operations on apps of Studio: what runs in a space or for a user profile. Here nothing runs; an app is its state.

An app of a VPC-only domain has a network interface in the domain's first subnet for as long as it lives.
"""

from __future__ import annotations

from mllocal.aws import Aws
from mllocal.errors import in_use, validation
from mllocal.operations import listing
from mllocal.operations import studio_states as states
from mllocal.sagemaker.kinds import APP, DOMAIN, SPACE, USER_PROFILE
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope

_OWNERS = {"SpaceName": SPACE, "UserProfileName": USER_PROFILE}
_OVER = ("Deleted", "Failed")


@operation("CreateApp")
def create_app(service: Service, scope: Scope, request: Request) -> Document:
    domain = states.require(service, DOMAIN, scope, request["DomainId"])
    member, owner = _owner(request)
    states.require(service, _OWNERS[member], scope, f"{request['DomainId']}/{owner}")
    known = states.find(service, APP, scope, _name(request))
    if known is not None and known["Status"] not in _OVER:
        raise in_use(f"App [{known['AppArn']}] already exists and is {known['Status']}")
    # The name of an app that is over can be taken again.
    service.store.delete(arn_of(APP, scope, _name(request)))
    return states.create(service, APP, scope, _name(request), {**request, **_interface(scope, domain, owner)})


@operation("DescribeApp")
def describe_app(service: Service, scope: Scope, request: Request) -> Document:
    return states.require(service, APP, scope, _name(request))


@operation("DeleteApp")
def delete_app(service: Service, scope: Scope, request: Request) -> Document:
    app = states.require(service, APP, scope, _name(request))
    if app["Status"] != "InService":
        raise in_use(
            f"Unable to delete App [{app['AppArn']}] because it is {app['Status']}; only apps InService can go."
        )
    if "NetworkInterfaceId" in app:
        Aws(scope).client("ec2").delete_network_interface(NetworkInterfaceId=app["NetworkInterfaceId"])
    states.delete(service, APP, app, becomes="Deleted")  # AWS lists it for a day.
    return {}


@operation("ListApps")
def list_apps(service: Service, scope: Scope, request: Request) -> Document:
    wanted = {member: request[f"{member}Equals"] for member in _OWNERS if f"{member}Equals" in request}
    apps = [
        app
        for app in states.all_of(service, APP, scope, request.get("DomainIdEquals"))
        if all(app.get(member) == name for member, name in wanted.items())
    ]
    return listing.page(APP, apps, request, "Apps")


def _owner(request: Request) -> tuple[str, str]:
    """Which member of a request says whose app it is, and what it says."""
    given = [(member, str(request[member])) for member in _OWNERS if member in request]
    if len(given) != 1:
        raise validation(f"give one of SpaceName and UserProfileName; got {len(given)} of them")
    return given[0]


def _name(request: Request) -> str:
    _, owner = _owner(request)
    return f"{request['DomainId']}/{owner}/{request['AppType']}/{request['AppName']}"


def _interface(scope: Scope, domain: Document, owner: str) -> Document:
    if domain["AppNetworkAccessType"] != "VpcOnly":
        return {}
    created = (
        Aws(scope)
        .client("ec2")
        .create_network_interface(
            SubnetId=domain["SubnetIds"][0],
            Groups=domain["DefaultUserSettings"].get("SecurityGroups", []),
            Description=f"[DO NOT DELETE] ENI managed by SageMaker for the apps of {owner} in {domain['DomainId']}",
        )
    )
    return {"NetworkInterfaceId": created["NetworkInterface"]["NetworkInterfaceId"]}
