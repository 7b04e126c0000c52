"""Functions of the experiment store: `capture` writes records of runs from events, `projection` shows them in MLflow."""
