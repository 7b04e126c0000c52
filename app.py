"""Reads platform.yaml once and builds the stacks of one environment; nothing else.

cdk synth                               the environment dev
cdk synth -c environment=prod           another one
cdk synth -c projects=a,b               only these projects, besides what they share
cdk synth -c config=../platform.yaml    another file
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import App

from mlplatform.config import PlatformConfigError, load_platform
from stacks.platform import build_stacks

HERE = Path(__file__).parent
DEFAULT_ENVIRONMENT = "dev"
# What the CDK CLI adds to the context.
_CLI_CONTEXT = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
# The stack traces of an app in Python end in jsii's own frames: "no user code in 10 frames". They take time all the same.
_NO_STACK_TRACES = {"aws:cdk:disable-stack-trace": True, "aws:cdk:disable-creation-stack-traces": True}


def build_app(context: Mapping[str, object] | None = None, *, outdir: str | None = None) -> App:
    """Build the app; `context` stands for the CDK CLI's `-c` options, which win over it.

    The feature flags of cdk.json and the CLI's own settings are applied here, so that an app built without the CLI
    is the same, byte for byte.

    Raises:
        PlatformConfigError: the file holds mistakes, or an option names something it does not hold.
    """
    flags = json.loads((HERE / "cdk.json").read_text(encoding="utf-8"))["context"]
    settings = {**flags, **_CLI_CONTEXT, **_NO_STACK_TRACES}
    app = App(analytics_reporting=False, context={**settings, **(context or {})}, outdir=outdir)
    config, environment = _option(app, "config"), _option(app, "environment")
    build_stacks(
        app,
        platform=load_platform(HERE / "platform.yaml" if config is None else Path(config)),
        environment_name=DEFAULT_ENVIRONMENT if environment is None else environment,
        only_projects=_names(_option(app, "projects")),
    )
    return app


def _option(app: App, name: str) -> str | None:
    value = app.node.try_get_context(name)
    return None if value is None else str(value)


def _names(option: str | None) -> list[str] | None:
    if option is None:
        return None
    names = [name.strip() for name in option.split(",") if name.strip()]
    if not names:
        raise PlatformConfigError(["-c projects= names no project; list some as -c projects=a,b, or leave it out"])
    return names


if __name__ == "__main__":
    try:
        build_app().synth()
    except PlatformConfigError as error:
        sys.exit(str(error))
