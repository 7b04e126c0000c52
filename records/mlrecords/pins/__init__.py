"""Pinning: what a run used is looked up and written down while it still is what the run used.

`pinned` asks S3 and ECR. What it could not find out stays out of the record; `required.missing` says so. Limits, so that a run of a
million objects costs no more than a few cents and seconds to pin:

    listing      100,000 versions under a prefix (100 requests); more stay without a version
    SHA-256      read where the objects of an input are 200 at most, and 64 MiB together
    checksums    asked of S3 for 1,000 objects at most; what has more is told by ETags
    tables       rows and columns of 100 Parquet files at most (their footers), or of CSV of 4 MiB together
    archives     of code: 64 MiB
"""

from mlrecords.pins.clients import Clients
from mlrecords.pins.pinning import pinned

__all__ = ["Clients", "pinned"]
