"""The toolkit of local images stands alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mllocal.images import image_for
from tests.unit.mllocal.toolkit import IMAGE


def test_what_runs_inside_an_image_imports_nothing_of_this_project() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import mlp_toolkit.train, mlp_toolkit.serve; print('mllocal' in sys.modules)"
    image = image_for(IMAGE)
    inside = Path(image.train_command[1]).parent

    done = subprocess.run(
        [str(image.bin_directory / "python"), "-c", program, str(inside)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
    assert sys.prefix not in done.stderr
