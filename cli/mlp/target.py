"""What a command talks to, an engine on this machine or AWS: decided here, once. The rest speaks boto3."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.config import Config

import mllocal
from mlp.errors import CliError, ExitCode
from mlrecords.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE_DIRECTORY = ".mlp"
DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
RECORDS_PARAMETER = "/mlplatform/experiments/records-bucket"
STORE_APP = "mlp-experiments"
"""The experiment store's MLflow app, which shows the runs of all projects; each project has one of its own besides."""
_START_IT = "start it with `mlp up`, or say --aws to talk to AWS"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of `mlp status` about the target."""

    name: str
    value: str | int


class Target(Protocol):
    """An account to talk to through boto3."""

    @property
    def label(self) -> str:
        """What it is, for messages: `the embedded AWS at http://localhost:4566`."""

    def client(self, service: str, options: Config | None = None) -> Any:
        """A boto3 client; with `options` of its own where those of all commands do not fit."""

    def facts(self) -> tuple[Fact, ...]:
        """What `mlp status` says about it."""

    def not_emulated(self) -> tuple[str, ...]:
        """CloudFormation types that it accepts without doing anything for them."""

    def experiments_url(self, app: str | None) -> str:
        """A URL of MLflow that a browser can open. `app` names one of several MLflow apps."""

    def cache_directory(self) -> Path:
        """Where copies of what it holds may be kept; its user may delete them."""


@dataclass(frozen=True, kw_only=True)
class EndpointTarget:
    """An AWS endpoint with an address: the embedded engine, or anything else that speaks the AWS APIs."""

    endpoint_url: str
    status: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"{'the embedded AWS' if self.status else 'the endpoint'} at {self.endpoint_url}"

    def client(self, service: str, options: Config | None = None) -> Any:
        # The engine reads the account off the access key id; real keys of the shell must not reach it.
        session = boto3.Session(
            aws_access_key_id=str(self.status.get("account", DEFAULT_ACCOUNT)),
            aws_secret_access_key="embedded",  # noqa: S106 the engine does not check signatures
            region_name=str(self.status.get("region", DEFAULT_REGION)),
        )
        return session.client(service, endpoint_url=self.endpoint_url, config=_config(options, proxies={}))

    def facts(self) -> tuple[Fact, ...]:
        named = (
            ("pid", "pid"),
            ("account", "account"),
            ("region", "region"),
            ("MLflow", "mlflow_url"),
            ("scaling_clock_speed", "scaling_clock_speed"),
            ("provisioning_seconds", "provisioning_seconds"),
            ("state", "state_directory"),
        )
        port = urlsplit(self.endpoint_url).port
        return (
            Fact(name="endpoint", value=self.endpoint_url),
            *((Fact(name="port", value=port),) if port else ()),
            *(Fact(name=name, value=self.status[key]) for name, key in named if self.status.get(key)),
        )

    def not_emulated(self) -> tuple[str, ...]:
        return tuple(sorted(self.status.get("resource_types_not_emulated", ())))

    def experiments_url(self, app: str | None) -> str:
        url = self.status.get("mlflow_url")
        if not url:
            fix = "start the engine again with `mlp down` and `mlp up`"
            raise CliError(f"{self.label} serves no MLflow", fix=fix, exit_code=ExitCode.NOT_FOUND)
        return str(url)

    def cache_directory(self) -> Path:
        engine = self.status.get("state_directory")
        return Path(engine) if engine else _user_cache() / urlsplit(self.endpoint_url).netloc.replace(":", "-")


@dataclass(frozen=True, kw_only=True)
class AwsTarget:
    """AWS, with the credentials and the region that boto3 finds."""

    session: Any

    @property
    def label(self) -> str:
        return f"AWS ({self.session.region_name or 'no region'})"

    def client(self, service: str, options: Config | None = None) -> Any:
        return self.session.client(service, config=_config(options, ignore_configured_endpoint_urls=True))

    def facts(self) -> tuple[Fact, ...]:
        caller = self.client("sts").get_caller_identity()
        return (
            Fact(name="account", value=caller["Account"]),
            Fact(name="region", value=self.session.region_name),
            Fact(name="caller", value=caller["Arn"]),
        )

    def not_emulated(self) -> tuple[str, ...]:
        return ()

    def experiments_url(self, app: str | None) -> str:
        client = self.client("sagemaker")
        pages = client.get_paginator("list_mlflow_apps").paginate()
        ready = {
            item["Name"]: item["Arn"]
            for page in pages
            for item in page["Summaries"]
            if item["Status"] in {"Created", "Updated"}
        }
        wanted = STORE_APP if app is None and STORE_APP in ready else app
        arn = ready.get(wanted) if wanted else next(iter(ready.values()), None)
        if arn is None or (wanted is None and len(ready) > 1):
            raise _which_app(app, sorted(ready))
        return str(client.create_presigned_mlflow_app_url(Arn=arn)["AuthorizedUrl"])

    def cache_directory(self) -> Path:
        return _user_cache()


def _user_cache() -> Path:
    """XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlp"


def record_store(target: Target) -> RecordStore:
    """The run records of the account and region. Raises CliError when no experiment store is deployed there."""
    ssm = target.client("ssm")
    try:
        bucket = ssm.get_parameter(Name=RECORDS_PARAMETER)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound as error:
        raise CliError(
            f"{target.label} has no experiment store: there is no parameter {RECORDS_PARAMETER}",
            fix="deploy it: `cdk deploy 'mlp-*-experiment-store'`",
            exit_code=ExitCode.NOT_FOUND,
        ) from error
    return RecordStore(target.client("s3"), bucket)


def resolve(*, endpoint_url: str | None, use_aws: bool, directory: Path | None = None) -> Target:
    """The target of a command.

    `--aws` wins, then `--endpoint-url` (or AWS_ENDPOINT_URL), then the engine of this directory or of one
    above it, then AWS.
    A directory whose engine is down is an error: work meant for the laptop must not start in AWS by accident.
    """
    if use_aws:
        return AwsTarget(session=boto3.Session())
    if endpoint_url:
        return at_endpoint(endpoint_url)
    start = directory or Path.cwd()
    engine = running_engine(start)
    if engine is not None:
        return at_engine(engine)
    home = engine_home(start)
    if home is not None:
        raise CliError(f"the embedded AWS of {home} is not running", fix=_START_IT, exit_code=ExitCode.NOT_FOUND)
    return AwsTarget(session=boto3.Session())


def running_engine(directory: Path) -> mllocal.Engine | None:
    """The engine of `directory` or of the nearest directory above it that runs one."""
    try:
        found = map(mllocal.engine, _with_state(directory))
        return next((engine for engine in found if engine is not None), None)
    except mllocal.EngineError as error:
        raise engine_error(error) from error


def engine_home(directory: Path) -> Path | None:
    """The nearest directory, upwards, in which an engine was started, whether it runs or not."""
    return next(iter(_with_state(directory)), None)


def engine_error(error: mllocal.EngineError) -> CliError:
    """An error of the engine: its message is the cause, and the fix after the last semicolon."""
    cause, separator, fix = str(error).rpartition("; ")
    if not separator or "\n" in fix:
        cause, fix = str(error), "correct what it says above, then `mlp up` again"
    return CliError(cause, fix=fix, exit_code=ExitCode.NOT_FOUND)


def _with_state(directory: Path) -> list[Path]:
    return [place for place in (directory, *directory.parents) if (place / STATE_DIRECTORY).is_dir()]


def at_endpoint(endpoint_url: str) -> EndpointTarget:
    """The target at an address. Raises CliError when nothing answers there, or the text is no address."""
    url = endpoint_url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        fix = "give an address such as http://localhost:4566"
        raise CliError(f"endpoint '{endpoint_url}' is no http address", fix=fix, exit_code=ExitCode.BAD_INPUT)
    return EndpointTarget(endpoint_url=url, status=engine_status(url))


def at_engine(engine: mllocal.Engine) -> EndpointTarget:
    """The target of an engine that runs."""
    known = {
        "pid": engine.pid,
        "account": engine.account,
        "region": engine.region,
        "mlflow_url": engine.mlflow_url,
        "state_directory": str(engine.state_directory),
    }
    status = {**engine_status(engine.endpoint_url), **known}
    return EndpointTarget(endpoint_url=engine.endpoint_url, status=status)


def engine_status(endpoint_url: str) -> Mapping[str, Any]:
    """What the engine says of itself; nothing when another emulator answers there."""
    try:
        answer = urllib3.PoolManager().request("GET", f"{endpoint_url}/_mlp/status", timeout=10.0, retries=False)
    except urllib3.exceptions.HTTPError as error:
        cause = f"nothing answers at {endpoint_url}"
        raise CliError(cause, fix=_START_IT, exit_code=ExitCode.NOT_FOUND) from error
    if answer.status != 200:
        return {}
    try:
        status = json.loads(answer.data)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


def _which_app(app: str | None, names: list[str]) -> CliError:
    if not names:
        fix = "deploy the experiment store: `cdk deploy 'mlp-*-experiment-store'`"
        return CliError("there is no MLflow app that is ready", fix=fix, exit_code=ExitCode.NOT_FOUND)
    listed = ", ".join(names)
    if app is None:
        cause, code = f"there are {len(names)} MLflow apps: {listed}", ExitCode.BAD_INPUT
    else:
        cause, code = f"there is no MLflow app '{app}' that is ready; ready are {listed}", ExitCode.NOT_FOUND
    return CliError(cause, fix=f"name one with --app, for example --app {names[0]}", exit_code=code)


def _config(special: Config | None = None, **options: Any) -> Config:
    usual = Config(connect_timeout=5, retries={"mode": "standard", "max_attempts": 3}, **options)
    return usual if special is None else usual.merge(special)
