"""Where ministack answers something that AWS would not, and somebody would believe it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import codebuild, ec2, s3, sqs

Answer = tuple[int, dict[str, str], bytes]
_FILTERS = {
    "group-id": lambda interface: [group["GroupId"] for group in interface["Groups"]],
    "subnet-id": lambda interface: [interface["SubnetId"]],
    "vpc-id": lambda interface: [interface["VpcId"]],
}
_get_whole_version = s3._get_object
_load_queues_as_they_were = sqs.load_persisted_state


def register_corrections() -> None:
    """Interfaces are filtered, versions read in parts, queues found after a change of port; builds, without Docker, are refused."""
    ec2._ACTION_MAP["DescribeNetworkInterfaces"] = _describe_network_interfaces
    codebuild._start_build = _refuse_build
    s3._get_object = _get_object
    sqs.load_persisted_state = _load_queues


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


def _get_object(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None) -> Answer:
    """ministack answers with all of a version, whatever the range is: downloaded in parts, each part would be the whole."""
    status, told, body = _get_whole_version(bucket, key, headers, query)
    if status != HTTPStatus.OK or not headers.get("range"):
        return status, told, body
    size = len(body)
    part = s3._parse_range(headers["range"], size)
    if part is None:
        refused = {"Content-Type": "application/xml", "Content-Range": f"bytes */{size}"}
        return HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, refused, s3._xml_body(s3._range_error_xml(bucket, key))
    start, end = part
    # Checksums are of the whole, so an SDK would hold them against the part.
    told = {name: value for name, value in told.items() if not name.lower().startswith("x-amz-checksum-")}
    told |= {"Content-Length": str(end - start + 1), "Content-Range": f"bytes {start}-{end}/{size}"}
    return HTTPStatus.PARTIAL_CONTENT, told, body[start : end + 1]


def _load_queues(state: dict[str, Any]) -> None:
    """ministack keeps queues by URLs that hold its port: started at another one, it would find none of them by name."""
    _load_queues_as_they_were(state)
    for (account, region, url), queue in list(sqs._queues._data.items()):
        now = sqs._queue_url_for_account(account, queue["name"])
        if now != url:
            sqs._queues._data[account, region, now] = {**sqs._queues._data.pop((account, region, url)), "url": now}
            sqs._queue_name_to_url.set_scoped(account, region, queue["name"], now)
