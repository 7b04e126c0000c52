"""Where ministack answers something that AWS would not, and somebody would believe it."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import codebuild, ec2

Answer = tuple[int, dict[str, str], bytes]
_FILTERS = {
    "group-id": lambda interface: [group["GroupId"] for group in interface["Groups"]],
    "subnet-id": lambda interface: [interface["SubnetId"]],
    "vpc-id": lambda interface: [interface["VpcId"]],
}


def register_corrections() -> None:
    """Interfaces are filtered, and builds, for which there is no Docker, are refused instead of said to have succeeded."""
    ec2._ACTION_MAP["DescribeNetworkInterfaces"] = _describe_network_interfaces
    codebuild._start_build = _refuse_build


def _describe_network_interfaces(parameters: dict[str, Any]) -> Answer:
    """ministack returns every interface, whatever the filters are."""
    filters: dict[str, list[str]] = ec2._parse_filters(parameters)
    if unknown := filters.keys() - _FILTERS.keys():
        sentence = f"the embedded AWS filters interfaces by {', '.join(_FILTERS)}; got {', '.join(sorted(unknown))}"
        refused: Answer = ec2._error("InvalidParameterValue", sentence, 400)
        return refused
    ids = ec2._parse_member_list(parameters, "NetworkInterfaceId")
    found = "".join(
        ec2._eni_fields_xml(interface)
        for interface in ec2._network_interfaces.values()
        if (not ids or interface["NetworkInterfaceId"] in ids)
        and all(set(values) & set(_FILTERS[name](interface)) for name, values in filters.items())
    )
    answer: Answer = ec2._xml(
        200, "DescribeNetworkInterfacesResponse", f"<networkInterfaceSet>{found}</networkInterfaceSet>"
    )
    return answer


def _refuse_build(request: dict[str, Any]) -> Answer:
    answer: Answer = error_response_json(
        "InvalidInputException",
        f"the embedded AWS has no Docker, so it builds nothing; build {request.get('projectName')!r} in AWS, "
        "or register the environment of its image in images.toml",
        400,
    )
    return answer
