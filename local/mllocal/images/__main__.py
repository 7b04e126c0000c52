"""`python -m mllocal.images`: build the local environments of the default set."""

from mllocal.images import build_all

build_all(lambda line: print(f"setup: {line}"))
