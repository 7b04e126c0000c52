"""What `make bench` measures, each beside its floor, as ratios in one run."""

import sys
from pathlib import Path

# The functions of runs find each other at the root, as they do in Lambda.
sys.path.append(str(Path(__file__).parent.parent / "constructs" / "mlplatform" / "batch_inference" / "runtime"))
