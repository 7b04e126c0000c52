"""What is in a domain, and the domain itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .aws import client

_GONE = ("Deleted", "Failed")
"""Apps in these states hold nothing and cannot be deleted (developer guide, "Delete an Amazon SageMaker AI domain")."""


class TeardownError(Exception):
    """Something does not go away by itself."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Apps, spaces and user profiles: of the whole domain, of one person, or of one space.

    For a person, these are their apps and the spaces they own; for a space, its apps. The profile or space itself is
    CloudFormation's to delete.
    """

    domain_id: str
    user_profile_name: str | None = None
    space_name: str | None = None

    def done(self) -> bool:
        """Delete what can be deleted now; True when nothing is left. Apps go first, and keep spaces and profiles."""
        spaces = self._spaces()
        if apps := self._apps([str(space["SpaceName"]) for space in spaces]):
            for app in apps:
                if app["Status"] == "InService":
                    self._delete("app", **_app_key(app))
            return False
        if spaces and self.space_name is None:
            for space in spaces:
                self._delete_once("space", space, SpaceName=space["SpaceName"])
            return False
        if self.user_profile_name is not None or self.space_name is not None:
            return True
        profiles = list(self._listed("list_user_profiles", "UserProfiles"))
        for profile in profiles:
            self._delete_once("user_profile", profile, UserProfileName=profile["UserProfileName"])
        return not profiles

    def _spaces(self) -> list[dict[str, Any]]:
        return [space for space in self._listed("list_spaces", "Spaces") if self._concerns(space)]

    def _concerns(self, space: dict[str, Any]) -> bool:
        if self.space_name is not None:
            return bool(space["SpaceName"] == self.space_name)
        owner = space.get("OwnershipSettingsSummary", {}).get("OwnerUserProfileName")
        return self.user_profile_name is None or owner == self.user_profile_name

    def _apps(self, spaces: list[str]) -> list[dict[str, Any]]:
        everything = self.user_profile_name is None and self.space_name is None
        return [
            app
            for app in self._listed("list_apps", "Apps")
            if app["Status"] not in _GONE
            and (
                everything
                or app.get("SpaceName") in spaces
                or (self.user_profile_name is not None and app.get("UserProfileName") == self.user_profile_name)
            )
        ]

    def _listed(self, operation: str, member: str) -> Iterator[dict[str, Any]]:
        pages = client("sagemaker").get_paginator(operation).paginate(DomainIdEquals=self.domain_id)
        for page in pages:
            yield from page[member]

    def _delete_once(self, kind: str, summary: dict[str, Any], **key: str) -> None:
        if summary["Status"] == "Delete_Failed":
            raise TeardownError(
                f"{kind} {' '.join(key.values())} of {self.domain_id} could not be deleted; see its reason"
            )
        if summary["Status"] != "Deleting":
            self._delete(kind, **key)

    def _delete(self, kind: str, **key: str) -> None:
        try:
            getattr(client("sagemaker"), f"delete_{kind}")(DomainId=self.domain_id, **key)
        except ClientError as error:
            # Somebody else was faster, or what it holds is still going: the next look will tell.
            if error.response["Error"]["Code"] not in ("ResourceNotFound", "ResourceInUse"):
                raise


def _app_key(app: dict[str, Any]) -> dict[str, str]:
    """An app is of a space or of a profile; the request takes one of them."""
    owner = "SpaceName" if app.get("SpaceName") else "UserProfileName"
    return {name: app[name] for name in (owner, "AppType", "AppName")}


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The domain: deleted here and not by CloudFormation, which cannot say what becomes of the home directories.

    CloudFormation finds it gone, and takes that for deleted.
    """

    domain_id: str
    retention: str

    def done(self) -> bool:
        """Delete it if nobody has; True when it is gone."""
        sagemaker = client("sagemaker")
        try:
            domain = sagemaker.describe_domain(DomainId=self.domain_id)
            if domain["Status"] == "Delete_Failed":
                raise TeardownError(f"{self.domain_id} could not be deleted: {domain.get('FailureReason')}")
            if domain["Status"] != "Deleting":
                sagemaker.delete_domain(DomainId=self.domain_id, RetentionPolicy={"HomeEfsFileSystem": self.retention})
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFound":
                raise
            return True
        return False
