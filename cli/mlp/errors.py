"""Errors a user can meet, as sentences: what is wrong, and what to do about it. Never a traceback."""

from __future__ import annotations

from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING

from botocore import exceptions as aws

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ExitCode(IntEnum):
    """What the exit code of every `mlp` command means."""

    OK = 0
    RUN_FAILED = 1
    BAD_INPUT = 2
    NOT_FOUND = 3
    INTERRUPTED = 130


EXIT_CODES_HELP = (
    "Exit codes: 0 done; 1 the run failed or was stopped; 2 bad input; "
    "3 the engine or AWS cannot be reached, or what you named is not there; 130 interrupted (a run goes on)."
)


class CliError(Exception):
    """Something the user can act on.

    `cause` says what is wrong and names the value; `fix` says what to do, as a sentence or a command.
    """

    def __init__(self, cause: str, *, fix: str, exit_code: ExitCode) -> None:
        super().__init__(cause)
        self.cause = cause
        self.fix = fix
        self.exit_code = exit_code

    def __str__(self) -> str:
        """Both, for a notebook, which shows no more of an error."""
        return f"{self.cause}; {self.fix}"


def bad_input(problems: Sequence[str], *, fix: str) -> CliError:
    """All the problems of one input at once."""
    return CliError("; ".join(problems), fix=fix, exit_code=ExitCode.BAD_INPUT)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, if there is one."""
    return next(iter(get_close_matches(name, list(names), n=1, cutoff=0.5)), None)


def not_found(kind: str, name: str, *, known: Iterable[str], where: str, plural: str = "") -> CliError:
    """An error for a name that does not exist, with the nearest ones that do."""
    names = sorted(known)
    plural = plural or f"{kind}s"
    near = nearest(name, names)
    if near:
        fix = f"did you mean '{near}'? {where} has the {plural} {', '.join(names)}"
    elif names:
        fix = f"{where} has the {plural} {', '.join(names)}"
    else:
        fix = f"{where} has no {plural} yet: deploy them with `cdk deploy --all`"
    return CliError(f"there is no {kind} '{name}'", fix=fix, exit_code=ExitCode.NOT_FOUND)


_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.TokenRetrievalError,
    aws.SSOError,
)
_CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
    }
)
_MISSING_CODES = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
_SIGN_IN = "sign in (`aws sso login`, or set AWS_PROFILE), or start the embedded AWS here with `mlp up`"


_TRY_AGAIN = "try again; if it stays, look at `mlp status`"
_OTHER_ERRORS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, ExitCode], ...] = (
    (aws.NoRegionError, "set AWS_REGION, or start the embedded AWS here with `mlp up`", ExitCode.NOT_FOUND),
    (
        aws.ProfileNotFound,
        "set AWS_PROFILE to one of `aws configure list-profiles`",
        ExitCode.BAD_INPUT,
    ),
    (aws.ParamValidationError, "correct the value named above", ExitCode.BAD_INPUT),
    (
        (aws.HTTPClientError, aws.ConnectionError),
        "if it is the embedded AWS, start it with `mlp up`; otherwise check the network and try again",
        ExitCode.NOT_FOUND,
    ),
)


def translate(error: aws.BotoCoreError | aws.ClientError, *, target: str) -> CliError:
    """The sentence for an error of boto3. `target` is what was asked, for example `AWS (us-east-1)`."""
    if isinstance(error, aws.ClientError):
        return _translate_answer(error, target=target)
    if isinstance(error, _CREDENTIALS):
        return CliError(
            f"{target} needs credentials: {_sentence(error)}",
            fix=_SIGN_IN,
            exit_code=ExitCode.NOT_FOUND,
        )
    for kind, fix, exit_code in _OTHER_ERRORS:
        if isinstance(error, kind):
            return CliError(f"{target}: {_sentence(error)}", fix=fix, exit_code=exit_code)
    return CliError(f"{target}: {_sentence(error)}", fix=_TRY_AGAIN, exit_code=ExitCode.NOT_FOUND)


def _translate_answer(error: aws.ClientError, *, target: str) -> CliError:
    answer = error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    said = f"{target} answered {code} to {error.operation_name}: {message.rstrip('.')}"
    if code in _CREDENTIAL_CODES:
        return CliError(said, fix=_SIGN_IN, exit_code=ExitCode.NOT_FOUND)
    if code in _MISSING_CODES:
        return CliError(said, fix="list what there is with `mlp status`", exit_code=ExitCode.NOT_FOUND)
    if code.startswith("AccessDenied"):
        fix = f"ask the platform team for permission to call {error.operation_name}, or use another AWS_PROFILE"
        return CliError(said, fix=fix, exit_code=ExitCode.NOT_FOUND)
    if code.startswith("Validation"):
        return CliError(said, fix="correct the value named above", exit_code=ExitCode.BAD_INPUT)
    return CliError(said, fix=_TRY_AGAIN, exit_code=ExitCode.NOT_FOUND)


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")
