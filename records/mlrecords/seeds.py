"""Which settings are seeds. Pure."""

import re
from collections.abc import Mapping

_SEED = re.compile(
    r"(?:^|[_.-])(?:seed|seeds|random_?state|rng)(?:$|[_.-])|(?:Seed|RandomState)$|^randomstate$", re.IGNORECASE
)


def seeds_of(*settings: Mapping[str, str]) -> dict[str, str]:
    """Those settings that are called a seed or a random state: `seed`, `data_seed`, `random_state`, `bagging.seed`, `RandomState`."""
    return {name: value for named in settings for name, value in named.items() if _SEED.search(name)}
