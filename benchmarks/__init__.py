"""What `make bench` measures, each beside its floor, as ratios in one run."""

import sys
from pathlib import Path

# The functions of runs and what they share find each other at the root, as they do in Lambda.
_LIBRARY = Path(__file__).parent.parent / "constructs" / "mlplatform"
sys.path += [str(_LIBRARY / "batch_inference" / "runtime"), str(_LIBRARY / "pipeline" / "runtime" / "libraries")]
