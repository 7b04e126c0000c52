"""Profiles of columns as JSON: merged, and compared. Standard library only: jobs and functions share it.

See docs/batch-inference-files.md, "The profile of a column".
"""

from column_profiles.merging import merge
from column_profiles.stability import population_stability_index

__all__ = ["merge", "population_stability_index"]
