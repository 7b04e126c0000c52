"""Started with an image's own Python as `run.py VERB [...]`: what the image would run, with nothing of mllocal imported."""

import importlib
import sys

PROGRAMS = {
    "train": "mlp_toolkit.train",
    "serve": "mlp_toolkit.serve",
    "monitor": "mlp_monitor.analyze",
    "clarify": "mlp_clarify.analyze",
}

if __name__ == "__main__":
    sys.exit(importlib.import_module(PROGRAMS[sys.argv[1]]).main(sys.argv[2:]))
