"""Operations on MLflow apps and tracking servers: each of them is the engine's one MLflow server."""

from __future__ import annotations

from mllocal.operations import listing
from mllocal.sagemaker.kinds import MLFLOW_APP, MLFLOW_TRACKING_SERVER
from mllocal.sagemaker.service import Request, Service, arn_of, operation, random_id
from mllocal.sagemaker.store import Document, Scope


@operation("CreateMlflowApp")
def create_mlflow_app(service: Service, scope: Scope, request: Request) -> Document:
    return service.create(MLFLOW_APP, scope, f"app-{random_id().upper()}", {**request, "Status": "Created"})


@operation("DescribeMlflowApp")
def describe_mlflow_app(service: Service, scope: Scope, request: Request) -> Document:
    return _find(service, request["Arn"])


@operation("UpdateMlflowApp")
def update_mlflow_app(service: Service, scope: Scope, request: Request) -> Document:
    app = _find(service, request["Arn"])
    return service.store.update(app["Arn"], lambda document: document.update(request))


@operation("DeleteMlflowApp")
def delete_mlflow_app(service: Service, scope: Scope, request: Request) -> Document:
    app = _find(service, request["Arn"])
    service.store.delete(app["Arn"])
    return app


@operation("ListMlflowApps")
def list_mlflow_apps(service: Service, scope: Scope, request: Request) -> Document:
    apps = service.store.find(MLFLOW_APP.name, scope)
    return listing.page(MLFLOW_APP, apps, request, "Summaries", order="Descending")


@operation("CreatePresignedMlflowAppUrl")
def create_presigned_mlflow_app_url(service: Service, scope: Scope, request: Request) -> Document:
    _find(service, request["Arn"])
    return {"AuthorizedUrl": service.mlflow_url}


@operation("CreateMlflowTrackingServer")
def create_mlflow_tracking_server(service: Service, scope: Scope, request: Request) -> Document:
    created = {**request, "TrackingServerStatus": "Created", "IsActive": "Active"}
    return service.create(MLFLOW_TRACKING_SERVER, scope, request["TrackingServerName"], created)


@operation("DescribeMlflowTrackingServer")
def describe_mlflow_tracking_server(service: Service, scope: Scope, request: Request) -> Document:
    server = _server(service, scope, request)
    return {**server, "TrackingServerUrl": service.mlflow_url}


@operation("UpdateMlflowTrackingServer")
def update_mlflow_tracking_server(service: Service, scope: Scope, request: Request) -> Document:
    server = _server(service, scope, request)
    return service.store.update(server["TrackingServerArn"], lambda document: document.update(request))


@operation("DeleteMlflowTrackingServer")
def delete_mlflow_tracking_server(service: Service, scope: Scope, request: Request) -> Document:
    server = _server(service, scope, request)
    service.store.delete(server["TrackingServerArn"])
    return server


@operation("ListMlflowTrackingServers")
def list_mlflow_tracking_servers(service: Service, scope: Scope, request: Request) -> Document:
    servers = service.store.find(MLFLOW_TRACKING_SERVER.name, scope)
    return listing.page(MLFLOW_TRACKING_SERVER, servers, request, "TrackingServerSummaries", order="Descending")


@operation("CreatePresignedMlflowTrackingServerUrl")
def create_presigned_mlflow_tracking_server_url(service: Service, scope: Scope, request: Request) -> Document:
    _server(service, scope, request)
    return {"AuthorizedUrl": service.mlflow_url}


def _find(service: Service, arn: str) -> Document:
    return service.require(MLFLOW_APP, arn, arn)


def _server(service: Service, scope: Scope, request: Request) -> Document:
    name = request["TrackingServerName"]
    return service.require(MLFLOW_TRACKING_SERVER, arn_of(MLFLOW_TRACKING_SERVER, scope, name), name)
