"""The embedded AWS: the platform's own templates and pipeline definitions, deployed and really run on this machine.

`up` starts it for a directory, `down` stops it, `engine` finds it. Everything else speaks boto3 to `Engine.endpoint_url`.
"""

from mllocal.errors import EngineError
from mllocal.lifecycle import Engine, down, engine, up
from mllocal.scaling_clock import ScalingClock

__all__ = ["Engine", "EngineError", "ScalingClock", "down", "engine", "up"]
