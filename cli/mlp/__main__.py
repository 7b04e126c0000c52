"""`python -m mlp`."""

from mlp.main import app

app()
