"""Operations on MLflow apps: each app of a scope is the engine's one MLflow server."""

from __future__ import annotations

from mllocal.operations import listing
from mllocal.sagemaker.kinds import MLFLOW_APP
from mllocal.sagemaker.service import Request, Service, operation, random_id
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


def _find(service: Service, arn: str) -> Document:
    return service.require(MLFLOW_APP, arn, arn)
