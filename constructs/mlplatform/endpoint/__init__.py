"""Endpoints: models of a project that answer requests, at once, without instances, or from a queue."""

from mlplatform.endpoint.asynchronous import AsyncEndpoint
from mlplatform.endpoint.component_options import InferenceComponent
from mlplatform.endpoint.components import ComponentEndpoint
from mlplatform.endpoint.http_api import Fallback, HttpApi
from mlplatform.endpoint.options import AlarmLimits, BlueGreen, DataCapture, Variant
from mlplatform.endpoint.realtime import RealtimeEndpoint
from mlplatform.endpoint.serverless import ServerlessEndpoint

__all__ = [
    "AlarmLimits",
    "AsyncEndpoint",
    "BlueGreen",
    "ComponentEndpoint",
    "DataCapture",
    "Fallback",
    "HttpApi",
    "InferenceComponent",
    "RealtimeEndpoint",
    "ServerlessEndpoint",
    "Variant",
]
