"""`python -m mllocal.images`: build the local environments of all known images."""

from mllocal.images import build_all

build_all(lambda line: print(f"setup: {line}"))
