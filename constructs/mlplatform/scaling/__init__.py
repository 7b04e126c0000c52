"""The policies that scale: which machines a job may climb to, and what scales an endpoint, proved before it ships."""

from mlplatform.scaling.endpoint_scaling import EndpointScaling
from mlplatform.scaling.ladder import InstanceLadder, Rung
from mlplatform.scaling.proving import ScalingProof

__all__ = ["EndpointScaling", "InstanceLadder", "Rung", "ScalingProof"]
