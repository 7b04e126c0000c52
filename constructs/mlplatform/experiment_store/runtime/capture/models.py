"""What the events of model packages and endpoints say. Pure."""

from mlrecords.record import Environment, Image

from .details import Detail, Parts, data, first, parent, part


def model_package(detail: Detail) -> Parts:
    """A version of a model: an output of whatever made it, with the image that serves it."""
    container = first(part(detail, "InferenceSpecification").get("Containers"))
    image = container.get("Image")
    return {
        "environment": Environment(image=Image(uri=image, digest=container.get("ImageDigest")) if image else None),
        "outputs": {"model": data(container.get("ModelDataUrl"), "model")},
        "parents": parent("execution", part(detail, "MetadataProperties").get("GeneratedBy")),
    }


def endpoint(detail: Detail) -> Parts:
    """An endpoint, with the image that its first variant runs."""
    variant = first(detail.get("ProductionVariants"))
    deployed = first(variant.get("DeployedImages"))
    uri, resolved = deployed.get("SpecifiedImage"), deployed.get("ResolvedImage") or ""
    return {
        "environment": Environment(image=Image(uri=uri, digest=resolved.partition("@")[2] or None) if uri else None)
    }
