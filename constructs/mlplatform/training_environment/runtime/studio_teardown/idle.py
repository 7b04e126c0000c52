"""How long idle apps of a user profile run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .aws import client

MIN_MINUTES = 60


def set_idle_limits(properties: Mapping[str, Any]) -> None:
    """Set what the properties say on both kinds of apps of a profile; other settings of the apps stay."""
    key = {name: properties[name] for name in ("DomainId", "UserProfileName")}
    settings = client("sagemaker").describe_user_profile(**key).get("UserSettings", {})
    idle = {
        "LifecycleManagement": "ENABLED",
        "IdleTimeoutInMinutes": int(properties["IdleTimeoutInMinutes"]),
        "MinIdleTimeoutInMinutes": MIN_MINUTES,
        "MaxIdleTimeoutInMinutes": int(properties["MaxIdleTimeoutInMinutes"]),
    }
    changed = {
        apps: {**settings.get(apps, {}), "AppLifecycleManagement": {"IdleSettings": idle}}
        for apps in ("JupyterLabAppSettings", "CodeEditorAppSettings")
    }
    client("sagemaker").update_user_profile(**key, UserSettings=changed)
