"""A policy from the file that `mlp scaling tune --out` has written."""

from __future__ import annotations

import json
from pathlib import Path

from mlplatform.pipeline.problems import InvalidPropsError
from mlrecords.codec import InvalidDocumentError, from_json
from mlscaling import InvalidScalingError, Scaling


def read_scaling(path: str | Path) -> Scaling:
    """The policy of a file: the one that was found is the one that ships.

    When to use: `EndpointScaling(..., scaling=read_scaling("policy.json"))`, with the file in git beside the code. Events that come
    later are added with `dataclasses.replace(scaling, calendar=(...))`.

    Raises `InvalidPropsError` for a file that is not there or holds no policy.
    """
    try:
        return from_json(Scaling, json.loads(Path(path).read_text(encoding="utf-8")), Path(path).name)
    except (OSError, ValueError, InvalidDocumentError, InvalidScalingError) as error:
        raise InvalidPropsError(
            f"scaling policy '{path}'", [f"{error}; give a file that `mlp scaling tune --out` has written"]
        ) from error
