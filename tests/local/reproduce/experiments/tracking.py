"""What a run of these experiments leaves: its metrics, and the hashes of the files that it wrote."""

import hashlib
import json
import os
from pathlib import Path


def given(name, path):
    """Where the content of an input is: elsewhere, while a run is reproduced."""
    file = Path(os.environ["MLP_REPRODUCING"], "inputs.json")
    found = json.loads(file.read_text()) if file.exists() else {}
    return Path(found.get(name, path))


def keep(metrics, outputs=()):
    """Leave `result.json`, as `mlplatform.track` does while a run is reproduced."""
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in map(Path, outputs)}
    document = {"metrics": {name: float(value) for name, value in metrics.items()}, "outputs": hashes}
    Path(os.environ["MLP_REPRODUCING"], "result.json").write_text(json.dumps(document))
