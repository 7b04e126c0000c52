"""Operations on SageMaker images, and how apps start in them. No image is built here, so none has a version."""

from __future__ import annotations

from mllocal.errors import in_use
from mllocal.operations import listing
from mllocal.sagemaker.kinds import APP_IMAGE_CONFIG, IMAGE
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope


@operation("CreateImage")
def create_image(service: Service, scope: Scope, request: Request) -> Document:
    if service.store.get(arn_of(IMAGE, scope, request["ImageName"])) is not None:
        raise in_use(f"Image {request['ImageName']} already exists")
    return service.create(IMAGE, scope, request["ImageName"], {**request, "ImageStatus": "CREATED"})


@operation("DescribeImage")
def describe_image(service: Service, scope: Scope, request: Request) -> Document:
    return _image(service, scope, request)


@operation("UpdateImage")
def update_image(service: Service, scope: Scope, request: Request) -> Document:
    image = _image(service, scope, request)
    return service.store.update(image["ImageArn"], lambda document: document.update(request))


@operation("DeleteImage")
def delete_image(service: Service, scope: Scope, request: Request) -> Document:
    service.store.delete(_image(service, scope, request)["ImageArn"])
    return {}


@operation("ListImages")
def list_images(service: Service, scope: Scope, request: Request) -> Document:
    return listing.page(IMAGE, service.store.find(IMAGE.name, scope), request, "Images", order="Descending")


@operation("CreateAppImageConfig")
def create_app_image_config(service: Service, scope: Scope, request: Request) -> Document:
    if service.store.get(arn_of(APP_IMAGE_CONFIG, scope, request["AppImageConfigName"])) is not None:
        raise in_use(f"AppImageConfig {request['AppImageConfigName']} already exists")
    return service.create(APP_IMAGE_CONFIG, scope, request["AppImageConfigName"], request)


@operation("DescribeAppImageConfig")
def describe_app_image_config(service: Service, scope: Scope, request: Request) -> Document:
    return _config(service, scope, request)


@operation("UpdateAppImageConfig")
def update_app_image_config(service: Service, scope: Scope, request: Request) -> Document:
    config = _config(service, scope, request)
    return service.store.update(config["AppImageConfigArn"], lambda document: document.update(request))


@operation("DeleteAppImageConfig")
def delete_app_image_config(service: Service, scope: Scope, request: Request) -> Document:
    service.store.delete(_config(service, scope, request)["AppImageConfigArn"])
    return {}


def _image(service: Service, scope: Scope, request: Request) -> Document:
    return service.require(IMAGE, arn_of(IMAGE, scope, request["ImageName"]), request["ImageName"])


def _config(service: Service, scope: Scope, request: Request) -> Document:
    name = request["AppImageConfigName"]
    return service.require(APP_IMAGE_CONFIG, arn_of(APP_IMAGE_CONFIG, scope, name), name)
