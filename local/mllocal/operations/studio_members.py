"""Operations on user profiles and spaces of a Studio domain. Neither is deleted while it has apps, or a profile spaces."""

from __future__ import annotations

from mllocal.errors import in_use, validation
from mllocal.operations import listing
from mllocal.operations import studio_states as states
from mllocal.sagemaker.kinds import APP, DOMAIN, SPACE, USER_PROFILE, Kind
from mllocal.sagemaker.service import Request, Service, operation
from mllocal.sagemaker.store import Document, Scope

_NOTHING_RUNS = ("Deleted", "Failed")


@operation("CreateUserProfile")
def create_user_profile(service: Service, scope: Scope, request: Request) -> Document:
    domain = _domain(service, scope, request)
    single_sign_on = "SingleSignOnUserValue" in request
    if single_sign_on != (domain["AuthMode"] == "SSO"):
        raise validation(
            f"SingleSignOnUserIdentifier and SingleSignOnUserValue go with AuthMode SSO; the domain's is {domain['AuthMode']}"
        )
    return states.create(service, USER_PROFILE, scope, _name(request, USER_PROFILE), request)


@operation("DescribeUserProfile")
def describe_user_profile(service: Service, scope: Scope, request: Request) -> Document:
    return states.require(service, USER_PROFILE, scope, _name(request, USER_PROFILE))


@operation("UpdateUserProfile")
def update_user_profile(service: Service, scope: Scope, request: Request) -> Document:
    profile = states.require(service, USER_PROFILE, scope, _name(request, USER_PROFILE))
    settings = {**profile.get("UserSettings", {}), **request.get("UserSettings", {})}
    return states.update(service, USER_PROFILE, profile, {"UserSettings": settings})


@operation("DeleteUserProfile")
def delete_user_profile(service: Service, scope: Scope, request: Request) -> Document:
    profile = states.require(service, USER_PROFILE, scope, _name(request, USER_PROFILE))
    name = profile["UserProfileName"]
    _refuse_with_apps(service, USER_PROFILE, scope, profile, "UserProfileName")
    if any(_owner(space) == name for space in states.all_of(service, SPACE, scope, profile["DomainId"])):
        raise in_use(
            f"Unable to delete UserProfile [{profile['UserProfileArn']}] because Space(s) are associated with it."
        )
    states.delete(service, USER_PROFILE, profile)
    return {}


@operation("ListUserProfiles")
def list_user_profiles(service: Service, scope: Scope, request: Request) -> Document:
    profiles = states.all_of(service, USER_PROFILE, scope, request.get("DomainIdEquals"))
    query = {**request, "NameContains": request.get("UserProfileNameContains", "")}
    return listing.page(USER_PROFILE, profiles, query, "UserProfiles")


@operation("CreateSpace")
def create_space(service: Service, scope: Scope, request: Request) -> Document:
    domain = _domain(service, scope, request)
    if ("OwnershipSettings" in request) != ("SpaceSharingSettings" in request):
        raise validation("OwnershipSettings and SpaceSharingSettings go together; give both or neither")
    if owner := _owner(request):
        states.require(service, USER_PROFILE, scope, f"{domain['DomainId']}/{owner}")
    return states.create(service, SPACE, scope, _name(request, SPACE), {**request, "Url": domain["Url"]})


@operation("DescribeSpace")
def describe_space(service: Service, scope: Scope, request: Request) -> Document:
    return states.require(service, SPACE, scope, _name(request, SPACE))


@operation("UpdateSpace")
def update_space(service: Service, scope: Scope, request: Request) -> Document:
    space = states.require(service, SPACE, scope, _name(request, SPACE))
    changes = {name: value for name, value in request.items() if name in ("SpaceSettings", "SpaceDisplayName")}
    return states.update(service, SPACE, space, changes)


@operation("DeleteSpace")
def delete_space(service: Service, scope: Scope, request: Request) -> Document:
    space = states.require(service, SPACE, scope, _name(request, SPACE))
    _refuse_with_apps(service, SPACE, scope, space, "SpaceName")
    states.delete(service, SPACE, space)
    return {}


@operation("ListSpaces")
def list_spaces(service: Service, scope: Scope, request: Request) -> Document:
    spaces = [
        {
            **space,
            "OwnershipSettingsSummary": space.get("OwnershipSettings"),
            "SpaceSharingSettingsSummary": space.get("SpaceSharingSettings"),
            "SpaceSettingsSummary": space.get("SpaceSettings"),
        }
        for space in states.all_of(service, SPACE, scope, request.get("DomainIdEquals"))
    ]
    query = {**request, "NameContains": request.get("SpaceNameContains", "")}
    return listing.page(SPACE, spaces, query, "Spaces")


def _domain(service: Service, scope: Scope, request: Request) -> Document:
    """The domain of a request, which must be ready."""
    domain = states.require(service, DOMAIN, scope, request["DomainId"])
    if domain["Status"] != "InService":
        raise in_use(f"Domain {domain['DomainId']} is {domain['Status']}; wait until it is InService")
    return domain


def _name(request: Request, kind: Kind) -> str:
    """A name is unique within its domain."""
    return f"{request['DomainId']}/{request[kind.name_field]}"


def _owner(space: Document) -> str | None:
    owner: str | None = space.get("OwnershipSettings", {}).get("OwnerUserProfileName")
    return owner


def _refuse_with_apps(service: Service, kind: Kind, scope: Scope, document: Document, member: str) -> None:
    apps = states.all_of(service, APP, scope, document["DomainId"])
    if any(app.get(member) == document[member] and app["Status"] not in _NOTHING_RUNS for app in apps):
        raise in_use(
            f"Unable to delete {kind.name} [{document[kind.arn_field]}] because App(s) are associated with it."
        )
