"""Whether something is there: SageMaker answers a question for what is not with an error."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

MISSING = "could not find"
EXISTS = "already exist"  # "Cannot create already existing model ...", "... already exists".


def found(describe: Callable[..., Mapping[str, Any]], **key: str) -> Mapping[str, Any] | None:
    """What `describe` answers; None for what is not there."""
    try:
        return describe(**key)
    except ClientError as error:
        if not says(error, MISSING):
            raise
        return None


def says(error: ClientError, words: str) -> bool:
    """SageMaker tells these errors apart by their words only: the code is ValidationException for all of them."""
    return words in error.response["Error"]["Message"].lower()
